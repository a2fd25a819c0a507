"""The gateways' chains over the whole log: segment after segment, numbers without a hole, every answer with an intent.

A number that comes again is a write-ahead file played back: it must be the same entry as before, byte for byte. Knows
runs and mentions; must not know how entries are read, but for a callable that reads the numbers of old runs anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Final

from consumers.auditor.chains import Mention, Run, Said
from consumers.auditor.verdict import Broken, Figures

REMEMBERED: Final = 200_000
"""How many answered intents are still known, for disclosures that follow their outcome."""
SHOWN: Final = 20

HashesOf = Callable[[Run], dict[int, bytes]]
"""Returns the value hash of each number of a run, read from the log again."""


@dataclass(slots=True)
class _Chain:
    last: int = 0
    hash: bytes = bytes(32)
    closed: bool = False


class Ledger:
    """What all gateways said up to a segment."""

    def __init__(self) -> None:
        self.figures = Figures()
        self._chains: dict[str, _Chain] = {}
        self._open: dict[bytes, Mention] = {}
        self._answered: OrderedDict[bytes, None] = OrderedDict()
        self._runs: dict[str, list[Run]] = {}
        self._repeats: list[tuple[Run, int]] = []

    def take(self, said: Said) -> Broken | None:
        """Return what is broken between a segment and those before it."""
        before = {run.gateway: self._last(run.gateway) for run in said.runs}
        for run in said.runs:
            if broken := self._continue(run):
                return broken
        self._add(said.figures)
        return self._answer(said, before)

    def repeated(self, hashes_of: HashesOf) -> Broken | None:
        """Return the first repeated number that is not the entry it was before."""
        for again, last in self._repeats:
            second = {number: hashed for number, hashed in hashes_of(again).items() if number <= last}
            self.figures.repeats += len(second)
            for first in self._runs[again.gateway]:
                if first is not again and first.first <= last and again.first <= first.last:
                    for number, hashed in hashes_of(first).items():
                        if second.get(number, hashed) != hashed:
                            text = f"number {number} of {again.gateway} came before with other bytes"
                            return Broken("REPEAT_DIFFERS", again.place, text)
        return None

    def finish(self) -> tuple[str, ...]:
        """Count what is open at the end of the log; return the places of the first intents without outcome."""
        self.figures.gateways = len(self._chains)
        self.figures.chains_without_closing = sum(not chain.closed for chain in self._chains.values())
        self.figures.intents_without_outcome = len(self._open)
        return tuple(mention.place for mention in list(self._open.values())[:SHOWN])

    def _last(self, gateway: str) -> int:
        chain = self._chains.get(gateway)
        return chain.last if chain else 0

    def _continue(self, run: Run) -> Broken | None:
        """Join a run to what its gateway said before."""
        chain = self._chains.setdefault(run.gateway, _Chain())
        if run.first > chain.last + 1:
            text = f"after number {chain.last} of {run.gateway} comes {run.first}"
            return Broken("SEQUENCE_HOLE", run.place, text)
        if run.first <= chain.last:
            self._repeats.append((run, min(run.last, chain.last)))
            if run.last <= chain.last:
                return None
        elif run.before != chain.hash:
            text = f"number {run.first} of {run.gateway} names another entry before it"
            return Broken("CHAIN_BROKEN", run.place, text)
        if chain.closed:
            return Broken("AFTER_CLOSING", run.place, f"number {run.last} of {run.gateway}")
        chain.last, chain.hash, chain.closed = run.last, run.hash, run.closed
        self._runs.setdefault(run.gateway, []).append(run)
        return None

    def _add(self, more: Figures) -> None:
        for one in fields(Figures):
            setattr(self.figures, one.name, getattr(self.figures, one.name) + getattr(more, one.name))

    def _answer(self, said: Said, before: dict[str, int]) -> Broken | None:
        for mention in said.unmatched:
            if mention.number <= before[mention.gateway]:
                continue  # played back: it was asked for when it came first
            if mention.closes and mention.intent in self._open:
                del self._open[mention.intent]
                self._remember(mention.intent)
            elif mention.intent not in self._open and mention.intent not in self._answered:
                return Broken("WITHOUT_INTENT", mention.place, "an answer to an intent that is in no earlier leaf")
        for intent in said.closed:
            self._remember(intent)
        for mention in _new(said.opened, before):
            self._open[mention.intent] = mention
        return None

    def _remember(self, intent: bytes) -> None:
        self._answered[intent] = None
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)


def _new(mentions: list[Mention], before: dict[str, int]) -> Iterator[Mention]:
    return (mention for mention in mentions if mention.number > before[mention.gateway])
