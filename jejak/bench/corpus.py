"""The changes that are folded in benchmarks: a synthetic district through the real intake, and copies of it.

A copy is the same lives under other family ids: the bytes, rules and outcomes of the district at any volume, made in a
microsecond a change. Knows framed changes; no broker.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.references import ReferenceKey
from producers.intake import Intake
from producers.outgoing import Outgoing
from producers.simulation.nation import Nation
from producers.simulation.stream import simulate
from schemas import codec, prefix
from stream_processors.folds.activation import activation
from stream_processors.registry import rulebook
from stream_processors.registry.rulebook import activation_of

RULES_SINCE = 1_735_689_600_000_000
APPENDED_AT = 1_770_000_000_000_000  # after everything that the simulation says happened
_BATCH = 10_000
_COPY_BYTES = 5  # eight characters of base32


@dataclass(frozen=True, slots=True)
class Corpus:
    """A district's changes in order."""

    changes: tuple[Outgoing, ...]

    def copy(self, number: int) -> Iterator[Outgoing]:
        """Yield the changes under family ids of their own, in the same order; copy 0 is the district itself."""
        for change in self.changes:
            yield renamed(change, copied(change.key, number)) if number else change

    def copies(self, numbers: Sequence[int]) -> Iterator[Outgoing]:
        """Yield copies change by change, so that all their families live at the same time."""
        return (each for together in zip(*map(self.copy, numbers), strict=True) for each in together)


def renamed(change: Outgoing, family_id: bytes) -> Outgoing:
    """Return the same change of another family."""
    value = change.value.replace(change.key, family_id)
    return Outgoing(change.topic, family_id, value, change.headers, change.change_id)


def copied(family_id: bytes, number: int) -> bytes:
    """Return the id of a family's copy: its last eight characters are the copy's number."""
    tail = base64.b32encode(number.to_bytes(_COPY_BYTES, "big")).lower()
    return family_id[: -len(tail)] + tail


def drafts(families: int) -> list[object]:
    """Return everything said in the district."""
    return [step.draft for step in simulate(Nation(families=families, seed=1, poison=0))]


def taken(said: Sequence[object]) -> Corpus:
    """Return the changes that the intake makes of drafts, with keys in memory; refused rows are left out."""
    intake = Intake(ReferenceKey(bytes(32)), InMemoryAliases(), InMemoryKeyStore())
    source = iter(said)
    changes: list[Outgoing] = []
    while batch := list(islice(source, _BATCH)):
        changes += [each for each in intake.take(batch) if isinstance(each, Outgoing)]  # type: ignore[arg-type]
    return Corpus(tuple(changes))


def book() -> rulebook.RuleBook:
    """Return the standard rule sets in force, as a worker knows them that read the rules topic."""
    told = [activation_of(activation(rules, RULES_SINCE), RULES_SINCE) for rules in rulebook.standard()]
    return rulebook.RuleBook().with_activations(told)


def steady(corpus: Corpus, families: int) -> Iterator[Outgoing]:
    """Yield without end what is accepted again and again: rankings of the same families, each by a change of its own.

    The states stay as large as they are once each has its full row of remembered change ids.
    """
    ranked = [change for change in corpus.changes if codec.name_of(codec.decode(change.value)) == "jejak.FamilyRanked"]
    keys = [*dict.fromkeys(change.key for change in ranked)][:families]
    ids = Random(1)  # noqa: S311  change ids of a benchmark, not secrets
    while True:
        for said in ranked:
            old = prefix.walk(said.value).change_id
            for key in keys:
                change_id = ids.randbytes(len(old))
                value = said.value.replace(said.key, key).replace(old, change_id, 1)
                yield Outgoing(said.topic, key, value, said.headers, change_id)
