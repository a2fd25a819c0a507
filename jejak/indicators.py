"""Where figures take their counts from: the running sums, or those of another time. Past the door: sums name nobody."""

from collections.abc import Iterable

from consumers.replay.figures import FiguresRefused
from consumers.replay.moments import Moments
from jejak import reading
from jejak.composition import Registry
from stream_processors.indicators.counts import Cell


def cells(registry: Registry, counts: Iterable[str], at: Moments) -> tuple[dict[Cell, int], Moments] | FiguresRefused:
    """Return every cell of these counts, and the times that they are true for."""
    names = tuple(counts)
    if at.is_now:
        live = ((name, cell) for name in names for cell in reading.indicator_cells(registry, name, ""))
        return {Cell(name, cell.region, cell.category): cell.sum for name, cell in live}, at
    found = reading.indicator_figures(registry, names, "", at)
    if isinstance(found, FiguresRefused):
        return found
    then = {Cell(name, one.region, one.category): one.sum for name in names for one in found.cells[name]}
    return then, found.moments
