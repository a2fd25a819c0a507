"""The replay's two folds of one partition: the plain one, and the quick one that must come to the same bytes."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from consumers import replay
from consumers.replay import direct, layouts
from consumers.replay.partition import PartitionFold, ReplayRefused
from consumers.replay.quick import QuickFold
from schemas import catalogue, codec, prefix
from stream_processors.indicators.counts import Counts, recount
from stream_processors.registry.decision import event_of
from stream_processors.registry.family import evolve
from stream_processors.registry.proposal import due_at
from tests.integration import accepted
from tests.unit.registry_scenarios import (
    BUDI,
    CITRA,
    FAMILY,
    NOW,
    VILLAGE,
    at,
    claimed,
    drafted,
    given,
    matched,
    place,
    registered,
    say,
)
from tests.unit.test_registry_properties import play, streams
from tests.unit.test_registry_walks import walked, walks

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDS = (PartitionFold, QuickFold)
Fold = PartitionFold | QuickFold


def folded(cls: type[Any], values: Sequence[bytes], keys: Sequence[bytes] | None = None) -> Any:
    fold = cls(0)
    fold.take(range(len(values)), keys or [prefix.walk(value).family_id.encode() for value in values], values)
    return fold


def by_registry(values: Sequence[bytes]) -> dict[str, bytes]:
    """Return the framed states that the registry's own `evolve` comes to."""
    states: dict[str, Any] = {}
    for value in values:
        event = event_of(value)
        states[event.prefix.family_id] = evolve(states.get(event.prefix.family_id), event)
    return {family_id: codec.encode(state) for family_id, state in states.items()}


def framed(fold: Fold) -> dict[str, bytes]:
    found = list(fold.framed())
    assert [one for one, _, _ in found] == sorted(one for one, _, _ in found)
    return {family_id: state for family_id, state, _ in found}


def direct_families(fold: QuickFold) -> int:
    return len(fold._families)


@settings(max_examples=150, deadline=None)
@for_all(streams)
def test_both_folds_come_to_the_states_of_the_registry(choices: list[list[int]]) -> None:
    values = play(choices).scene.log
    for cls in FOLDS:
        assert framed(folded(cls, values)) == by_registry(values)


@settings(max_examples=40, deadline=None)
@for_all(walks)
def test_both_folds_come_to_the_states_of_the_registry_through_every_machine(choices: list[tuple[int, int]]) -> None:
    *_, (scene, _, _) = walked(choices)
    for cls in FOLDS:
        assert framed(folded(cls, scene.log)) == by_registry(scene.log)


@settings(max_examples=40, deadline=None)
@for_all(streams)
def test_what_is_counted_is_what_the_states_count(choices: list[list[int]]) -> None:
    values = play(choices).scene.log
    for cls in FOLDS:
        fold, counts = folded(cls, values), Counts()
        counts.add(Counter(counted for _, _, counted in fold.framed()))
        states = [codec.decode(state) for _, state, _ in fold.framed()]
        assert Counter({cell: total for cell, total in counts.sums().items() if total}) == recount(states)


def test_a_synthetic_nation_is_folded_directly_to_the_same_bytes() -> None:
    values = [event.framed for event in accepted.accepted(80, seed=11)]
    quick = folded(QuickFold, values)
    assert framed(quick) == framed(folded(PartitionFold, values)) == by_registry(values)
    cased = sum(bool(codec.decode(state).cases) for state in framed(quick).values())
    assert direct_families(quick) == quick.families - cased
    assert quick.families >= 80, "families that split add to the eighty"
    assert cased < 20


def test_every_record_of_every_day_is_read_in_place_and_the_rare_ones_are_left_to_the_plain_fold() -> None:
    names = set(layouts.readable().values())
    rare = {*catalogue._LATER, *catalogue._CASES, *catalogue._STANDINGS}
    assert names == set(catalogue.EVENTS) - rare


def test_more_changes_than_are_remembered_are_forgotten_alike() -> None:
    moves = [say("FamilyMoved", region=place(VILLAGE), occurred=NOW + number) for number in range(200)]
    values = given(registered(), *moves).log
    assert framed(folded(QuickFold, values)) == by_registry(values)
    assert direct_families(folded(QuickFold, values)) == 1


@pytest.mark.parametrize(
    "said",
    [
        say("MembershipEnded", occurred=NOW),
        say("MembershipContested", occurred=NOW),
        claimed(relationship=6, change_id=b"another relation", occurred=NOW),
        claimed(BUDI, relationship=1, cause="GANTI_KEPALA", occurred=NOW),
    ],
)
def test_a_family_without_a_head_or_with_two_is_left_to_the_plain_fold_with_all_that_follows(said: Any) -> None:
    before = given(registered(), claimed(), claimed(CITRA)).log
    life = given(registered(), claimed(), claimed(CITRA), said, claimed(BUDI, change_id=b"another claim .."))
    assert direct_families(folded(QuickFold, before)) == 1
    for end in range(1, len(life.log) + 1):
        assert framed(folded(QuickFold, life.log[:end])) == by_registry(life.log[:end])
    assert direct_families(folded(QuickFold, life.log)) == 0


def test_facts_of_the_same_time_and_due_dates_ahead_are_folded_alike() -> None:
    # Given a member, no head, whose facts all fell on one moment, and a proposal moved by a due date still to come
    new_year = at(2025, 1, 1)
    life = given(registered(), claimed(relationship=3), matched(), matched(status="NAMA_BEDA"), matched())
    life.and_given(
        say("MembershipEnded", occurred=new_year),
        claimed(occurred=new_year, change_id=b"another claim ..", relationship=3),
        drafted(),
        say("ProposalSubmitted"),
        say("ProposalIdentityMatched"),
        say("VillageMeetingHeld"),
        say("FieldVerificationCompleted"),
        say("DinsosReviewCompleted"),
        say("ProposalEndorsed"),
    )
    life.and_given(
        say("DeadlineReached", due_at=due_at(life.proposal())),
        say("ProposalSentToMinistry", period=202504),
        say("QualityControlCompleted", reasons=("CATATAN",)),
        say("FamilyRanked"),
    )
    # Then the quick fold is where the registry is after every event
    for end in range(1, len(life.log) + 1):
        quick = folded(QuickFold, life.log[:end])
        assert framed(quick) == by_registry(life.log[:end])
        assert direct_families(quick) == 1


def test_a_rank_told_late_and_a_draft_in_place_of_a_halted_proposal_are_folded_alike() -> None:
    # Given a proposal at the statistics office, and a rank from before it came there
    life = given(registered(), claimed(), matched(), drafted(), say("ProposalSubmitted"))
    life.and_given(
        say("ProposalIdentityMatched"),
        say("VillageMeetingHeld"),
        say("FieldVerificationCompleted"),
        say("DinsosReviewCompleted"),
        say("ProposalEndorsed"),
        say("ProposalSentToMinistry"),
        say("QualityControlCompleted"),
        say("FamilyRanked", run_id="2024-4", occurred=NOW - 1),
    )
    assert life.step() == "DISERAHKAN_BPS"
    # When a run that saw it ranks it, it waits for a place, and a new one of its kind is drafted
    life.and_given(
        say("FamilyRanked", occurred=NOW),
        say("ProposalNotDetermined"),
        drafted(change_id=b"another draft .."),
    )
    assert life.proposal(b"another draft ..").reason == "MENGGANTIKAN_CADANGAN"
    # Then the quick fold is where the registry is after every event
    for end in range(1, len(life.log) + 1):
        quick = folded(QuickFold, life.log[:end])
        assert framed(quick) == by_registry(life.log[:end])
        assert direct_families(quick) == 1


@pytest.mark.parametrize("occurred", [at(1950, 1, 1), at(1971, 1, 1), at(1969, 12, 31)])
def test_an_event_of_an_unusual_shape_hands_its_family_to_the_plain_fold(occurred: int) -> None:
    values = given(registered(), claimed(), say("FamilyMoved", occurred=occurred), say("FamilyMoved")).log
    quick = folded(QuickFold, values)
    assert framed(quick) == by_registry(values)
    assert direct_families(quick) == 0


def test_a_long_document_is_folded_alike() -> None:
    values = given(registered(), claimed()).log
    longer = [value.replace(b"\x10berkas-1", b"\x80\x02" + b"b" * 128) for value in values]
    assert longer != values
    assert framed(folded(QuickFold, longer)) == by_registry(longer)


def test_a_fold_goes_on_from_states_as_from_events() -> None:
    values = [event.framed for event in accepted.accepted(20, seed=5)]
    first = folded(QuickFold, values[: len(values) // 2])
    kept = {family_id: state for family_id, state, _ in first.framed()}
    rest = values[len(values) // 2 :]
    keys = [prefix.walk(value).family_id.encode() for value in rest]
    for cls in FOLDS:
        fold = cls(0, kept)
        fold.take(range(len(rest)), keys, rest)
        assert framed(fold) == by_registry(values)


@pytest.mark.parametrize("cls", FOLDS)
@pytest.mark.parametrize(
    ("spoil", "code", "place"),
    [
        (lambda log: [log[0], log[2]], "SEQUENCE_HOLE", "offset 1: family ffff"),
        (lambda log: log[1:], "SEQUENCE_HOLE", "offset 0: family ffff"),
        (lambda log: [log[0], log[1], log[0], log[2][:20]], "MALFORMED", "offset 3"),
        (lambda log: [log[0], b"\0\0\1\0\0" + log[1][5:]], "UNKNOWN_SCHEMA_ID", "offset 1"),
        (lambda log: [log[0], b""], "NO_AVRO_FRAME", "offset 1"),
    ],
    ids=["a hole", "begun with the second", "cut short", "unknown schema", "no value"],
)
def test_both_folds_refuse_the_same_with_its_place(cls: type[Any], spoil: Any, code: str, place: str) -> None:
    log = spoil(given(registered(), claimed(), claimed("b" * 26)).log)
    with pytest.raises(ReplayRefused) as caught:
        folded(cls, log, [FAMILY.encode()] * len(log))
    assert (caught.value.code, place in caught.value.text) == (code, True), caught.value.text


@pytest.mark.parametrize("cls", FOLDS)
def test_a_step_out_of_order_is_refused_with_its_place(cls: type[Any]) -> None:
    # Given a proposal that is determined right after its draft, as no registry accepts it
    log = given(registered(), say("ProposalDrafted", change_id=b"draft proposal 1")).log
    determined = codec.encode(say("ProposalDetermined"))
    log.append(prefix.stamp(determined, prefix.walk(determined), 3, NOW)[0])
    with pytest.raises(ReplayRefused) as caught:
        folded(cls, log)
    assert caught.value.code == "NOT_FOLDABLE"
    assert "offset 2: family" in caught.value.text


@pytest.mark.parametrize("cls", FOLDS)
def test_an_event_read_twice_is_counted_and_changes_nothing(cls: type[Any]) -> None:
    log = given(registered(), claimed()).log
    fold = folded(cls, [*log, log[1], log[0]])
    assert fold.repeated == 2
    assert framed(fold) == by_registry(log)


@cache
def a_family_of_a_nation() -> tuple[bytes, ...]:
    """Return the events of the family that has most of them."""
    families: dict[str, list[bytes]] = {}
    for event in accepted.accepted(6, seed=3):
        families.setdefault(prefix.walk(event.framed).family_id, []).append(event.framed)
    return tuple(max(families.values(), key=lambda life: sum(map(len, life))))


@settings(max_examples=400, deadline=None)
@for_all(st.data())
def test_a_spoilt_byte_is_refused_or_leaves_the_state_that_the_rest_adds_up_to(data: st.DataObject) -> None:
    # Given a life with one byte spoilt
    log = [*a_family_of_a_nation()]
    spoilt = data.draw(st.integers(0, len(log) - 1))
    at = data.draw(st.integers(5, len(log[spoilt]) - 1))
    # (what is counted is parted by these two: no list of codes has them)
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte not in b"\x1e\x1f"))
    key = prefix.walk(log[spoilt]).family_id.encode()
    log[spoilt] = log[spoilt][:at] + bytes([byte]) + log[spoilt][at + 1 :]
    try:
        quick = framed(folded(QuickFold, log, [key] * len(log)))
    except ReplayRefused:
        return
    # Then its state is one, and the plain fold's where that one takes the event too
    (found,) = quick.values()
    assert codec.encode(codec.decode(found)) == found
    try:
        plain = framed(folded(PartitionFold, log, [key] * len(log)))
    except ReplayRefused:
        return
    assert quick == plain


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\x0aPADAN", b"\x0aPAD\xffN"),
        (b"\x1a35.71", b"\x1a35.\xff1"),
        (b"\x0eSEMBAKO", b"\x0eSEMB\xffKO"),
    ],
)
def test_text_that_is_no_text_is_refused_and_never_stands_in_a_state(old: bytes, new: bytes) -> None:
    log = [value.replace(old, new) for value in a_family_of_a_nation()]
    if log == [*a_family_of_a_nation()]:
        pytest.fail("nothing was spoilt")
    for cls in FOLDS:
        with pytest.raises(ReplayRefused) as caught:
            folded(cls, log, [prefix.walk(a_family_of_a_nation()[0]).family_id.encode()] * len(log))
        assert caught.value.code == "MALFORMED"


def modules_of_a_replay() -> dict[str, ast.Module]:
    """Return the modules of this folder that a replay reaches, by name."""
    folder = Path(replay.__file__).parent
    found: dict[str, ast.Module] = {}
    left = ["replay", "compare"]
    while left:
        name = left.pop()
        if name not in found and (folder / f"{name}.py").exists():
            found[name] = ast.parse((folder / f"{name}.py").read_text())
            for node in ast.walk(found[name]):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("consumers.replay"):
                    left += [(node.module or "").rpartition(".")[2], *(alias.name for alias in node.names)]
    return found


def test_replays_decide_nothing_and_have_no_producer() -> None:
    modules = modules_of_a_replay()
    assert {"worker", "quick", "direct", "partition", "snapshot", "log"} <= modules.keys()
    forbidden = {"handle", "decide", "decisions", "consequences", "producer", "transactional_producer"}
    forbidden |= {"Producer", "RuleBook", "rulebook"}
    for name, module in modules.items():
        imported = {alias.name for node in ast.walk(module) if isinstance(node, ast.ImportFrom) for alias in node.names}
        attributes = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)}
        assert not (imported | attributes) & forbidden, name


def test_the_direct_fold_has_an_effect_for_each_readable_record() -> None:
    readable = layouts.readable()
    assert {readable[frame] for frame in direct.effects(readable)} == set(readable.values()) - {direct.REGISTERED}
