"""Random walks through every machine at once: no state outside the tables, no reason missing, nothing taken out."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from schemas import codec
from stream_processors.registry import codes, proposal
from tests.unit.machine_walks import CITED, EXPECTED, said, where
from tests.unit.registry_scenarios import (
    ANI,
    BUDI,
    CITRA,
    CLAIM,
    DAY,
    DECIDED,
    HOUR,
    NOW,
    STEPS,
    VILLAGE,
    Scenario,
    claimed,
    given,
    in_force,
    matched,
    place,
    registered,
    replay,
    say,
)
from tests.unit.test_registry_proposal import ALLOWED, ENDS, OPEN, OUTCOMES, step

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOK = in_force(("pkh", "2025.1", NOW - DAY, NOW - DAY), ("sembako", "2025.1", NOW - DAY, NOW - DAY))
# By hand: where a subject is out, back, refused or asleep, it says why.
WHY = {"DITOLAK_MUSDES", "TIDAK_LAYAK", "DITOLAK_DINSOS", "DIKEMBALIKAN_DAERAH", "CADANGAN", "TIDAK_MEMENUHI"}
WHY |= {"DIBATALKAN", "DITOLAK", "KUNJUNGAN_ULANG", "NONAKTIF", "MASA_TENGGANG", "BERLAKU", "BERAKHIR", "DICABUT"}
WHY |= {"TANPA_KEPALA", "KEPALA_GANDA", "GABUNG", "BUBAR", "PINDAH", "DIGANTIKAN", "PECAH", "GABUNG_KE", "GABUNG_DARI"}
WHY_AID = {"CADANGAN", "DITANGGUHKAN", "MASA_TENGGANG", "DIHENTIKAN"}
WALKED = frozenset({"KEPALA_KELUARGA", "SANGGAH", "GROUND_CHECK", "PBI_JKN", "PENGECUALIAN"})
ARROWS = {(name, row.start, row.record, row.end) for name, rows in EXPECTED.items() for row in rows}
OVER = {
    "KEPALA_KELUARGA": {"BERKEPALA"},
    "SANGGAH": {"DITERIMA", "DITOLAK"},
    "GROUND_CHECK": {"DIPERINGKAT_ULANG"},
    "PENGECUALIAN": {"BERAKHIR", "DICABUT"},
}
RELATIONS = {"PECAH", "ASAL_PECAH", "GABUNG_KE", "GABUNG_DARI", "MENUNGGU", "DITERIMA", "DIGANTIKAN"}


def ready(scene: Scenario) -> list[Any]:
    """Return changes that some row awaits where the family stands, in an order that is the same each time."""
    found: list[Any] = []
    for name, rows in EXPECTED.items():
        here = where(scene, name)
        starts = {here, ""} if here in OVER.get(name, ()) else {here}
        fitting = [row for row in rows if row.start in starts and row.record not in {"FamilyRegistered", "FamilyMoved"}]
        found += [said(row, name, scene) for row in fitting]
    found.append(say("FamilyMoved", region=place(VILLAGE)))  # home again, or its village would soon be silent
    for one in scene.state.proposals:
        awaited = [(record, outcome) for state, record, outcome in sorted(ALLOWED) if state == one.step]
        found += [step(record, outcome, proposal_id=one.proposal_id) for record, outcome in awaited]
    found += [say("MembershipEnded", person_ref=one.person_ref) for one in scene.state.members]
    found += [say("PersonReactivated", person_ref=one.person_ref) for one in scene.state.members]
    return found


def anything(number: int) -> Any:
    """Return a plausible change of any record, whether it fits or not."""
    record = DECIDED[number % len(DECIDED)]
    if record == "MembershipClaimed":
        person = (ANI, BUDI, CITRA)[number % 3]
        return claimed(person, change_id=(CLAIM[person], CITED)[number % 2], occurred=NOW + number % 5)
    if record == "ProposalDrafted":
        kind = sorted(codes.PROPOSAL_KINDS)[number % 8]
        return say(record, kind=kind, change_id=b"a draft of kind%d" % (number % 8))
    if record in STEPS:
        outcomes = OUTCOMES[record] or ("",)
        return step(record, outcomes[number % len(outcomes)], proposal_id=b"a draft of kind%d" % (number % 8))
    return say(record)


def walked(choices: list[tuple[int, int]]) -> Iterator[tuple[Scenario, Any, Any]]:
    """Yield the scene after each change, the change, and the state before it."""
    scene = given(registered(), claimed(), matched(), rules=BOOK)
    for turn, number in choices:
        fitting = ready(scene) if turn % 4 else []
        change = fitting[number % len(fitting)] if fitting else anything(number)
        before = scene.state
        handled = scene.handle(change, scene.clock + (HOUR, DAY, 20 * DAY)[turn % 3])
        if handled.refused is not None:
            assert handled.refused.rule
            assert handled.refused.explanation
        yield scene, change, before


walks = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)), min_size=1, max_size=50)
thorough = settings(max_examples=40, deadline=None)


@for_all(walks)
@thorough
def test_no_state_is_reached_but_by_an_arrow_of_the_guide(choices: list[tuple[int, int]]) -> None:
    for scene, change, before in walked(choices):
        record = type(change).__name__
        old = {(one.machine, one.about): one for one in before.cases}
        for one in scene.state.cases:
            was = old.get((one.machine, one.about))
            if one.machine in WALKED and one is not was:
                start = "" if was is None or was.step in OVER.get(one.machine, ()) else was.step
                assert (one.machine, start, record, one.step) in ARROWS
            if one.machine in {"HUBUNGAN", "KEDATANGAN"}:
                assert one.step in RELATIONS
        places = {one.programme: (one.standing, one.sequence) for one in before.aid}
        for held in scene.state.aid:
            was_there, since = places.get(held.programme, ("", 0))
            moved = (held.standing, held.sequence) != (was_there, since)
            assert not moved or ("KEPESERTAAN", was_there, record, held.standing) in ARROWS
        if scene.state.status != before.status:
            assert ("KELUARGA", before.status, record, scene.state.status) in ARROWS
        assert {one.step for one in scene.state.proposals} <= {*OPEN, *ENDS, "TERCATAT"}


@for_all(walks)
@thorough
def test_what_is_out_back_refused_or_asleep_always_says_why(choices: list[tuple[int, int]]) -> None:
    for scene, _, _ in walked(choices):
        for one in (*scene.state.proposals, *scene.state.cases):
            assert one.reason.strip() or one.step not in WHY, one.step
        for place_held in scene.state.aid:
            assert place_held.reason.strip() or place_held.standing not in WHY_AID
        for member in scene.state.members:
            assert bool(member.reason) == (member.standing in {codes.ENDED, codes.CONTESTED})
        if scene.state.status != codes.FAMILY_ACTIVE:
            asleep = next(one for one in scene.state.cases if one.machine == "KELUARGA")
            assert (asleep.step, bool(asleep.reason)) == (scene.state.status, True)


@for_all(walks)
@thorough
def test_nothing_is_ever_taken_out_of_a_family(choices: list[tuple[int, int]]) -> None:
    def held(state: Any) -> tuple[set[Any], ...]:
        return (
            {one.person_ref for one in state.members},
            {one.kind for one in state.proposals},
            {(one.machine, one.about) for one in state.cases},
            {one.name for one in state.facets},
            {one.programme for one in state.eligibility},
            {one.programme for one in state.aid},
        )

    for scene, _, before in walked(choices):
        assert all(old <= new for old, new in zip(held(before), held(scene.state), strict=True))
        assert scene.state.sequence >= before.sequence


@for_all(walks)
@thorough
def test_replay_and_redelivery_of_a_walk_come_to_the_same_state(choices: list[tuple[int, int]]) -> None:
    taken = []
    for scene, change, before in walked(choices):
        if scene.state is not before:
            taken.append(change)
    assert replay(scene.log) == scene.state
    assert replay(scene.log, scene.state) is scene.state
    assert codec.decode(codec.encode(scene.state)) == scene.state
    for change in taken[-64:]:
        handled = scene.handle(change)
        assert (handled.events, handled.refused) == ((), None)


def test_a_long_walk_comes_through_every_open_state_of_machine_a() -> None:
    # The walks above are worth something only if they get anywhere.
    seen: set[str] = set()
    machines: set[str] = set()
    aided: set[str] = set()
    for seed in range(30):
        chance = Random(seed)  # noqa: S311  a walk, not a secret
        for scene, _, _ in walked([(chance.getrandbits(16), chance.getrandbits(16)) for _ in range(80)]):
            seen |= {one.step for one in scene.state.proposals}
            machines |= {one.machine for one in scene.state.cases}
            aided |= {one.standing for one in scene.state.aid}
    assert aided >= WHY_AID
    assert machines >= WALKED
    assert len(seen & proposal.OPEN) >= 3
