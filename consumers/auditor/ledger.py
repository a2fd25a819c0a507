"""The gateways' chains over the whole log: segment after segment, numbers without a hole, every answer with an intent.

A number that comes again is a write-ahead file played back: it must be the same entry as before, byte for byte. Knows
runs and mentions; must not know how entries are read, but for a callable that reads the numbers of old runs anew.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final, assert_never

from consumers.auditor.chains import Letter, Run, Said
from consumers.auditor.looks import Due, Look, Told, said_again, too_many
from consumers.auditor.verdict import Broken, Figures, at_leaf

REMEMBERED: Final = 200_000
"""How many answered intents are still known, for what is said of them once more."""
SHOWN: Final = 20

HashesOf = Callable[[Run], dict[int, bytes]]
"""Returns the value hash of each number of a run, read from the log again."""


@dataclass(slots=True)
class _Chain:
    last: int = 0
    hash: bytes = bytes(32)
    closed: bool = False
    due: Due | None = None


class Ledger:
    """What all gateways said up to a segment."""

    def __init__(self) -> None:
        self.figures = Figures()
        self._chains: dict[str, _Chain] = {}
        self._open: dict[bytes, Look] = {}
        self._answered: OrderedDict[bytes, int] = OrderedDict()  # with the count of the outcome
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
        self.figures.outcomes_cut_off = sum(chain.due is not None for chain in self._chains.values())
        return tuple(look.place for look in list(self._open.values())[:SHOWN])

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
        """Judge what the segment could not, then take in what it is sure of; what came before isn't judged again."""
        for letter in said.letters:
            if letter.number > before[letter.gateway] and (broken := self._judge(letter)):
                return broken
        for intent, count in said.closed:
            self._open.pop(intent, None)
            self._remember(intent, count)
        # Who says more than it did before said again, in this segment, all that the new follows from, or nothing of it.
        speaking = {run.gateway for run in said.runs if run.last > before[run.gateway]}
        self._open |= {intent: look for intent, look in said.opened if look.gateway in speaking}
        settled = {intent for intent, _ in said.closed}
        for chain, due in ((self._chains[one], said.due.get(one)) for one in speaking):
            if due is not None or (chain.due is not None and chain.due.intent in settled):
                chain.due = due
        return None

    def _judge(self, letter: Letter) -> Broken | None:
        """Return how an entry is not what may follow from the segments before."""
        chain = self._chains[letter.gateway]
        match letter.said:
            case bytes() if chain.due is not None and chain.due.intent == letter.intent:
                chain.due.left -= 1
                chain.due = chain.due if chain.due.left else None
                return None
            case _ if chain.due is not None:
                return chain.due.broken()
            case None:
                return None
            case Told() as told:
                return self._outcome(letter, told)
            case bytes() as value_hash:
                return self._disclosure(letter, value_hash)
            case never:
                assert_never(never)

    def _outcome(self, letter: Letter, told: Told) -> Broken | None:
        intent = letter.intent
        if intent in self._answered:
            return said_again(self._answered[intent], told, letter.where)
        if intent not in self._open:
            return _without_intent(letter)
        due = self._open.pop(intent).answered(intent, told, letter.where)
        if isinstance(due, Broken):
            return due
        self._remember(intent, due.count)
        self._chains[letter.gateway].due = due if due.left else None
        return None

    def _disclosure(self, letter: Letter, value_hash: bytes) -> Broken | None:
        if letter.intent in self._open:
            self._open[letter.intent].shown(value_hash)
            return None
        return too_many(letter.where) if letter.intent in self._answered else _without_intent(letter)

    def _remember(self, intent: bytes, count: int) -> None:
        self._answered[intent] = count
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)


def _without_intent(letter: Letter) -> Broken:
    return Broken("WITHOUT_INTENT", at_leaf(*letter.where), "an answer to an intent that is in no earlier leaf")
