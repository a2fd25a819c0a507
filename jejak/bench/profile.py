"""Where the fold's time goes: the pure fold alone in this process, by the module that spends it.

Knows the fold and the corpus; no broker.
"""

import cProfile
import gc
import pstats
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from jejak.bench import corpus as corpora
from jejak.bench.corpus import APPENDED_AT, Corpus
from jejak.bench.results import Result
from stream_processors.engine.contract import Output
from stream_processors.folds.families import FamiliesFold
from stream_processors.registry.rulebook import RuleBook

ROOT: Final = Path(__file__).parents[2]
_RUNS: Final = 3
_SHOWN: Final = 14
_MICRO: Final = 1e6


def profile(corpus: Corpus) -> Iterator[Result]:
    """Yield the pure fold's CPU a change, and of it what each module spends, by a profiler's shares."""
    book = corpora.book()
    each = min(_seconds(corpus, book) for _ in range(_RUNS)) / len(corpus.changes) * _MICRO
    note = f"{len(corpus.changes):,} changes, best of {_RUNS}; no engine, no broker"
    yield Result("profile.fold", "pure fold: decode, decide, evolve, count, encode", each, "us a change", note)
    shares = _shares(corpus, book)
    for name, share in shares.most_common(_SHOWN):
        yield Result(f"profile.{name}", f"of it in {name}", each * share, "us a change", f"{share:.0%}")


def outputs(corpus: Corpus) -> list[Sequence[Output]]:
    """Return what the fold puts out for each change of the corpus."""
    book = corpora.book()
    fold = FamiliesFold(0, lambda: book)
    return [_one(fold, corpus, at) for at in range(len(corpus.changes))]


def _one(fold: FamiliesFold, corpus: Corpus, at: int) -> Sequence[Output]:
    change = corpus.changes[at]
    return fold.fold(change.key, change.value, at, APPENDED_AT + at)


def _seconds(corpus: Corpus, book: RuleBook) -> float:
    fold = FamiliesFold(0, lambda: book)
    gc.collect()
    gc.freeze()
    started = time.process_time()
    for at in range(len(corpus.changes)):
        _one(fold, corpus, at)
    return time.process_time() - started


def _shares(corpus: Corpus, book: RuleBook) -> Counter[str]:
    """Return each module's share of the time; a built-in's time is its caller's."""
    fold, profiler = FamiliesFold(0, lambda: book), cProfile.Profile()
    with profiler:
        for at in range(len(corpus.changes)):
            _one(fold, corpus, at)
    spent: Counter[str] = Counter()
    told: Any = pstats.Stats(profiler)
    for (path, _, _), (_, _, own, _, callers) in told.stats.items():
        if path.startswith("/"):
            spent[_module(path)] += own
            continue
        for (caller, _, _), (_, _, its, _) in callers.items():
            spent[_module(caller)] += its
    whole = sum(spent.values())
    return Counter({name: own / whole for name, own in spent.items()})


def _module(path: str) -> str:
    if not path.startswith("/"):
        return "generated codecs" if path.startswith("<") else "interpreter"
    place = Path(path)
    return place.relative_to(ROOT).as_posix() if place.is_relative_to(ROOT) else place.stem
