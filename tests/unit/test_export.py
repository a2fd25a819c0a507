"""An export: every person on record before bytes are kept, resumed without hiding any, marked, and safe in a sheet."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.gateway import export_journal, export_rows
from consumers.gateway.audit_log import Receipt
from consumers.gateway.export import CHUNK, ERASED_SINCE, Export, Made, export, recipient_of, refused
from consumers.gateway.export_claim import ELSEWHERE, RUNNING, Claimed, InTheMaking, claimed
from consumers.gateway.export_claim import without as drop_exports
from consumers.gateway.export_journal import JournalRefused
from consumers.gateway.honey import Honey
from consumers.gateway.request import Caller, ChunkDisclosed, FamilyRow, Withheld
from consumers.read_model.queries import FamilyInRegion, FamilyPage
from identity.export_mark import MarkKey
from identity.keys import InMemoryKeyStore
from identity.rules import check_nik
from jejak.audit import exports
from jejak.audit.exports import widest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from schemas import regions

KEY = MarkKey(b"m" * 32)
REQUEST, OTHER = "r" * 26, "s" * 26
PLACE = "35.71.02"
CALLER = Caller("opd/35.71", "jejak-cli", "officer-7", "operator", "HIGH", "EXPORT", "r-1")
FIELDS = ("address_line", "member.name", "member.national_id", "region")
FAMILIES = 2 * CHUNK + CHUNK // 2
GONE = {"withheld": "ERASED"}
PLACE_OF = {"p": 0, "q": 1}  # of a member in their family, by the first letter of the reference


class Killed(BaseException):
    """What a kill is to code that could clean up: it gets no chance."""


def family(number: int) -> FamilyRow:
    members = [
        {"person_ref": f"p{number}", "name": f"WARGA {number}", "national_id": "************0001"},
        {"person_ref": f"q{number}", "name": f"ANAK {number}", "national_id": "************0002"},
    ]
    shown = {"region": {"system": "KEMENDAGRI", "edition": "e", "code": f"{PLACE}.1001"}, "address_line": "-"}
    return FamilyRow(f"f{number:04d}", 3, {**shown, "members": members})


def without(shown: FamilyRow, erased: Collection[str]) -> FamilyRow:
    """Return the family as the door shows it: an erased member is unlinked, and no field of theirs opens."""
    for member in shown.fields["members"]:
        if member["person_ref"] in erased:
            member |= {"person_ref": "unlinked", "name": GONE, "national_id": GONE}
    return shown


class Lists:
    """Families of one kecamatan, in pages."""

    def families_in(
        self, region: regions.Region, decile: int | None = None, after: FamilyInRegion | None = None, limit: int = 100
    ) -> FamilyPage:
        assert (region.code, decile) == (PLACE, None)
        begin = int(after.family_id[1:]) + 1 if after is not None else 0
        found = [
            FamilyInRegion(PLACE, f"{PLACE}.1001", f"f{one:04d}", 1, "AKTIF")
            for one in range(begin, min(begin + limit, FAMILIES))
        ]
        return FamilyPage(tuple(found), found[-1] if begin + limit < FAMILIES else None)


@dataclass
class Door:
    """A door that keeps on record whom it disclosed, and may be killed or refuse at a chunk."""

    disclosed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    at: Callable[[str, int], Withheld | None] = lambda _where, _chunk: None
    asked: list[Any] = field(default_factory=list)
    chunks: int = 0
    erased: set[str] = field(default_factory=set)

    def open_export(self, caller: Any, purpose: Any, asked: Any, second: Any = None) -> Any:
        assert (caller, purpose.agreement_id, second) == (CALLER, REQUEST, None)
        self.asked.append(asked)
        return self

    @property
    def intent(self) -> Receipt:
        return Receipt(bytes([len(self.asked)]) * 16, "t", 0, 0, bytes(32))

    def disclose_chunk(self, family_ids: Sequence[str], render: Any) -> ChunkDisclosed | Withheld:
        self.chunks += 1
        if (refused := self.at("before", self.chunks)) is not None:
            return refused
        found = [self.show(int(one[1:])) for one in family_ids]
        body = render(found)
        self.disclosed += [member["name"] for one in found for member in one.fields["members"]]
        self.at("disclosed", self.chunks)
        return ChunkDisclosed(body, len(found), 2 * len(found), (), ())

    def erased_among(self, owners: Collection[str]) -> frozenset[str] | Withheld:
        refused = self.at("erased", self.chunks)
        return refused or frozenset(one for one in owners if one[0] in PLACE_OF and self.shows_erased(one))

    def show(self, number: int) -> FamilyRow:
        return without(family(number), self.erased)

    def shows_erased(self, person: str) -> bool:
        member = self.show(int(person[1:])).fields["members"][PLACE_OF[person[0]]]
        return bool(member["name"] == GONE)

    def close(self) -> tuple[Receipt, ...]:
        self.ended.append("DELIVERED")
        return (self.intent,)

    def abandon(self, code: str) -> Withheld:
        self.ended.append(code)
        return Withheld(code)


def wanted(request: str = REQUEST, kind: Any = "csv") -> Export:
    return Export(request, "BERBAGI_PAKAI_DATA", FIELDS, (PLACE,), 10_000, kind, 1)


def names(path: Path) -> list[str]:
    return [row["name"] for row in csv.DictReader(io.StringIO(path.read_text()))]


def kill_at(where: str, chunk: int) -> Callable[[str, int], Withheld | None]:
    def at(here: str, now: int) -> Withheld | None:
        if (here, now) == (where, chunk):
            raise Killed
        return None

    return at


EVERYBODY = [name for one in range(FAMILIES) for name in (f"WARGA {one}", f"ANAK {one}")]


def test_a_whole_export_holds_every_person_once_and_one_invented_for_its_recipient(tmp_path: Path) -> None:
    door, target = Door(), tmp_path / "out.csv"
    made = export(door, Lists(), KEY, CALLER, wanted(), target)
    assert isinstance(made, Made)
    found = names(export_journal.part_of(target))
    honey = Honey(KEY, REQUEST, PLACE)
    assert sorted(found) == sorted([*EVERYBODY, honey.name])
    assert (door.disclosed, door.ended) == (EVERYBODY, ["DELIVERED"])
    assert (made.reached.rows, made.reached.persons) == (len(EVERYBODY) + 1, len(EVERYBODY))
    assert not target.exists()


@pytest.mark.parametrize("where", ["before", "disclosed"])
@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_a_killed_export_goes_on_and_whatever_may_have_left_twice_is_on_record_twice(
    tmp_path: Path, where: str, chunk: int
) -> None:
    target = tmp_path / "out.csv"
    door = Door(at=kill_at(where, chunk))
    with pytest.raises(Killed):
        export(door, Lists(), KEY, CALLER, wanted(), target)
    again = Door()
    made = export(again, Lists(), KEY, CALLER, wanted(), target)
    whole = tmp_path / "whole.csv"
    unbroken = export(Door(), Lists(), KEY, CALLER, wanted(), whole)
    assert isinstance(made, Made)
    assert isinstance(unbroken, Made)
    assert made.digest == unbroken.digest
    on_record = [*door.disclosed, *again.disclosed]
    assert set(on_record) == set(EVERYBODY)
    twice = 2 * min(CHUNK, FAMILIES - (chunk - 1) * CHUNK) if where == "disclosed" else 0
    assert len(on_record) == len(EVERYBODY) + twice
    assert again.asked[0].persons == 10_000 - 2 * CHUNK * (chunk - 1)


@pytest.mark.parametrize("chunk", [2, 3])
def test_an_export_killed_before_an_erasure_begins_anew_and_has_no_row_of_the_erased(
    tmp_path: Path, chunk: int
) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(Killed):
        export(Door(at=kill_at("before", chunk)), Lists(), KEY, CALLER, wanted(), target)
    assert "WARGA 5" in names(export_journal.part_of(target))
    again = Door(erased={"p5"})
    made = export(again, Lists(), KEY, CALLER, wanted(), target)
    assert isinstance(made, Made)
    found = names(export_journal.part_of(target))
    assert "WARGA 5" not in found
    assert "ANAK 5" in found
    assert len(found) == made.reached.rows == len(EVERYBODY) - 1 + 1
    # All of the first run that the file still has is disclosed anew, under an intent of its own.
    assert len(again.disclosed) == len(EVERYBODY)
    assert again.ended == [ERASED_SINCE, "DELIVERED"]
    assert [one.persons for one in again.asked] == [10_000 - 2 * CHUNK * (chunk - 1), 10_000]


def test_an_export_goes_on_where_only_somebody_who_is_not_in_it_yet_was_erased(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(Killed):
        export(Door(at=kill_at("before", 2)), Lists(), KEY, CALLER, wanted(), target)
    again = Door(erased={f"q{CHUNK}"})
    assert isinstance(export(again, Lists(), KEY, CALLER, wanted(), target), Made)
    assert again.ended == ["DELIVERED"]
    assert len(again.disclosed) == len(EVERYBODY) - 2 * CHUNK
    assert f"ANAK {CHUNK}" not in names(export_journal.part_of(target))


def test_an_erasure_while_an_export_runs_keeps_the_file_from_being_handed_over(tmp_path: Path) -> None:
    target, door = tmp_path / "out.csv", Door()

    def erase_in_the_last_chunk(where: str, chunk: int) -> None:
        if (where, chunk) == ("disclosed", 3):
            door.erased.add("p5")

    door.at = erase_in_the_last_chunk
    assert export(door, Lists(), KEY, CALLER, wanted(), target) == Withheld(ERASED_SINCE)
    assert export_journal.part_of(target).read_bytes() == b""
    made = export(Door(erased={"p5"}), Lists(), KEY, CALLER, wanted(), target)
    assert isinstance(made, Made)
    assert "WARGA 5" not in names(export_journal.part_of(target))


def test_an_export_does_not_go_on_while_nobody_can_tell_who_was_erased(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(Killed):
        export(Door(at=kill_at("before", 2)), Lists(), KEY, CALLER, wanted(), target)
    before = export_journal.part_of(target).read_bytes()
    silent = Door(at=lambda where, _: Withheld("KEYS_UNAVAILABLE") if where == "erased" else None)
    assert export(silent, Lists(), KEY, CALLER, wanted(), target) == Withheld("KEYS_UNAVAILABLE")
    assert (silent.disclosed, silent.ended) == ([], ["KEYS_UNAVAILABLE"])
    assert export_journal.part_of(target).read_bytes() == before


def test_an_erasure_drops_the_killed_exports_that_hold_the_person_and_no_other(tmp_path: Path) -> None:
    target, claims = tmp_path / "out.csv", tmp_path / "claims"
    with pytest.raises(Killed), claimed(claims, REQUEST, target):
        export(Door(at=kill_at("before", 2)), Lists(), KEY, CALLER, wanted(), target)
    part = export_journal.part_of(target)
    assert drop_exports(claims, {f"p{CHUNK}"}) == InTheMaking()
    assert part.exists()
    with claimed(claims, REQUEST, target):
        assert drop_exports(claims, {"p5"}) == InTheMaking(running=(target,))
    assert part.exists()
    assert drop_exports(claims, {"p5"}) == InTheMaking(dropped=(target,))
    assert not part.exists()
    assert not export_journal.journal_of(target).exists()
    assert drop_exports(claims, {"p5"}) == InTheMaking()
    assert isinstance(export(Door(erased={"p5"}), Lists(), KEY, CALLER, wanted(), target), Made)


def test_an_erasure_drops_a_file_in_the_making_of_which_nobody_knows_whom_it_holds(tmp_path: Path) -> None:
    target, claims = tmp_path / "out.csv", tmp_path / "claims"
    with claimed(claims, REQUEST, target):
        export_journal.part_of(target).write_bytes(b"WARGA 5")
    assert drop_exports(claims, {"p5"}) == InTheMaking(dropped=(target,))
    assert not export_journal.part_of(target).exists()


def test_a_file_whose_hand_over_is_on_record_gets_no_name_once_somebody_in_it_is_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, keys = tmp_path / "out.csv", InMemoryKeyStore()
    made = export(Door(), Lists(), KEY, CALLER, wanted(), target)
    assert isinstance(made, Made)
    handed_over = SimpleNamespace(agency=CALLER.agency_id, step=exports.DONE, file_digest=made.digest, persons=500)
    monkeypatch.setattr("jejak.audit.exports.requests.states", lambda _: {REQUEST: handed_over})
    registry: Any = SimpleNamespace(endpoints=SimpleNamespace(kafka=""), key_store=lambda: keys)
    keys.erase("p5")
    assert exports.run(registry, CALLER, REQUEST, target) == Withheld(ERASED_SINCE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", [b'{"export_id": "x", "after": null}', b"[]", b"\xff", b'{"owners": 7}'])
def test_a_journal_that_does_not_read_goes_on_with_nothing_and_an_erasure_drops_its_file(
    tmp_path: Path, line: bytes
) -> None:
    target, claims = tmp_path / "out.csv", tmp_path / "claims"
    with claimed(claims, REQUEST, target):
        export_journal.part_of(target).write_bytes(b"WARGA 5")
        export_journal.journal_of(target).write_bytes(line + b"\n")
    with pytest.raises(JournalRefused, match="EXPORT_JOURNAL_UNREADABLE"):
        export(Door(), Lists(), KEY, CALLER, wanted(), target)
    assert drop_exports(claims, {"p5"}) == InTheMaking(dropped=(target,))


def test_no_claim_is_no_fault_of_an_erasure(tmp_path: Path) -> None:
    assert drop_exports(tmp_path / "never made", {"p5"}) == InTheMaking()


@given(torn=st.binary(max_size=200))
@settings(max_examples=8, deadline=None)
def test_what_a_kill_tore_is_cut_off(tmp_path_factory: pytest.TempPathFactory, torn: bytes) -> None:
    target = tmp_path_factory.mktemp("torn") / "out.csv"
    with pytest.raises(Killed):
        export(Door(at=kill_at("disclosed", 2)), Lists(), KEY, CALLER, wanted(), target)
    with export_journal.part_of(target).open("ab") as part:
        part.write(torn)
    with export_journal.journal_of(target).open("ab") as journal:
        journal.write(torn.replace(b"\n", b""))
    made = export(Door(), Lists(), KEY, CALLER, wanted(), target)
    assert isinstance(made, Made)
    assert len(names(export_journal.part_of(target))) == len(EVERYBODY) + 1


def test_a_refusal_ends_the_export_on_record_and_keeps_what_was_disclosed(tmp_path: Path) -> None:
    refused = Withheld("AGREEMENT_NOT_ACTIVE")
    door = Door(at=lambda where, chunk: refused if (where, chunk) == ("before", 2) else None)
    target = tmp_path / "out.csv"
    assert export(door, Lists(), KEY, CALLER, wanted(), target) == refused
    assert door.ended == ["AGREEMENT_NOT_ACTIVE"]
    assert len(door.disclosed) == 2 * CHUNK == len(names(export_journal.part_of(target))) - 1


def test_another_exports_file_is_not_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(Killed):
        export(Door(at=kill_at("before", 2)), Lists(), KEY, CALLER, wanted(), target)
    with pytest.raises(JournalRefused):
        export(Door(), Lists(), KEY, CALLER, wanted(kind="jsonl"), target)


def code_of(folder: Path, request: str, target: Path) -> str:
    """Why a grant can't be claimed for this file, nothing where it can."""
    try:
        with claimed(folder, request, target):
            return ""
    except Claimed as fault:
        return fault.code


def test_a_grant_is_exported_by_one_process_at_a_time(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with claimed(tmp_path / "claims", REQUEST, target):
        assert code_of(tmp_path / "claims", REQUEST, target) == RUNNING
        assert code_of(tmp_path / "claims", REQUEST, tmp_path / "other.csv") == RUNNING
        assert code_of(tmp_path / "claims", OTHER, tmp_path / "other.csv") == ""
    assert code_of(tmp_path / "claims", REQUEST, target) == ""


def test_a_grant_whose_export_was_killed_goes_on_in_the_same_file_and_in_no_other(tmp_path: Path) -> None:
    target, claims = tmp_path / "out.csv", tmp_path / "claims"
    with pytest.raises(Killed), claimed(claims, REQUEST, target):
        export(Door(at=kill_at("disclosed", 2)), Lists(), KEY, CALLER, wanted(), target)
    assert code_of(claims, REQUEST, tmp_path / "other.csv") == ELSEWHERE
    assert code_of(claims, REQUEST, target) == ""
    export_journal.part_of(target).unlink()
    assert code_of(claims, REQUEST, tmp_path / "other.csv") == ELSEWHERE
    export_journal.journal_of(target).unlink()
    assert code_of(claims, REQUEST, tmp_path / "other.csv") == ""
    assert code_of(claims, REQUEST, target) == ""


def test_an_export_that_may_not_begin_is_on_record_and_shows_nobody() -> None:
    door = Door()
    assert refused(door, CALLER, wanted(), RUNNING) == Withheld(RUNNING)
    assert (door.ended, door.disclosed, len(door.asked)) == ([RUNNING], [], 1)


def test_a_file_that_was_shortened_is_not_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(Killed):
        export(Door(at=kill_at("before", 2)), Lists(), KEY, CALLER, wanted(), target)
    export_journal.part_of(target).write_bytes(b"")
    with pytest.raises(JournalRefused, match="EXPORT_FILE_SHORTENED"):
        export(Door(), Lists(), KEY, CALLER, wanted(), target)


def test_no_reference_of_a_person_or_family_is_in_a_file(tmp_path: Path) -> None:
    for kind in ("csv", "jsonl"):
        target = tmp_path / f"out.{kind}"
        export(Door(), Lists(), KEY, CALLER, wanted(kind=kind), target)
        text = export_journal.part_of(target).read_text()
        assert "f0001" not in text
        assert "p1," not in text
        assert '"p1"' not in text


def test_a_part_of_a_leaked_file_names_its_recipient_and_nobody_else(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    export(Door(), Lists(), KEY, CALLER, wanted(kind="jsonl"), target)
    lines = export_journal.part_of(target).read_text().splitlines()
    asked = [(REQUEST, PLACE, 600), (OTHER, PLACE, 600)]
    assert list(recipient_of(lines[77], KEY, asked)) == [REQUEST]
    without_ids = [{**json.loads(line), "row_id": ""} for line in lines]
    assert list(recipient_of(json.dumps(without_ids), KEY, asked)) == [REQUEST]
    assert list(recipient_of(lines[77], MarkKey(b"n" * 32), asked)) == []


def test_the_invented_person_differs_by_recipient_and_has_the_form_of_one() -> None:
    one, two = Honey(KEY, REQUEST, PLACE), Honey(KEY, OTHER, PLACE)
    assert one.nik != two.nik
    assert not check_nik(one.nik)
    assert one.row(("member.national_id",))["national_id"] == "*" * 12 + one.nik[-4:]


@pytest.mark.parametrize(
    "name", ["=1+1", "+62", "-2", "@SUM(A1)", "\t=1", " =1", "\uff1dcmd", "\r=1", '=HYPERLINK("x")', "\u00a0=1"]
)
def test_a_cell_that_begins_a_formula_is_led_by_an_apostrophe(name: str) -> None:
    body = export_rows.written([{"name": name}], ("name",), "csv")
    assert next(csv.reader(io.StringIO(body.decode(), newline=""))) == [f"'{name}"]


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_is_one_cell_that_no_sheet_runs(text: str) -> None:
    body = export_rows.written([{"name": text, "x": 1}], ("name", "x"), "csv")
    found = list(csv.reader(io.StringIO(body.decode(), newline="")))
    assert len(found) == 1
    assert found[0][0].removeprefix("'") == text.removeprefix("'")
    assert found[0][0][:1] not in set("=+-@\t\r")
    assert json.loads(export_rows.written([{"name": text}], ("name",), "jsonl")) == {"name": text}


def test_an_erased_person_has_no_row_and_what_did_not_open_is_empty() -> None:
    members = [
        {"person_ref": "p", "name": {"withheld": "ERASED"}},
        {"person_ref": "q", "name": {"withheld": "NOT_OPENABLE_KEY"}},
    ]
    assert list(export_rows.rows([FamilyRow("f", 1, {"members": members})])) == [{"name": None}]


def test_a_region_within_another_is_listed_once() -> None:
    assert widest(["35.71.02.1001", "35.71.02", "35.71.01"]) == ("35.71.01", "35.71.02")
