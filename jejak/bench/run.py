"""Which measurements there are, on what ground each stands, and in which order they are taken."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from jejak.bench import (
    auditing,
    folding,
    history,
    importing,
    intake,
    loading,
    nation,
    profile,
    programmes,
    projecting,
    ranking,
    trail,
    tree,
    verifying,
)
from jejak.bench.corpus import Corpus
from jejak.bench.ground import Ground, Progress, Wishes, prepared
from jejak.bench.nation import Speeds
from jejak.bench.results import Result
from jejak.settings import Settings

Measure = Callable[[Ground], Iterator[Result]]

WITHOUT_SERVERS: Final = ("intake", "profile", "nation")
OF_NOTHING: Final[dict[str, Callable[[Wishes], Iterator[Result]]]] = {
    "tree": lambda _: tree.tree(),
    "verify": lambda _: verifying.verifying(),
    "rank": lambda wishes: ranking.ranking(wishes.ranked),
    "import": lambda _: importing.importing(),
    "programmes": lambda _: programmes.programmes(),
}
"""Those that need neither servers nor changes."""
# One after the other on one pair of servers: each uses what the one before has left.
ON_ONE_GROUND: Final[dict[str, Measure]] = {
    "floor": folding.floor,
    "fold": folding.fold,
    "disk": folding.disk,
    "replay": history.replay,
    "restore": history.restore,
    "projection": projecting.projection,
}
ON_THEIR_OWN: Final[dict[str, Measure]] = {
    "publish": intake.publish,
    "scaling": folding.scaling,
    "lag": loading.lag,
    "memory": loading.memory,
    "audit": auditing.audit,
    "trail": trail.trail,
}
NAMES: Final = (*OF_NOTHING, *WITHOUT_SERVERS, *ON_ONE_GROUND, *ON_THEIR_OWN)
_NEED_EVENTS: Final = frozenset({"disk", "replay", "restore", "projection"})
# Measured on the machine that docs/performance.md speaks of: what the nation's needs are made of where a run of
# `nation` measures nothing else.
REFERENCE: Final = Speeds(fold_cpu=150.0, replay_cpu=50.0, restore_rate=150_000.0)


def run(settings: Settings, names: Iterable[str], wishes: Wishes, progress: Progress) -> Iterator[Result]:
    """Yield the results of the measurements named, of all if none is; servers are stopped and deleted afterwards."""
    found: list[Result] = []
    wanted = frozenset(names) or frozenset(NAMES)
    for name, of_nothing in OF_NOTHING.items():
        if name in wanted:
            progress(name)
            yield from of_nothing(wishes)
    if wanted <= OF_NOTHING.keys():
        return
    progress("intake, keys in memory")
    corpus, made = intake.intake(wishes.families)
    if "intake" in wanted:
        yield from made
    if "profile" in wanted:
        progress("the pure fold and its profile")
        yield from profile.profile(corpus)
    for result in _on_one_ground(settings, wanted, corpus, wishes, progress):
        found.append(result)
        yield result
    for name, measure in ON_THEIR_OWN.items():
        if name in wanted:
            with prepared(settings, corpus, wishes, progress) as ground:
                yield from measure(ground)
    if "nation" in wanted:
        yield from nation.of(corpus, found, REFERENCE)


def _on_one_ground(
    settings: Settings, wanted: frozenset[str], corpus: Corpus, wishes: Wishes, progress: Progress
) -> Iterator[Result]:
    if wanted.isdisjoint(ON_ONE_GROUND):
        return
    with prepared(settings, corpus, wishes, progress) as ground:
        for name, measure in ON_ONE_GROUND.items():
            if name in wanted:
                yield from measure(ground)
            elif name == "fold" and not wanted.isdisjoint(_NEED_EVENTS):
                list(measure(ground))
