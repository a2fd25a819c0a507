"""What a state carries of the counts: the same cells as its fields, read from its bytes without decoding it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.codec import FRAME, Undecodable
from schemas.records import Aid, Case, Condition, Eligibility, FamilyState, Member, Proposal
from stream_processors.indicators import counted, definitions
from stream_processors.indicators.counts import Counts, cells, recount
from stream_processors.registry import framed_state
from tests.integration import naive_replay
from tests.integration import recount as recounted
from tests.unit import counts_at_length
from tests.unit.registry_scenarios import FAMILY, NOW, OTHER_FAMILY, claimed, matched, place, registered, say
from tests.unit.registry_scenarios import given as family_with

REGIONS = ("35.71.02.1001", "35.71.02.1002", "35.71.03.1001", "12.74.01.1001", "3571010", "99.99", "")
TEXTS = st.sampled_from(("", "PADAN", "NAMA_BEDA", "BARU", "PKH", "a/b", "/"))
REFS = st.sampled_from(("p", "q", "r", "s"))
RANKED = family_with(registered(), claimed(), matched(), say("FamilyRanked")).state


def member(standing: str, marital_status: int, padan: str, **more: Any) -> Member:
    one: Member = RANKED.members[0]
    return replace(one, standing=standing, marital_status=marital_status, padan=padan, **more)


def condition(ref: str, code: str) -> Condition:
    return Condition(person_ref=ref, condition=code, ordinal=0, until=0)


def insured(ref: str, step: str) -> Case:
    nothing: dict[str, Any] = {"agency": "", "since": 0, "due_at": 0, "reason": "", "reference": ""}
    return Case(machine="PBI_JKN", about=ref, case_id=bytes(16), step=step, **nothing)


def aid(programme: str, standing: str, received_on: int = 0, recipients: tuple[int, ...] = ()) -> Aid:
    empty: dict[str, Any] = dict.fromkeys(("period", "run_id", "reason", "received_period"), "")
    zero: dict[str, Any] = dict.fromkeys(("amount_rupiah", "sequence", "received_rupiah", "due_at"), 0)
    told: dict[str, Any] = {"received_on": received_on, "recipients": recipients}
    return Aid(programme=programme, standing=standing, **told, **empty, **zero)


def proposal(kind: str, step: str) -> Proposal:
    return Proposal(
        proposal_id=bytes(16), kind=kind, step=step, padan="", proposer="", agency="", period=0, since=0, reason=""
    )


def eligibility(programme: str, result: str) -> Eligibility:
    return Eligibility(programme=programme, result=result, reasons=(), rules_version="1", amount_rupiah=0, sequence=1)


def with_counted(**fields: Any) -> FamilyState:
    """Return a state that says what it counts; whom its aid reached is among its members."""
    return of_members(len(fields.get("members", RANKED.members)), replace(RANKED, **fields))


def of_members(places: int, state: FamilyState) -> FamilyState:
    """Return the state with aid that reached none but so many members: nobody is ever taken out of a family."""
    aided = tuple(replace(one, recipients=one.recipients[:places]) for one in state.aid)
    found: FamilyState = replace(state, counted=b"", aid=aided)
    return replace(found, counted=counted.of(found))


states = st.builds(
    with_counted,
    status=st.sampled_from(("AKTIF", "AKTIF", "AKTIF", "BUBAR")),
    region=st.sampled_from(REGIONS).map(place),
    decile=st.integers(0, 10),
    members=st.lists(
        st.builds(
            member,
            st.sampled_from(("PENDING", "CONFIRMED", "ENDED")),
            st.integers(-1, 4),
            TEXTS | st.just("NIK_KOSONG"),
            birth_year=st.sampled_from((1901, 1950, 1985, 1986, 2020)),
            person_ref=REFS,
            severe_disability=st.booleans(),
        ),
        max_size=4,
        unique_by=lambda one: one.person_ref,
    ).map(tuple),
    conditions=st.lists(
        st.builds(condition, REFS, st.sampled_from(("ABH", "YATIM", "DISABILITAS_BERAT"))),
        max_size=4,
        unique_by=lambda one: (one.person_ref, one.condition),
    ).map(tuple),
    cases=st.lists(
        st.builds(insured, REFS, st.sampled_from(("AKTIF", "NONAKTIF", "MASA_TENGGANG"))),
        max_size=3,
        unique_by=lambda one: one.about,
    ).map(tuple),
    aid=st.lists(
        st.builds(
            aid,
            st.sampled_from(("PKH", "ODKB")),
            st.sampled_from(("DIALOKASIKAN", "DIHENTIKAN", "")),
            st.sampled_from((19_723, 20_088, 20_089)),
            st.sampled_from(((), (0,), (0, 1, 2, 3))),
        ),
        max_size=2,
    ).map(tuple),
    eligibility=st.lists(st.builds(eligibility, TEXTS, st.sampled_from(("LAYAK", "TIDAK_LAYAK"))), max_size=3).map(
        tuple
    ),
    proposals=st.lists(st.builds(proposal, TEXTS, TEXTS), max_size=3).map(tuple),
)


def counts_of(*counted_bytes: bytes) -> dict[Any, int]:
    counts = Counts()
    for one in counted_bytes:
        counts.move(None, one)
    return {cell: total for cell, total in counts.sums().items() if total}


@given(states)
@settings(max_examples=300, deadline=None)
def test_the_counted_bytes_say_what_the_fields_say(state: FamilyState) -> None:
    assert counts_of(state.counted) == dict(cells(state))


@given(st.lists(states, min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_way_of_moves_ends_where_its_last_state_counts(way: list[FamilyState]) -> None:
    counts, before = Counts(), None
    for state in way:
        counts.move(before, state.counted)
        before = state.counted
    assert {cell: total for cell, total in counts.sums().items() if total} == dict(cells(way[-1]))


@given(st.lists(states, max_size=8), states)
@settings(max_examples=200, deadline=None)
def test_counting_from_the_bytes_of_states_equals_counting_their_fields(
    many: list[FamilyState], one: FamilyState
) -> None:
    many += [one, one]
    counts, found = Counts(), [framed_state.counted_in(codec.encode(state)) for state in many]
    counts.add(Counter(found))
    assert counts.sums() == dict(recount(many))
    assert counts.take_changed() == counts.sums()


def test_families_that_count_alike_carry_equal_bytes_whatever_the_order_of_their_members() -> None:
    first, second = member("CONFIRMED", 1, "PADAN"), member("PENDING", 2, "")
    assert with_counted(members=(first, second)).counted == with_counted(members=(second, first)).counted


def test_a_move_within_the_kecamatan_changes_nothing_that_is_counted() -> None:
    there = with_counted(region=place("35.71.02.1001")).counted
    assert with_counted(region=place("35.71.02.1002")).counted == there
    assert with_counted(region=place("35.71.03.1001")).counted != there


def test_every_accepted_event_leaves_what_its_state_counts() -> None:
    scene = family_with(registered())
    for change in (claimed(), matched(), say("FamilyRanked"), say("MembershipEnded"), say("FamilyMoved")):
        scene.and_given(change)
        assert scene.state.counted == counted.of(replace(scene.state, counted=b""))


def test_what_was_counted_under_other_definitions_is_counted_anew_from_the_fields() -> None:
    old = replace(RANKED, counted=b"0\x1eother definitions")
    assert counted.of(old) == framed_state.counted_in(codec.encode(old)) == RANKED.counted


def test_a_state_counted_under_other_definitions_gets_the_present_ones_with_its_next_event() -> None:
    scene = family_with(registered(), claimed())
    kept = scene.state.counted
    scene.state = replace(scene.state, counted=b"0")
    scene.and_given(say("ReevaluationRequested"))
    assert scene.state.counted == kept


@given(states, states)
@settings(max_examples=200, deadline=None)
def test_what_changed_alone_is_written_anew_to_the_same_bytes(one: FamilyState, other: FamilyState) -> None:
    for names in (("members",), ("conditions", "cases"), ("aid", "members"), ("region", "decile", "proposals")):
        one = of_members(len(other.members), one)
        changes = {name: getattr(other, name) for name in names}
        assert counted.revised(one, changes) == counted.of(replace(one, counted=b"", **changes))


def test_a_script_that_has_nothing_of_ours_counts_a_state_alike() -> None:
    old = member("CONFIRMED", 2, "NIK_KOSONG", birth_year=1950, person_ref="p")
    young = member("PENDING", 1, "", birth_year=1986, person_ref="q", severe_disability=True)
    state = with_counted(
        members=(old, young),
        conditions=(condition("q", "DISABILITAS_BERAT"), condition("q", "ABH"), condition("x", "ABH")),
        cases=(insured("p", "AKTIF"), insured("q", "NONAKTIF"), insured("x", "AKTIF")),
        aid=(aid("PKH", "DIALOKASIKAN"), aid("ODKB", "", 20_140, (0, 1))),
    )
    plain = asdict(state)
    assert naive_replay.counted(plain) == state.counted
    ours = Counter({"/".join(cell): total for cell, total in cells(state).items()})
    assert Counter(naive_replay.counts(plain)) == ours
    theirs = recounted.counted([plain])
    assert ours == Counter(
        {f"{name}/{place.replace('|', '/', 1)}": n for name, found in theirs.items() for place, n in found.items()}
    )


def test_what_a_partition_publishes_equals_two_recounts_of_its_states() -> None:
    """A little of what `python -m tests.unit.counts_at_length` does over 200,000 families."""
    found = counts_at_length.partition(1, 40, 2)
    assert found.families == 80
    assert found.published == found.fields
    assert found.published == found.script


# --- the state's bytes ---


def test_a_state_of_today_is_walked_and_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    framed = codec.encode(RANKED)
    monkeypatch.setattr(codec, "decode", None)
    assert framed_state.belongs(framed, FAMILY.encode())
    assert framed_state.counted_in(framed) == RANKED.counted


@pytest.mark.parametrize("sequence", [1, 63, 64, 8191, 8192, 1 << 40])
@pytest.mark.parametrize("recorded_at", [0, 63, 64, NOW, (1 << 63) - 1])
def test_the_walk_finds_its_way_whatever_the_numbers_before(sequence: int, recorded_at: int) -> None:
    framed = codec.encode(replace(RANKED, sequence=sequence, recorded_at=recorded_at))
    assert framed_state.belongs(framed, FAMILY.encode())
    assert not framed_state.belongs(framed, OTHER_FAMILY.encode())
    assert framed_state.counted_in(framed) == RANKED.counted


@pytest.mark.parametrize("key", [b"", FAMILY.encode()[:-1], FAMILY.encode() + b"f"])
def test_a_key_that_is_not_the_whole_id_is_not_the_family_s(key: bytes) -> None:
    assert not framed_state.belongs(codec.encode(RANKED), key)


def test_a_state_that_ends_within_the_id_is_told_by_code() -> None:
    framed = codec.encode(RANKED)
    for length in range(5, 6 + 8 + 27 + 1 + len(RANKED.counted)):
        with pytest.raises(Undecodable) as told:
            framed_state.counted_in(framed[:length])
        assert told.value.code == "MALFORMED"


@pytest.mark.parametrize(
    ("framed", "code"),
    [
        (b"", "NO_AVRO_FRAME"),
        (b"\x01\x00\x00\x00\x01", "NO_AVRO_FRAME"),
        (FRAME.pack(0, 60_000), "UNKNOWN_SCHEMA_ID"),
        (codec.encode(registered()), "NOT_A_STATE"),
    ],
)
def test_what_is_no_state_is_told_by_code(framed: bytes, code: str) -> None:
    for walk in (framed_state.counted_in, lambda one: framed_state.belongs(one, FAMILY.encode())):
        with pytest.raises(Undecodable) as told:
            walk(framed)
        assert told.value.code == code


def test_a_layout_that_does_not_begin_as_today_s_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    framed = codec.encode(RANKED)
    monkeypatch.setattr(framed_state, "_frames", lambda: {framed[:5]: False})
    assert framed_state.belongs(framed, FAMILY.encode())
    assert not framed_state.belongs(framed, OTHER_FAMILY.encode())
    assert framed_state.counted_in(framed) == RANKED.counted


def test_another_version_of_the_definitions_is_told_from_the_present_one() -> None:
    assert counted.is_current(definitions.VERSION.encode())
    assert not counted.is_current(f"{definitions.VERSION}0".encode())
    assert not counted.is_current(b"")
