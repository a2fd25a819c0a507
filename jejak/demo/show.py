"""Prints what the demo read back, as tables, and each comparison with its verdict."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from consumers.gateway.timeline import Entry
from jejak.cli import output
from jejak.demo.accounts import DERIVED, Changes, Events, Refusals
from stream_processors.indicators.counts import Cell
from stream_processors.indicators.definitions import NO_DECILE

DECILES = (*(str(number) for number in range(1, 11)), NO_DECILE)


@dataclass(slots=True)
class Verdicts:
    """Comparisons made, each with whether it held."""

    made: list[tuple[str, bool]] = field(default_factory=list)

    def check(self, claim: str, *, holds: bool) -> None:
        """Note one comparison."""
        self.made.append((claim, holds))

    @property
    def all_hold(self) -> bool:
        """Whether every comparison held."""
        return all(holds for _, holds in self.made)


def flow(said: Changes, became: Events, refused: Refusals, dead: Mapping[tuple[int, int], str]) -> None:
    """Print what went in and what became of it."""
    known = said.total - became.accepted - refused.by_fold.total() - len(dead)
    rows = [
        ("rows refused before sealing", refused.by_producers.total()),
        ("changes on the topic", said.total),
        ("  accepted, now events", became.accepted),
        ("  refused with a rule", refused.by_fold.total()),
        ("  known already, or a date or an answer that came too late", known),
        ("  dead letters", len(dead)),
        ("eligibility decisions derived", became.records[DERIVED]),
        ("families", len(became.states)),
    ]
    output.table("What went in, and what became of it (read from Kafka)", ("", "count"), rows)
    both = [("producers", refused.by_producers), ("fold", refused.by_fold)]
    rules = [(who, rule, count) for who, counter in both for rule, count in counter.most_common()]
    output.table("Refused, by rule", ("by", "rule", "count"), [*rules, *_codes(dead)])


def _codes(dead: Mapping[tuple[int, int], str]) -> list[tuple[str, str, int]]:
    return [("dead letters", code, count) for code, count in Counter(dead.values()).most_common()]


def counts(stream: Counter[Cell], rows: Counter[Cell], events: Counter[Cell]) -> None:
    """Print families by region and decile: from the stream, from the read model's families, from the events."""
    regions = sorted({cell.region for cell in stream if cell.indicator == "families_by_decile"})
    lines = []
    for region in regions:
        for decile in DECILES:
            cell = Cell("families_by_decile", region, decile)
            if stream[cell] or rows[cell] or events[cell]:
                lines.append((region, decile, stream[cell], rows[cell], events[cell]))
    heads = ("region", "decile", "stream", "read model", "events")
    output.table("Families by region and decile, counted three ways", heads, lines)


def life(family_id: str, entries: tuple[Entry, ...]) -> None:
    """Print one family's life."""
    rows = [
        (
            entry.sequence,
            f"{entry.true_since:%Y-%m-%d}",
            entry.step,
            entry.agency,
            " ".join(f"{name}={value}" for name, value in entry.results),
            " ".join(entry.reasons),
        )
        for entry in entries
    ]
    output.table(f"The life of family {family_id}", ("#", "true since", "step", "who", "result", "reasons"), rows)


def verdicts(made: Verdicts) -> None:
    """Print every comparison."""
    rows = [("holds" if holds else "DOES NOT HOLD", claim) for claim, holds in made.made]
    output.table("Compared", ("", ""), rows)
