"""What an outcome says of a look must be what its disclosures show: their count, and the root over an export's."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.auditor import looks, verify
from consumers.auditor.chains import Listener
from consumers.auditor.ledger import Ledger
from consumers.auditor.source import Directory
from consumers.auditor.verdict import Broken, first
from consumers.auditor.verify import Wishes
from schemas import codec
from schemas.quorum import parse_policy
from tests.unit.audit_log_oracle import Gateway, NaiveLog, entry_of, mth, policy, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def saying(gateway: Gateway, value: bytes, **other: Any) -> bytes:
    """The entry that a gateway wrote last, with other words in it."""
    return gateway.take(replace(codec.decode(value), **other))


def look(gateway: Gateway, persons: int, counted: int | None = None, **outcome: Any) -> list[bytes]:
    intent, intent_id = gateway.intent()
    counted = persons if counted is None else counted
    answer = saying(gateway, gateway.outcome(intent_id), result_count=counted, **outcome)
    return [intent, answer, *(gateway.disclosure(intent_id) for _ in range(persons))]


def export(gateway: Gateway, persons: int, counted: int | None = None, **outcome: Any) -> list[bytes]:
    value, intent_id = gateway.intent()
    values = [saying(gateway, value, action="EXPORT")]
    values += [gateway.disclosure(intent_id) for _ in range(persons)]
    counted = persons if counted is None else counted
    root = mth([sha256(b"\0", sha256(value)) for value in values[1 : 1 + counted]])
    said = {"result_count": counted, "batch_root": root, "batch_size": counted, **outcome}
    return [*values, saying(gateway, gateway.outcome(intent_id), **said)]


def trail(gateway: Gateway, lines: int, *, person: bool, **outcome: Any) -> list[bytes]:
    value, intent_id = gateway.intent()
    intent = saying(gateway, value, action="AUDIT_READ", subject_ref=bytes(32) if person else None)
    answer = saying(gateway, gateway.outcome(intent_id), result_count=lines, **outcome)
    return [intent, answer, *([gateway.disclosure(intent_id)] if person and not outcome else [])]


def judged(values: Sequence[bytes], cuts: Iterable[int] = ()) -> Broken | Ledger:
    """What comes of these values, all of one partition, in segments that end at the cuts."""
    ends = sorted({*(cut for cut in cuts if 0 < cut < len(values)), len(values)})
    ledger, start = Ledger(), 0
    for end in ends:
        listener, broken = Listener(), None
        for leaf in range(start, end):
            broken = broken or listener.take(leaf, 0, leaf, entry_of(0, leaf, values[leaf]))
        if found := first(broken, ledger.take(listener.said())):
            return found
        start = end
    ledger.finish()
    return ledger


def broken_at(values: Sequence[bytes], *cuts: int) -> tuple[str, int]:
    found = judged(values, cuts)
    assert isinstance(found, Broken)
    return found.code, found.leaf


CUTS = [(), (1,), (2,), (3,), (4,), (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("cuts", CUTS)
def test_a_disclosure_left_out_is_named_by_the_outcome_that_counts_it(cuts: tuple[int, ...]) -> None:
    gateway = Gateway("a")
    assert broken_at([*look(gateway, 2, counted=3), *look(gateway, 1)], *cuts) == ("COUNT_DIFFERS", 1)
    gateway = Gateway("a")
    assert broken_at([*look(gateway, 0, counted=1), gateway.heartbeat(closing=True)], *cuts) == ("COUNT_DIFFERS", 1)


@pytest.mark.parametrize("cuts", CUTS)
def test_a_disclosure_too_many_is_named(cuts: tuple[int, ...]) -> None:
    assert broken_at(look(Gateway("a"), 3, counted=2), *cuts) == ("COUNT_DIFFERS", 4)
    assert broken_at(look(Gateway("a"), 1, counted=0), *cuts) == ("COUNT_DIFFERS", 2)


@pytest.mark.parametrize("cuts", CUTS)
def test_an_export_counts_and_commits_to_every_disclosure_before_its_outcome(cuts: tuple[int, ...]) -> None:
    assert isinstance(judged(export(Gateway("a"), 3), cuts), Ledger)
    assert broken_at(export(Gateway("a"), 3, counted=2), *cuts) == ("COUNT_DIFFERS", 4)
    assert broken_at(export(Gateway("a"), 3, result_count=4), *cuts) == ("COUNT_DIFFERS", 4)
    assert broken_at(export(Gateway("a"), 3, batch_size=2), *cuts) == ("COUNT_DIFFERS", 4)
    assert broken_at(export(Gateway("a"), 3, batch_root=bytes(32)), *cuts) == ("BATCH_ROOT_DIFFERS", 4)
    assert broken_at(export(Gateway("a"), 3, batch_root=None), *cuts) == ("BATCH_ROOT_DIFFERS", 4)


@pytest.mark.parametrize("cuts", CUTS)
def test_a_disclosure_put_in_the_place_of_another_changes_the_root(cuts: tuple[int, ...]) -> None:
    gateway = Gateway("a")
    honest = export(copy.copy(gateway), 3)
    root = codec.decode(honest[-1]).batch_root
    value, intent_id = gateway.intent()
    values = [saying(gateway, value, action="EXPORT")]
    values += [saying(gateway, gateway.disclosure(intent_id), record_version=at) for at in (1, 2, 1)]
    outcome = saying(gateway, gateway.outcome(intent_id), result_count=3, batch_size=3, batch_root=root)
    assert broken_at([*values, outcome], *cuts) == ("BATCH_ROOT_DIFFERS", 4)


@pytest.mark.parametrize("in_flight", [1, 2, 10_000])
def test_an_export_that_broke_off_may_have_shown_more_than_it_counts(
    in_flight: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "IN_FLIGHT", in_flight)
    for counted in (4, 5):
        values = export(Gateway("a"), 5, counted=counted, outcome="FAILED", reason="AUDIT_UNAVAILABLE")
        assert isinstance(judged(values), Ledger)
    assert broken_at(export(Gateway("a"), 5, counted=6, outcome="FAILED")) == ("COUNT_DIFFERS", 6)
    assert broken_at(export(Gateway("a"), 5, counted=4, outcome="FAILED", batch_root=bytes(32)))[0] == (
        "BATCH_ROOT_DIFFERS"
    )


def test_a_reading_of_the_trail_counts_lines_and_discloses_one_person_at_most() -> None:
    assert isinstance(judged(trail(Gateway("a"), 7, person=True)), Ledger)
    assert isinstance(judged(trail(Gateway("a"), 0, person=True)), Ledger)
    assert isinstance(judged(trail(Gateway("a"), 7, person=False)), Ledger)
    withheld = trail(Gateway("a"), 0, person=True, outcome="WITHHELD", reason="OUTSIDE_AREA")
    assert isinstance(judged(withheld), Ledger)
    gateway = Gateway("a")
    values = trail(gateway, 7, person=True)[:2]
    gateway.seq, gateway.hash = 2, sha256(values[1])
    assert broken_at([*values, gateway.heartbeat()]) == ("COUNT_DIFFERS", 1)


@pytest.mark.parametrize("cut", range(7))
def test_an_outcome_may_be_said_again_or_taken_back_and_nothing_else(cut: int) -> None:
    for again, holds in ((2, True), (0, True), (1, False)):
        gateway = Gateway("a")
        values = look(gateway, 2)
        intent_id = codec.decode(values[0]).event_id
        values.append(saying(gateway, gateway.outcome(intent_id), result_count=again, outcome="WITHHELD"))
        assert isinstance(judged(values, (cut,)), Ledger) == holds


def test_an_outcome_whose_disclosures_the_end_of_the_log_cuts_off_is_counted() -> None:
    found = judged(look(Gateway("a"), 3)[:3])
    assert isinstance(found, Ledger)
    assert found.figures.outcomes_cut_off == 1


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """What honest gateways write, side by side in one partition, and read back in part after a crash."""
    chains = []
    for name in draw(st.sampled_from(["a", "ab"])):
        gateway, values = Gateway(name), list[bytes]()
        for _ in range(draw(st.integers(1, 4))):
            kind, persons = draw(st.sampled_from(["look", "export", "trail", "intent"])), draw(st.integers(0, 4))
            match kind:
                case "look":
                    values += look(gateway, persons)
                case "export":
                    values += export(gateway, persons)
                case "trail":
                    values += trail(gateway, persons, person=persons % 2 == 0)
                case _:
                    values.append(gateway.intent()[0])
        if draw(st.booleans()):
            stopped = draw(st.integers(1, len(values)))
            values = [*values[:stopped], *values[draw(st.integers(0, stopped)) :]]
        chains.append([*values, gateway.heartbeat(closing=True)])
    mixed = []
    while any(chains):
        mixed.append(draw(st.sampled_from([chain for chain in chains if chain])).pop(0))
    return mixed


@given(histories(), st.sets(st.integers(1, 60)))
@settings(max_examples=150, deadline=None)
def test_honest_gateways_hold_wherever_segments_end(values: list[bytes], cuts: set[int]) -> None:
    found = judged(values, cuts)
    assert isinstance(found, Ledger), found
    assert found.figures.outcomes_cut_off == 0


@given(histories(), st.sets(st.integers(1, 60)), st.data())
@settings(max_examples=150, deadline=None)
def test_a_count_that_is_changed_is_found_wherever_segments_end(
    values: list[bytes], cuts: set[int], data: st.DataObject
) -> None:
    chains = {codec.decode(value).gateway_id for value in values}
    told: dict[tuple[str, int], bytes] = {}
    for value in values:
        record = codec.decode(value)
        told.setdefault((record.gateway_id, record.gateway_seq), value)
    outcomes = [
        key
        for key, value in told.items()
        if type(record := codec.decode(value)).__name__ == "AccessOutcome"
        and codec.decode(told[key[0], _intent_of(told, key[0], record.intent_id)]).action != "AUDIT_READ"
    ]
    if not outcomes:
        return
    name, number = data.draw(st.sampled_from(outcomes))
    gateway, forged = Gateway(name), list[bytes]()
    for at in range(1, 1 + max(at for who, at in told if who == name)):
        record = codec.decode(told[name, at])
        count = {"result_count": record.result_count + 1} if at == number else {}
        gateway.seq = at
        forged.append(gateway.take(replace(record, prev_gateway_hash=gateway.hash, **count)))
    found = judged(forged, cuts)
    assert isinstance(found, Broken), (chains, found)
    assert found.code in {"COUNT_DIFFERS", "BATCH_ROOT_DIFFERS"}
    assert isinstance(judged(forged), Broken)
    assert judged(forged) == found


def _intent_of(told: dict[tuple[str, int], bytes], name: str, intent_id: bytes) -> int:
    return next(at for (who, at), value in told.items() if who == name and codec.decode(value).event_id == intent_id)


def test_the_full_check_names_the_first_bad_leaf(tmp_path: Path) -> None:
    gateway, log = Gateway("a"), NaiveLog(1)
    log.add_round([[*look(gateway, 2), *export(gateway, 300)]])
    log.add_round([[*look(gateway, 1, counted=2), *look(gateway, 3, counted=1)]])
    found = verify.verify(Directory(log.write(tmp_path / "log")), parse_policy(policy().encode()), Wishes())
    assert found.broken is not None
    assert (found.broken.code, found.broken.where) == ("COUNT_DIFFERS", "leaf 307 (partition 0, offset 307)")
    assert verify.verify(Directory(tmp_path / "log"), parse_policy(policy().encode()), Wishes(decode=False)).holds
