"""What each record makes true in the read model's tables, under every way of delivering it."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.read_model import rows, tables
from consumers.read_model.state_record import StateRecord, state_record
from schemas import codec, records, regions

if TYPE_CHECKING:
    from collections.abc import Sequence

FAMILY = "a" * 26
CARD, ANEW = "c" * 26, "d" * 26
PERSON = "p" * 26
NOW = 1_750_000_000_000_000
RAWA, PESONA, FAR = "35.71.02.1001", "35.71.02.1002", "11.01.01.2001"


def place(code: str) -> records.Region:
    return records.Region(system="KEMENDAGRI", edition=regions.KEMENDAGRI_EDITION, code=code)


def header(sequence: int, family_id: str = FAMILY) -> records.Header:
    return records.Header(
        sequence=sequence,
        recorded_at=NOW + sequence,
        occurred_at=NOW,
        change_id=sequence.to_bytes(16, "big"),
        family_id=family_id,
        agency="desa/35.71.02.1001",
        actor="officer",
        document="file",
    )


def state(
    sequence: int, code: str = RAWA, decile: int = 0, family_id: str = FAMILY, *, doubt: bool = False
) -> StateRecord:
    value = codec.encode(
        records.FamilyState(
            sequence=sequence,
            recorded_at=NOW + sequence,
            family_id=family_id,
            counted=b"1",
            region=place(code),
            status="AKTIF",
            decile=decile,
            percentile=-1,
            ranking_run="",
            members=(),
            proposals=(),
            eligibility=(),
            facets=(),
            recent_changes=b"NAMA_MERAGUKAN" if doubt else b"",
        )
    )
    return state_record(value)


class Database:
    """Cells with timestamps: the greatest wins, a removal beats a write of the same time, as Cassandra has it."""

    def __init__(self) -> None:
        self.cells: dict[tuple[Any, ...], tuple[int, bool, tuple[Any, ...]]] = {}

    def write(self, writes: Sequence[rows.Write]) -> None:
        for table, partition, values, timestamp, removes in writes:
            width = len(table.clustering)
            key = (table.name, partition, values[:width])
            candidate = (timestamp, removes, values[width:])
            self.cells[key] = max(self.cells.get(key, candidate), candidate)

    def live(self, table: tables.Table) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        return {
            (*partition, *key): values
            for (name, partition, key), (_, removed, values) in self.cells.items()
            if name == table.name and not removed
        }

    def placed(self, family_id: str = FAMILY) -> rows.Placed | None:
        found = self.live(tables.FAMILY).get((tables.bucket_of(family_id), family_id))
        if found is None:
            return None
        sequence, system, edition, code, decile, status, in_doubt, *_ = found
        region = records.Region(system=system, edition=edition, code=code)
        return rows.Placed(sequence, region, decile, status, in_doubt)

    def fold(self, states: Sequence[StateRecord], *, torn: bool = False) -> None:
        """Project one batch as the projector does; a torn one is cut short before its second half."""
        writes = rows.family_writes(states, self.placed())
        self.write(writes.first)
        if not torn:
            self.write(writes.then)

    def homes(self) -> set[str]:
        return {key[3] for key in self.live(tables.FAMILY_IN_REGION)}

    def doubts(self) -> set[str]:
        return {key[3] for key in self.live(tables.FAMILY_IN_DOUBT)}


def registered(sequence: int = 1) -> bytes:
    return codec.encode(
        records.FamilyRegistered(
            header=header(sequence),
            region=place(RAWA),
            card_ref=CARD,
            card_number=b"sealed",
            address_line=b"sealed",
            telephone=None,
            findings=(),
        )
    )


def claimed(sequence: int = 2) -> bytes:
    return codec.encode(
        records.MembershipClaimed(
            header=header(sequence),
            person_ref=PERSON,
            birth_year=1980,
            birth_month=2,
            sex=1,
            relationship=1,
            marital_status=2,
            presence=1,
            national_id=b"sealed",
            name=b"sealed",
            birth_day=b"sealed",
            findings=(),
        )
    )


def test_a_registration_is_kept_in_the_history_and_makes_its_card_known() -> None:
    database = Database()
    database.write(rows.event_writes(registered()))
    assert database.live(tables.EVENT) == {("aa", FAMILY, 1): (NOW, NOW + 1, registered())}
    assert database.live(tables.FAMILY_OF_REFERENCE) == {("cc", CARD, FAMILY): (rows.CARD,)}


def test_a_claim_makes_the_person_known() -> None:
    database = Database()
    database.write(rows.event_writes(claimed()))
    assert database.live(tables.FAMILY_OF_REFERENCE) == {("pp", PERSON, FAMILY): (rows.PERSON,)}


def test_a_card_issued_anew_makes_the_same_family_known_by_another_name() -> None:
    database = Database()
    anew = records.FamilyCardReissued(header=header(2), card_ref=ANEW, card_number=b"s", reason="HILANG", findings=())
    for event in (registered(), codec.encode(anew), registered()):
        database.write(rows.event_writes(event))
    assert set(database.live(tables.FAMILY_OF_REFERENCE)) == {("cc", CARD, FAMILY), ("dd", ANEW, FAMILY)}


def test_an_erased_person_is_found_by_reference_no_more_whatever_the_order() -> None:
    erased = codec.encode(
        records.PersonErased(header=header(3), person_ref=PERSON, legal_basis="UU27/2022-43", request_number="1")
    )
    for order in itertools.permutations((claimed(2), erased)):
        database = Database()
        for event in order:
            database.write(rows.event_writes(event))
        assert database.live(tables.FAMILY_OF_REFERENCE) == {}
        assert len(database.live(tables.EVENT)) == 2


def test_another_event_makes_one_row_of_history_and_no_reference() -> None:
    event = records.MembershipConfirmed(header=header(3), person_ref=PERSON, claim_id=bytes(16))
    writes = rows.event_writes(codec.encode(event))
    assert [write.table for write in writes] == [tables.EVENT]


def test_events_delivered_twice_and_replayed_give_the_same_rows() -> None:
    once, often = Database(), Database()
    events = [registered(), claimed()]
    for event in events:
        once.write(rows.event_writes(event))
    for event in [*events, *events, events[0], *reversed(events)]:
        often.write(rows.event_writes(event))
    assert often.cells == once.cells


def test_a_state_is_found_by_id_and_in_its_region() -> None:
    database = Database()
    database.fold([state(1, RAWA, decile=3)])
    assert database.placed() == rows.Placed(1, place(RAWA), 3, "AKTIF", 0)
    edition = regions.KEMENDAGRI_EDITION
    assert database.live(tables.FAMILY_IN_REGION) == {
        ("KEMENDAGRI", edition, "35.71.02", RAWA, FAMILY): (3, "AKTIF"),
    }
    assert set(database.live(tables.KECAMATAN)) == {
        ("KEMENDAGRI", edition, "35.71", "35.71.02"),
        ("KEMENDAGRI", edition, "35", "35.71.02"),
    }


def test_a_family_that_moved_twice_in_two_batches_lives_in_one_place() -> None:
    database = Database()
    for code, sequence in ((RAWA, 1), (FAR, 2), (PESONA, 3)):
        database.fold([state(sequence, code)])
    assert database.homes() == {PESONA}


def test_a_family_that_moved_away_and_back_is_still_there() -> None:
    database = Database()
    for code, sequence in ((RAWA, 1), (FAR, 2), (RAWA, 3)):
        database.fold([state(sequence, code)])
    assert database.homes() == {RAWA}


def test_a_new_decile_in_the_same_place_replaces_the_old_one() -> None:
    database = Database()
    database.fold([state(1, RAWA, decile=1)])
    database.fold([state(2, RAWA, decile=9)])
    assert list(database.live(tables.FAMILY_IN_REGION).values()) == [(9, "AKTIF")]


def test_a_family_with_a_name_in_doubt_is_listed_where_it_lives_until_that_is_judged() -> None:
    database = Database()
    told = []
    for code, doubt in ((RAWA, False), (RAWA, True), (FAR, True), (FAR, True), (FAR, False), (PESONA, True)):
        database.fold([state(len(told) + 1, code, doubt=doubt)])
        told.append(database.doubts())
    assert told == [set(), {RAWA}, {FAR}, {FAR}, set(), {PESONA}]


def test_a_stale_state_changes_nothing() -> None:
    database = Database()
    database.fold([state(5, PESONA)])
    assert rows.family_writes([state(4, RAWA)], database.placed()) == ([], [])


def test_a_redelivered_state_changes_nothing() -> None:
    database = Database()
    database.fold([state(5, PESONA)])
    assert rows.family_writes([state(5, PESONA)], database.placed()) == ([], [])


def test_a_batch_cut_short_leaves_no_ghost_when_it_is_repeated_with_more() -> None:
    database = Database()
    database.fold([state(1, RAWA)])
    database.fold([state(2, FAR)], torn=True)
    database.fold([state(2, FAR), state(3, RAWA)])
    assert database.homes() == {RAWA}


@given(
    homes=st.lists(st.sampled_from([RAWA, PESONA, FAR]), min_size=1, max_size=8),
    cuts=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.booleans()), max_size=12),
)
def test_however_batches_are_cut_torn_and_repeated_a_family_ends_in_one_place(
    homes: list[str], cuts: list[tuple[int, int, bool]]
) -> None:
    database = Database()
    states = [state(number, code, decile=number % 3, doubt=number % 4 > 1) for number, code in enumerate(homes, 1)]
    committed = 0
    for length, back, torn in cuts:
        start = max(committed - back, 0)
        batch = states[start : start + length]
        if batch:
            database.fold(batch, torn=torn)
        if not torn:
            committed = max(committed, start + len(batch))
    database.fold(states[committed:] or states[-1:])
    assert database.homes() == {homes[-1]}
    placed = database.placed()
    assert placed is not None
    assert (placed.sequence, placed.region.code) == (len(homes), homes[-1])
    assert set(database.live(tables.FAMILY_IN_REGION).values()) == {(len(homes) % 3, "AKTIF")}
    assert database.doubts() == ({homes[-1]} if len(homes) % 4 > 1 else set())


def test_the_position_of_a_fold_is_no_family() -> None:
    assert rows.is_position(b"position/3")
    assert not rows.is_position(FAMILY.encode())


def test_another_record_among_the_states_is_poison() -> None:
    with pytest.raises(codec.Undecodable) as poison:
        state_record(registered())
    assert poison.value.code == "UNEXPECTED_RECORD"


def indicator(partition: int, total: int, region: str = "35.71") -> bytes:
    return codec.encode(
        records.IndicatorSum(
            definition_version="1",
            indicator="families_by_decile",
            region=region,
            category="3",
            partition=partition,
            sum=total,
            unit="keluarga",
            next_offset=7,
            recorded_at=NOW,
        )
    )


def test_the_latest_sum_of_a_partition_wins_in_any_order_of_delivery() -> None:
    sums = [rows.indicator_writes(indicator(2, total), offset) for offset, total in enumerate((4, 9, 0))]
    for order in itertools.permutations(sums):
        database = Database()
        for writes in order:
            database.write(writes)
        assert [row[0] for row in database.live(tables.INDICATOR).values()] == [0]


def test_sums_of_two_partitions_stand_beside_each_other() -> None:
    database = Database()
    database.write(rows.indicator_writes(indicator(0, 4), 0))
    database.write(rows.indicator_writes(indicator(1, 5), 0))
    assert sorted(row[0] for row in database.live(tables.INDICATOR).values()) == [4, 5]


def refusal_of(family_id: str) -> bytes:
    refusal = records.ChangeRefused(
        header=dataclasses.replace(header(0), family_id=family_id),
        record="jejak.FamilyMoved",
        rule="FAMILY_NOT_REGISTERED",
        pointer="/header/family_id",
        explanation="the family is not registered",
        source_topic="jejak.changes.v1",
        source_partition=1,
        source_offset=2,
    )
    return codec.encode(refusal)


def test_a_refusal_stands_under_its_agency_and_month_once_and_under_its_family_once() -> None:
    value, database = refusal_of("f" * 26), Database()
    for _ in range(2):
        database.write(rows.refusal_writes(value, 1_750_000_000_000, 1, 0))
    assert database.live(tables.REFUSAL) == {
        ("desa/35.71.02.1001", "2025-06", 1_750_000_000_000_000, 1, 0): ("FAMILY_NOT_REGISTERED", value)
    }
    assert database.live(tables.REFUSAL_OF_FAMILY) == {
        ("ff", "f" * 26, 1_750_000_000_000_000, 1, 0): ("FAMILY_NOT_REGISTERED", value)
    }


def test_a_refused_row_of_no_family_stands_under_its_agency_alone() -> None:
    database = Database()
    database.write(rows.refusal_writes(refusal_of(""), 1_750_000_000_000, 1, 0))
    assert len(database.live(tables.REFUSAL)) == 1
    assert database.live(tables.REFUSAL_OF_FAMILY) == {}


def test_a_later_edition_of_a_published_row_replaces_the_earlier() -> None:
    def published(source: str) -> bytes:
        return codec.encode(
            records.ReferenceRowPublished(
                table="deciles", row="35", source=source, period="2025", unit="keluarga", cells=()
            )
        )

    database = Database()
    database.write(rows.reference_row_writes(published("second"), 9))
    database.write(rows.reference_row_writes(published("first"), 3))
    assert database.live(tables.REFERENCE_ROW) == {("deciles", "35"): (published("second"),)}


def test_no_statement_filters_compares_and_sets_or_counts() -> None:
    folder = Path(rows.__file__).parent
    said = " ".join(path.read_text() for path in folder.glob("*.py")).upper()
    for forbidden in ("ALLOW FILTERING", "COUNTER +", "IF EXISTS WHERE", ") IF NOT EXISTS"):
        assert forbidden not in said


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
def test_a_table_carries_its_version_and_uses_no_counter(table: tables.Table) -> None:
    ddl = table.ddl("v7")
    assert f"jejak_read.{table.name}_v7 (" in ddl
    assert "counter" not in ddl
