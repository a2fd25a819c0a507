"""Gives out a programme's places: a plan is written to a file first, then published from it, and from it alone.

An allocation that was interrupted goes on from its plan: families that moved meanwhile change nothing of it. Knows the
state that serves and the publisher; the order of places is the registry's.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from jejak.composition import Registry
from jejak.programmes import ruling, states
from jejak.settings import Settings
from producers.outgoing import Outgoing
from producers.publish import Progress, Published
from schemas import catalogue, cloudevents, codec
from schemas.identifiers import NAMESPACE, derived_id
from schemas.records import AidAllocated, AidWaitlisted, FamilyState, Header
from stream_processors.registry import allocation
from stream_processors.registry.allocation import Allocation, Candidate, Place, Weigh
from stream_processors.registry.rulebook import RuleBook
from stream_processors.registry.ruleset import RuleSet

AGENCY = "kemensos"
_BATCH = 2_000


class AllocationRefused(Exception):
    """An allocation that can't be made, or not again: the text says why."""


class Planned(NamedTuple):
    """A plan on disk: what it allocates, how many families it gives a place and has wait, and the file's SHA-256.

    `taken` is what those with a place take of the quota, `wanted` what all of them would, in the allocation's unit.
    """

    allocation: Allocation
    path: Path
    given: int
    waiting: int
    digest: str
    taken: int
    wanted: int


def terms(book: RuleBook, programme: str, region: str, quota: int | None, now: int) -> tuple[int, str]:
    """Return the quota and what it counts, by the rule set in force at a time (microseconds).

    Without a quota it is the file's `quota_persons`, which is of the whole country. Raises AllocationRefused for a
    greater one, and where nothing tells one.
    """
    rules = next((one for one in book.in_force(now) if one.programme == programme), None)
    try:
        most = None if rules is None else allocation.quota_persons(rules)
        unit = allocation.unit(programme, rules)
    except ValueError as fault:
        raise AllocationRefused(str(fault)) from fault
    if quota is None:
        if most is None or region:
            why = (
                f"{most} is of the whole country" if most is not None else f"no rules of {programme} in force tell one"
            )
            raise AllocationRefused(f"name a --quota: {why}")
        return most, unit
    if most is not None and quota > most:
        raise AllocationRefused(
            f"a quota of {quota} is above the {most} persons that {programme}'s rules in force tell"
        )
    return quota, unit


def plan(registry: Registry, settings: Settings, asked: Allocation) -> Planned:
    """Return the plan of an allocation: the one on disk, or a new one over the families as they are.

    Raises AllocationRefused where a plan of the same run has other terms.
    """
    path = settings.data / "allocations" / f"{asked.run_id}.jsonl"
    if path.exists():
        found = read(path)
        terms = replace(found.allocation, as_of=0, positions=())
        if terms != asked:
            raise AllocationRefused(f"run {asked.run_id} was planned on other terms ({path}): name another --run")
        return found
    weigh = weighing(ruling.book(registry), asked)
    return write(registry.endpoints.kafka, states.topic_of(registry), asked, path, weigh)


def weighing(book: RuleBook, asked: Allocation) -> Weigh:
    """Return how many places of an allocation a family takes, by the rules that it was decided by.

    What it returns raises AllocationRefused for rules that nobody activated.
    """
    if asked.unit == allocation.FAMILIES:
        return allocation.one_family
    by_version: dict[str, Callable[[FamilyState], int]] = {}

    def weigh(state: FamilyState, version: str) -> int:
        if version not in by_version:
            by_version[version] = allocation.persons(_rules(asked.programme, version, book))
        return by_version[version](state)

    return weigh


def write(bootstrap: str, topic: str, asked: Allocation, path: Path, weigh: Weigh = allocation.one_family) -> Planned:
    """Write the plan over the families of a state topic; the file is whole or not there.

    Raises AllocationRefused where no family is eligible: a plan without places would be gone on with for ever.
    """

    def made(state: FamilyState) -> Candidate | None:
        return allocation.candidate(state, asked, weigh)

    found, at = states.each(bootstrap, topic, made)
    planned = replace(asked, as_of=at.as_of, positions=at.positions)
    candidates = [one for one in found.values() if one is not None]
    if not candidates:
        where = f" in {asked.region}" if asked.region else ""
        raise AllocationRefused(f"no family{where} is LAYAK for {asked.programme}: there is nobody to give a place to")
    order = allocation.places(candidates, asked.quota)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.writelines(allocation.written(planned, order))
    draft.replace(path)
    return read(path)


def read(path: Path) -> Planned:
    """Return the plan in a file; raises ValueError for what is none."""
    with path.open("rb") as file:
        planned, order = allocation.read(file)
        given = waiting = taken = wanted = 0
        for one in order:
            given, waiting = given + one.given, waiting + (not one.given)
            taken, wanted = taken + one.weight * one.given, wanted + one.weight
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Planned(planned, path, given, waiting, digest, taken, wanted)


def publish(registry: Registry, planned: Planned, actor: str, progress: Progress) -> Published:
    """Publish a plan's places as changes, each once; what was published before is not published again.

    Raises AllocationRefused where a family was decided by rules that nobody activated.
    """
    book = ruling.book(registry)
    document = (AGENCY, f"allocation/{planned.allocation.run_id}/{planned.digest[:32]}")
    with planned.path.open("rb") as file:
        _, order = allocation.read(file)
        return registry.publisher(_BATCH).publish(
            document, (change(planned.allocation, one, book, actor) for one in order), _outgoing, progress=progress
        )


def change(asked: Allocation, one: Place, book: RuleBook, actor: str) -> AidAllocated | AidWaitlisted:
    """Return the change that tells a family of its place; the same place of the same run has the same id."""
    header = Header(
        sequence=0,
        recorded_at=0,
        occurred_at=asked.as_of,
        change_id=derived_id(NAMESPACE.bytes, f"allocation/{asked.run_id}/{one.family_id}"),
        family_id=one.family_id,
        agency=AGENCY,
        actor=actor,
        document=asked.run_id,
    )
    said: dict[str, Any] = {"programme": asked.programme, "period": asked.period, "run_id": asked.run_id}
    if not one.given:
        return AidWaitlisted(header=header, place=one.place, reason=allocation.QUOTA_FULL, **said)
    return AidAllocated(
        header=header,
        place=one.place,
        amount_rupiah=_payment(asked.programme, one, book),
        determination_number=asked.determination_number,
        **said,
    )


def _payment(programme: str, one: Place, book: RuleBook) -> int:
    return _rules(programme, one.rules_version, book).payment(one.amount_rupiah)


def _rules(programme: str, version: str, book: RuleBook) -> RuleSet:
    for known in book.activations:
        if (known.rules.programme, known.version) == (programme, version):
            return known.rules
    raise AllocationRefused(f"{programme} was decided by version {version}, which nobody activated")


def _outgoing(changes: Sequence[AidAllocated | AidWaitlisted]) -> Iterator[Outgoing]:
    for one in changes:
        headers = cloudevents.headers(codec.name_of(one), one.header.change_id, f"/agencies/{AGENCY}")
        key = one.header.family_id.encode()
        yield Outgoing(catalogue.CHANGES_TOPIC, key, codec.encode(one), headers, one.header.change_id)
