"""The families fold without an engine: what one change puts out, what is poison, and what a restored fold knows."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers import erasure as saying
from schemas import catalogue, codec, contract, prefix, records
from schemas.codec import FRAME, Undecodable
from stream_processors.engine.contract import Poison
from stream_processors.folds import families
from stream_processors.folds.families import FamiliesFold
from stream_processors.folds.states import OtherFoldVersion, States
from stream_processors.indicators import definitions
from stream_processors.indicators.counts import recount
from stream_processors.registry.decision import accepted
from stream_processors.registry.digest import leaf, partition_digest
from stream_processors.registry.family import Handled
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    CLAIM,
    DINSOS,
    DRAFT,
    FAMILY,
    NO_RULES,
    NOW,
    OTHER_FAMILY,
    SECOND,
    STEPS,
    at,
    claimed,
    drafted,
    matched,
    registered,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_processors.engine.contract import Output
    from stream_processors.registry.rulebook import RuleBook

PARTITION = 5


class Log:
    """Feeds a fold and keeps everything it put out, by topic and in order."""

    def __init__(self, rules: RuleBook = NO_RULES, fold: FamiliesFold | None = None, offset: int = 100) -> None:
        self.fold = fold or FamiliesFold(PARTITION, lambda: rules)
        self.offset = offset
        self.clock = NOW
        self.out: list[Output] = []

    def put(self, change: Any, appended_at: int | None = None) -> Sequence[Output]:
        return self.raw(codec.encode(change), change.header.family_id.encode(), appended_at)

    def raw(self, value: bytes, key: bytes | None, appended_at: int | None = None) -> Sequence[Output]:
        self.clock += SECOND
        made = list(self.fold.fold(key, value, self.offset, self.clock if appended_at is None else appended_at))
        self.offset += 1
        self.out += made
        return made

    def close(self) -> Sequence[Output]:
        made = list(self.fold.close_batch(self.offset))
        self.out += made
        return made

    def of(self, topic: str) -> list[Output]:
        return [one for one in self.out if one.topic == topic]


def story() -> list[Any]:
    """Tell of a family until its proposal is endorsed and it is ranked."""
    told = [registered(), claimed(), matched(), drafted()]
    told += [say(step) for step in STEPS[:2] if step != "ProposalIdentityCorrected"]
    told += [say(step) for step in STEPS[3:7]]
    return [*told, say("FamilyRanked"), say("FamilyMoved")]


def known_to(fold: FamiliesFold) -> Any:
    return (
        fold.states,
        fold.next_offset,
        {k: v for k, v in fold._counts.sums().items() if v},
        fold._recorded_at,
        fold._events,
    )


# --- outputs ---


def test_an_accepted_change_goes_out_as_event_and_state_under_the_family_s_key() -> None:
    log = Log()
    change = registered()
    event, state = log.put(change)
    assert (event.topic, state.topic) == (catalogue.EVENTS_TOPIC, catalogue.FAMILIES_TOPIC)
    assert event.key == state.key == FAMILY.encode()
    assert codec.decode(state.value) == log.fold.states[FAMILY]


@pytest.mark.parametrize("number", range(12))
def test_an_event_is_the_change_byte_for_byte_but_for_its_stamp(number: int) -> None:
    log = Log()
    for change in story()[:number]:
        log.put(change)
    change = codec.encode(story()[number] if number else registered())
    event = log.raw(change, FAMILY.encode())[0].value
    sequence, recorded_at = number + 1, log.clock
    assert event == change[:5] + prefix.zigzag(sequence) + prefix.zigzag(recorded_at) + change[5 + 2 :]
    assert codec.decode(event).header.sequence == sequence


def test_an_event_carries_cloudevents_attributes_that_repeat_its_value() -> None:
    change = registered()
    event = Log().put(change)[0]
    assert event.headers is not None
    headers = dict(event.headers)
    assert headers["ce_id"] == str(uuid.UUID(bytes=change.header.change_id)).encode()
    assert headers["ce_type"] == b"jejak.FamilyRegistered"
    assert (headers["ce_specversion"], headers["content-type"]) == (b"1.0", b"application/avro")


def test_a_decision_on_eligibility_goes_to_both_topics_with_the_same_bytes() -> None:
    log = Log(BOTH)
    for change in story():
        log.put(change)
    decided = [
        one for one in log.of(catalogue.EVENTS_TOPIC) if type(codec.decode(one.value)).__name__ == "EligibilityDecided"
    ]
    assert [(one.key, one.value, one.headers) for one in decided] == [
        (one.key, one.value, one.headers) for one in log.of(catalogue.ELIGIBILITY_TOPIC)
    ]
    assert [codec.decode(one.value).programme for one in decided] == ["PKH", "SEMBAKO"]


def test_events_go_out_in_their_order_and_one_state_after_them() -> None:
    log = Log(BOTH)
    for change in story()[:-2]:
        log.put(change)
    made = log.put(say("FamilyRanked"))
    events = [one for one in made if one.topic == catalogue.EVENTS_TOPIC]
    sequences = [codec.decode(one.value).header.sequence for one in events]
    assert sequences == list(range(sequences[0], sequences[0] + 3))
    states = [codec.decode(one.value) for one in made if one.topic == catalogue.FAMILIES_TOPIC]
    assert [state.sequence for state in states] == [sequences[-1]]


def test_a_refusal_names_the_rule_the_agency_and_where_the_change_stands() -> None:
    log = Log()
    change = say("FamilyRanked")
    (refused,) = log.put(change)
    assert (refused.topic, refused.key) == (catalogue.REFUSALS_TOPIC, FAMILY.encode())
    record = codec.decode(refused.value)
    assert (record.record, record.rule) == ("jejak.FamilyRanked", "FAMILY_NOT_REGISTERED")
    assert record.header == change.header
    source = (record.source_topic, record.source_partition, record.source_offset)
    assert source == (catalogue.CHANGES_TOPIC, PARTITION, 100)


def test_the_same_change_refused_twice_is_two_refusals_with_ids_of_their_own() -> None:
    log = Log()
    change = say("FamilyRanked")
    first, second = log.put(change)[0], log.put(change)[0]
    assert first.headers is not None
    assert second.headers is not None
    assert dict(first.headers)["ce_id"] != dict(second.headers)["ce_id"]
    assert codec.decode(second.value).source_offset == 101


def test_a_known_change_puts_out_nothing_and_is_counted() -> None:
    log = Log()
    change = registered()
    log.put(change)
    assert log.put(change) == []
    assert log.fold.known == 1


def test_an_endorsed_proposal_schedules_its_cut_off() -> None:
    log = Log()
    for change in story():
        log.put(change)
    (due,) = log.of(catalogue.DEADLINES_TOPIC)
    assert due.key == f"{FAMILY}/PROPOSAL_CUT_OFF.BARU".encode()
    record = codec.decode(due.value)
    assert (record.subject_id, record.due_at) == (DRAFT, at(2025, 3, 16, 0) - 1)
    log.put(say("ProposalSentToMinistry"))
    assert codec.decode(log.of(catalogue.DEADLINES_TOPIC)[-1].value).due_at is None


def test_a_batch_ends_with_the_counts_that_changed_and_the_position() -> None:
    log = Log()
    log.put(registered())
    log.put(say("FamilyRanked"))
    *sums, position = log.close()
    assert {one.topic for one in sums} == {catalogue.INDICATORS_TOPIC}
    record = codec.decode(position.value)
    assert (position.topic, position.key) == (catalogue.FAMILIES_TOPIC, b"position/5")
    assert (record.partition, record.next_offset, record.events, record.recorded_at) == (PARTITION, 102, 1, log.clock)
    assert [one.topic for one in log.close()] == [catalogue.FAMILIES_TOPIC]


def test_a_cell_that_fell_to_zero_is_published_as_zero() -> None:
    log = Log()
    for change in story()[:3]:
        log.put(change)
    log.close()
    log.put(say("FamilyRanked"))
    told = [(one.key.decode().partition("/"), codec.decode(one.value)) for one in log.close()[:-1]]
    assert {version for (version, _, _), _ in told} == {definitions.VERSION}
    sums = {key: said for (_, _, key), said in told}
    assert sums["families_by_decile/35.71.02/BELUM_ADA_DESIL"].sum == 0
    assert sums["families_by_decile/35.71.02/2"].sum == 1
    assert (sums["persons_by_decile/35.71.02/2"].unit, sums["families_by_decile/35.71.02/2"].unit) == (
        "jiwa",
        "keluarga",
    )


def test_families_and_persons_never_share_a_counter() -> None:
    units = {indicator.name: indicator.unit for indicator in definitions.INDICATORS}
    assert {unit for name, unit in units.items() if name.startswith("families")} == {"keluarga"}
    assert {unit for name, unit in units.items() if name.startswith("persons")} == {"jiwa"}


def test_every_output_is_a_record_that_its_topic_is_declared_to_hold() -> None:
    log = Log(BOTH)
    for change in [say("FamilyRanked"), *story()]:
        log.put(change)
    log.close()
    for one in log.out:
        assert type(codec.decode(one.value)).__name__ in catalogue.topic(one.topic).values
    assert {one.topic for one in log.out} == {
        topic.name for topic in catalogue.TOPICS if "families fold" in topic.writer
    }


def test_recorded_at_never_decreases_though_the_append_time_does() -> None:
    log = Log()
    log.put(registered(), NOW + 60 * SECOND)
    log.put(claimed(), NOW)
    log.put(matched(), NOW + 30 * SECOND)
    log.put(say("FamilyMoved"), NOW + 90 * SECOND)
    times = [codec.decode(one.value).header.recorded_at for one in log.of(catalogue.EVENTS_TOPIC)]
    assert times == [NOW + 60 * SECOND] * 3 + [NOW + 90 * SECOND]


def test_recorded_at_never_decreases_over_a_restart() -> None:
    log = Log()
    log.put(registered(), NOW + 60 * SECOND)
    log.close()
    again = restored(log.out)
    event = again.fold(FAMILY.encode(), codec.encode(claimed()), 101, NOW)[0]
    assert codec.decode(event.value).header.recorded_at == NOW + 60 * SECOND


def test_a_state_of_another_fold_version_ends_the_worker_before_anything_is_folded_on_it() -> None:
    log = Log()
    log.put(registered())
    log.close()
    position = log.of(catalogue.FAMILIES_TOPIC)[-1]
    other = codec.encode(replace(codec.decode(position.value), fold_version="1"))
    with pytest.raises(OtherFoldVersion, match="fold version 1"):
        restored([*log.out, position._replace(value=other)])


# --- poison ---

GOOD = codec.encode(claimed())


def record_of(name: str) -> bytes:
    """Return a record that is on no topic of changes, or is no change, as framed bytes."""
    header = say("ProposalSubmitted").header
    match name:
        case "EligibilityDecided":
            record: Any = records.EligibilityDecided(
                header=header,
                programme="PKH",
                result="LAYAK",
                reasons=(),
                rules=(),
                rules_version="1",
                amount_rupiah=0,
                rules_digest=b"d" * 32,
            )
        case "ChangeRefused":
            record = records.ChangeRefused(
                header=header,
                record="x",
                rule="x",
                pointer="",
                explanation="",
                source_topic="",
                source_partition=0,
                source_offset=0,
            )
        case "RulesActivated":
            record = records.RulesActivated(header=header, rule_set="pkh", version="2025.1", digest=b"d" * 32, file=b"")
        case "FoldPosition":
            record = records.FoldPosition(partition=0, next_offset=0, recorded_at=0, events=0, fold_version="1")
        case _:
            log = Log()
            log.put(registered())
            return log.out[1].value
    return codec.encode(record)


def unchanged(log: Log, value: bytes, key: bytes | None, code: str) -> None:
    """Assert that this is poison of this code, and that the fold is as if it had never seen it."""
    before = repr(known_to(log.fold))
    taken = len(log.fold._counts._changed)
    with pytest.raises((Poison, Undecodable)) as caught:
        log.fold.fold(key, value, 999, NOW * 2)
    assert getattr(caught.value, "code", None) == code
    assert repr(known_to(log.fold)) == before
    assert len(log.fold._counts._changed) == taken


@pytest.fixture
def log() -> Log:
    one = Log()
    for change in story()[:4]:
        one.put(change)
    return one


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "NO_AVRO_FRAME"),
        (b"{}", "NO_AVRO_FRAME"),
        (b"\x00\x00\x00", "NO_AVRO_FRAME"),
        (b"\x01" + GOOD[1:], "NO_AVRO_FRAME"),
        (b"\x00\xff\xff\xff\xff" + GOOD[5:], "UNKNOWN_SCHEMA_ID"),
        (FRAME.pack(0, 0) + GOOD[5:], "UNKNOWN_SCHEMA_ID"),
        (GOOD + b"\x00", "TRAILING_BYTES"),
        (GOOD + GOOD, "TRAILING_BYTES"),
        (record_of("FamilyState"), "NO_HEADER"),
        (record_of("FoldPosition"), "NO_HEADER"),
        (record_of("EligibilityDecided"), "NOT_A_CHANGE"),
        (record_of("ChangeRefused"), "NOT_A_CHANGE"),
        (record_of("RulesActivated"), "NOT_A_CHANGE"),
        (codec.encode(claimed(family_id="")), "HEADER_WITHOUT_FAMILY"),
        (codec.encode(claimed(family_id="f" * 25)), "HEADER_WITHOUT_FAMILY"),
        (codec.encode(claimed(family_id="F" * 26)), "HEADER_WITHOUT_FAMILY"),
        (codec.encode(claimed(family_id="f" * 20 + "/" + "f" * 5)), "HEADER_WITHOUT_FAMILY"),
        (GOOD[:5] + b"\xff" * 20 + GOOD[7:], "MALFORMED"),
    ],
)
def test_what_is_no_change_is_poison_and_changes_nothing(log: Log, value: bytes, code: str) -> None:
    unchanged(log, value, FAMILY.encode(), code)


def test_a_change_cut_off_at_any_byte_is_poison(log: Log) -> None:
    for change in story():
        framed = codec.encode(change)
        for length in range(len(framed)):
            unchanged(log, framed[:length], FAMILY.encode(), "NO_AVRO_FRAME" if length < 5 else "MALFORMED")


@pytest.mark.parametrize("key", [None, b"", OTHER_FAMILY.encode(), b"position/5", FAMILY.encode() + b" "])
def test_a_key_that_is_not_the_family_is_poison(log: Log, key: bytes | None) -> None:
    unchanged(log, GOOD, key, "KEY_IS_NOT_FAMILY")


@given(st.binary(max_size=200), st.sampled_from([b"", GOOD[:5], GOOD[:40], FRAME.pack(0, 1)]))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_are_poison_or_a_change_and_never_a_fault(tail: bytes, front: bytes) -> None:
    one = Log()
    one.put(registered())
    try:
        one.raw(front + tail, FAMILY.encode())
    except (Poison, Undecodable):
        assert set(one.fold.states) == {FAMILY}


@given(st.integers(0, 11), st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_one_altered_byte_of_a_change_is_poison_or_a_change_and_never_a_fault(
    which: int, where: int, byte: int
) -> None:
    one = Log(BOTH)
    changes = story()
    for change in changes[:which]:
        one.put(change)
    framed = bytearray(codec.encode(changes[which]))
    framed[where % len(framed)] = byte
    with contextlib.suppress(Poison, Undecodable):
        one.raw(bytes(framed), FAMILY.encode())
    one.close()


# --- restore ---


def restored(out: Sequence[Output], rules: RuleBook = NO_RULES) -> FamiliesFold:
    fold = FamiliesFold(PARTITION, lambda: rules)
    for one in out:
        if one.topic == catalogue.FAMILIES_TOPIC:
            fold.restore(one.key, one.value)
    fold.restored()
    return fold


def test_a_restored_fold_knows_what_the_lost_one_knew() -> None:
    log = Log(BOTH)
    for change in story():
        log.put(change)
    log.put(registered(family_id=OTHER_FAMILY))
    log.close()
    again = restored(log.out, BOTH)
    assert known_to(again) == known_to(log.fold)
    assert again.next_offset == log.offset


def test_a_compacted_topic_restores_the_same() -> None:
    log = Log(BOTH)
    for change in story():
        log.put(change)
        log.close()
    last = {one.key: one for one in log.of(catalogue.FAMILIES_TOPIC)}
    assert known_to(restored(list(last.values()), BOTH)) == known_to(log.fold)


def test_a_restored_fold_goes_on_as_if_nothing_had_happened() -> None:
    changes = story()
    for cut in range(len(changes) + 1):
        whole = Log(BOTH)
        for change in changes:
            whole.put(change)
        first = Log(BOTH)
        for change in changes[:cut]:
            first.put(change)
        first.close()
        second = Log(BOTH, restored(first.out, BOTH), first.offset)
        second.clock = first.clock
        for change in changes[cut:]:
            second.put(change)
        assert known_to(second.fold)[0] == known_to(whole.fold)[0]
        assert first.of(catalogue.EVENTS_TOPIC) + second.of(catalogue.EVENTS_TOPIC) == whole.of(catalogue.EVENTS_TOPIC)


@pytest.mark.parametrize("generation", [1, 2_048])
def test_a_fold_restored_from_bytes_puts_out_what_one_that_never_stopped_does(generation: int) -> None:
    changes = [change for pair in zip(story(), others(), strict=True) for change in pair]
    whole = Log(BOTH)
    for change in changes:
        whole.put(change)
    whole.close()
    for cut in range(len(changes) + 1):
        first = Log(BOTH)
        for change in changes[:cut]:
            first.put(change)
        first.close()
        again = FamiliesFold(PARTITION, lambda: BOTH)
        again._states = States(generation)
        for one in first.of(catalogue.FAMILIES_TOPIC):
            again.restore(one.key, one.value)
        again.restored()
        second = Log(BOTH, again, first.offset)
        second.clock = first.clock
        for change in changes[cut:]:
            second.put(change)
        second.close()
        for topic in (catalogue.EVENTS_TOPIC, catalogue.ELIGIBILITY_TOPIC, catalogue.DEADLINES_TOPIC):
            assert first.of(topic) + second.of(topic) == whole.of(topic)
        assert values(first, second) == values(whole)
        assert again.digest() == whole.fold.digest()


def others() -> list[Any]:
    """Tell the same of another family."""
    return [replace(one, header=replace(one.header, family_id=OTHER_FAMILY)) for one in story()]


def values(*logs: Log) -> list[bytes]:
    """Return every state put out, as bytes."""
    every = [one for log in logs for one in log.of(catalogue.FAMILIES_TOPIC)]
    return [one.value for one in every if not one.key.startswith(b"position/")]


def test_the_digest_is_of_the_states_put_out_last_and_names_the_next_offset() -> None:
    log = Log(BOTH)
    for change in [*story(), *others()]:
        log.put(change)
    last = {one.key.decode(): one.value for one in log.of(catalogue.FAMILIES_TOPIC)}
    assert log.fold.digest() == (log.offset, partition_digest({key: leaf(value) for key, value in last.items()}))


def test_after_a_restore_every_cell_that_counts_something_is_published_again() -> None:
    log = Log()
    for change in story():
        log.put(change)
    log.close()
    fold = FamiliesFold(PARTITION, lambda: NO_RULES)
    for one in log.of(catalogue.FAMILIES_TOPIC):
        fold.restore(one.key, one.value)
    sums = {one.key: codec.decode(one.value).sum for one in fold.restored()}
    expected = {
        "/".join((definitions.VERSION, *cell)).encode(): total for cell, total in recount(fold.states.values()).items()
    }
    assert sums == expected


def test_a_new_partition_has_no_position_and_nothing_to_publish() -> None:
    fold = FamiliesFold(PARTITION, lambda: NO_RULES)
    assert fold.restored() == []
    assert fold.next_offset is None


def test_a_state_that_does_not_decode_is_a_fault_at_restore() -> None:
    with pytest.raises(Undecodable):
        FamiliesFold(PARTITION, lambda: NO_RULES).restore(FAMILY.encode(), b"\x00\x00\x00\x00\x01")


def test_the_rules_are_asked_for_at_each_change() -> None:
    books = [NO_RULES]
    fold = FamiliesFold(PARTITION, lambda: books[-1])
    one = Log(fold=fold)
    for change in story():
        one.put(change)
    assert one.of(catalogue.ELIGIBILITY_TOPIC) == []
    books.append(BOTH)
    one.put(say("ReevaluationRequested"))
    assert len(one.of(catalogue.ELIGIBILITY_TOPIC)) == 2


def test_no_key_or_header_names_a_person_but_the_reference_that_claims_go_by() -> None:
    one = Log(BOTH)
    for change in story():
        one.put(change)
    one.close()
    for made in one.out:
        assert made.topic == catalogue.CLAIMS_TOPIC or ANI.encode() not in made.key
        assert all(ANI.encode() not in value for _, value in made.headers or [])


def test_every_schema_of_a_change_begins_with_a_header_the_walker_knows() -> None:
    names = {contract.writer_schemas()[schema_id].name for schema_id in prefix.walkers()}
    assert {f"jejak.{name}" for name in catalogue.EVENTS} <= names


def test_a_change_that_no_rule_foresaw_is_poison_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Log()
    for change in story():
        one.put(change)
    before = dict(one.fold.states)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(families, "handle", fail)
    with pytest.raises(Poison, match="DECIDE_FAILED"):
        one.put(say("ReevaluationRequested"))
    assert one.fold.states == before


def test_a_state_that_cannot_be_written_is_poison_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Log()
    for change in story():
        one.put(change)
    before, digest = dict(one.fold.states), one.fold.digest()
    unwritable = replace(before[FAMILY], percentile=1 << 40)
    monkeypatch.setattr(families, "handle", lambda change, *_: Handled(unwritable, (accepted(change, 1),)))
    with pytest.raises(Poison, match="DECIDE_FAILED"):
        one.put(say("ReevaluationRequested"))
    assert (one.fold.states, one.fold.digest()) == (before, digest)


def test_a_claim_and_an_ending_are_told_to_the_person_and_what_tells_nothing_new_is_not() -> None:
    one = Log()
    ending = say("MembershipEnded", occurred=NOW)
    for change in (registered(), claimed(), matched(), say("MembershipConfirmed"), ending, ending):
        one.put(change)
    told = [(made.key, codec.decode(made.value)) for made in one.of(catalogue.CLAIMS_TOPIC)]
    assert [(key, noted.kind, noted.sequence) for key, noted in told] == [
        (ANI.encode(), "CLAIMED", 2),
        (ANI.encode(), "ENDED", 5),
    ]
    claim, end = (noted for _, noted in told)
    assert (claim.change_id, claim.birth_year, claim.birth_month, claim.sex, claim.reason) == (
        CLAIM[ANI],
        1980,
        6,
        2,
        "",
    )
    assert (end.occurred_at, end.family_id, end.reason) == (NOW, FAMILY, "MENINGGAL")


def test_a_person_s_erasure_is_told_to_the_person_s_own_record() -> None:
    one = Log()
    erasure = saying.Erasure(DINSOS, "petugas-1", FAMILY, ANI, "UU27/2022-43", "S-1", NOW)
    for change in (registered(), claimed(), saying.record_of(erasure)):
        one.put(change)
    assert [codec.decode(made.value).kind for made in one.of(catalogue.CLAIMS_TOPIC)] == ["CLAIMED", "ERASED"]
