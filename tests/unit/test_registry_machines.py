"""Each row of machines B to E and X leads where the guide says; any other pair is refused."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from schemas import catalogue, codec, contract
from stream_processors.registry import authority, guards, matters, standing
from stream_processors.registry.machines import table
from stream_processors.registry.machines.table import TableUnsound, machines
from tests.integration import naive_replay
from tests.unit.machine_walks import EXPECTED, STATES, Step, prepared, said, standing_at, where
from tests.unit.registry_scenarios import (
    ANI,
    claimed,
    given,
    matched,
    registered,
    replay,
    say,
)

REGISTRY = Path(table.__file__).parents[1]
ROWS = [(name, row) for name, rows in EXPECTED.items() for row in rows]
# How many arrows each table has, every state of a list and every outcome counted for itself; and how many states.
COUNTS = {
    "USULAN": (52, 19),
    "SANGGAH": (9, 6),
    "GROUND_CHECK": (25, 12),
    "VERIFIKASI": (3, 2),
    "KEDATANGAN": (6, 3),
    "KELUARGA": (27, 5),
    "HUBUNGAN": (14, 4),
    "ORANG": (80, 7),
    "PBI_JKN": (29, 7),
    "PENGECUALIAN": (4, 3),
    "KEPESERTAAN": (21, 5),
    "KEPALA_KELUARGA": (11, 3),
}


@pytest.mark.parametrize(
    ("name", "row"), ROWS, ids=[f"{name} {row.start} {row.record} {row.outcome}" for name, row in ROWS]
)
def test_a_row_leads_where_the_guide_says_and_once_alone(name: str, row: Step) -> None:
    if row.record == "FamilyRegistered":
        assert given(registered()).state.status == row.end
        return
    # Given a family whose subject stands where the row begins
    scene = prepared(standing_at(name, row.start), row)
    change = said(row, name, scene)
    before, so_far = scene.state, len(scene.log)
    # When the record is said
    scene.when(change).accepted()
    # Then the subject is where the row leads
    assert where(scene, name) == row.end
    # And the same word again, and the same events again, change nothing
    scene.when(change).known()
    assert replay(scene.log, scene.state) is scene.state
    assert replay(scene.log[so_far:], before) == scene.state


@pytest.mark.parametrize("name", EXPECTED)
def test_another_hand_folds_every_walk_to_the_same_bytes(name: str) -> None:
    schemas = naive_replay.Schemas(Path(contract.__file__).parent / "avro")
    for row in EXPECTED[name]:
        if row.record == "FamilyRegistered":
            continue
        scene = prepared(standing_at(name, row.start), row)
        scene.and_given(said(row, name, scene))
        states: dict[str, naive_replay.State] = {}
        for framed in scene.log:
            naive_replay.fold(states, *schemas.decode(framed))
        (state,) = states.values()
        state["counted"] = scene.state.counted
        assert schemas.encode(state) == codec.encode(scene.state), row


# Who heads a family is told of what is said of its members, and no machine refuses a fact.
@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in {"KELUARGA", "KEPALA_KELUARGA"}])
def test_every_pair_that_no_row_has_is_refused_and_leaves_no_trace(name: str) -> None:
    allowed = {(row.start, row.record) for row in EXPECTED[name]}
    ended = {state for state in STATES[name] if all(row.start != state for row in EXPECTED[name])}
    followed = {"DeadlineReached", "GroundCheckRecorded", "FamilyRanked"}  # facts that no machine refuses
    words = {row.record: row for row in EXPECTED[name] if row.record not in followed}
    tried = 0
    for state, (record, row) in product(STATES[name], words.items()):
        begins = state in ended and ("", record) in allowed
        if (state, record) in allowed or begins:
            continue
        scene = prepared(standing_at(name, state), row)
        scene.when(said(row, name, scene)).refused("ORDER")
        tried += 1
    assert tried >= len(words)


def test_every_pair_that_the_family_s_own_machine_lacks_is_refused() -> None:
    allowed = {(row.start, row.record) for row in EXPECTED["KELUARGA"]}
    words = {row.record: row for row in EXPECTED["KELUARGA"] if row.record not in {"FamilyMoved", "FamilyRegistered"}}
    refused = [
        (state, record)
        for state, record in product(STATES["KELUARGA"], words)
        if (state, record) not in allowed and standing_at("KELUARGA", state).when(say(record)).refused("ORDER")
    ]
    assert {("BUBAR", "FamilySplit"), ("AKTIF", "FamilyReactivated"), ("GABUNG", "FamilyMerged")} <= set(refused)
    assert len(refused) == len(STATES["KELUARGA"]) * len(words) - len({one for one in allowed if one[1] in words})


@pytest.mark.parametrize("name", EXPECTED)
def test_the_table_is_exactly_the_guide_s(name: str) -> None:
    ours = {(row.state, row.record, row.outcome, row.to) for row in machines()[name].rows}
    assert ours == set(map(tuple, EXPECTED[name]))


def test_each_machine_has_as_many_arrows_and_states_as_were_counted_by_hand() -> None:
    found = {name: (len(one.rows), len(one.states)) for name, one in machines().items()}
    assert {name: found[name] for name in COUNTS} == COUNTS


@pytest.mark.parametrize(
    ("name", "state", "record"),
    [
        ("SANGGAH", "DIAJUKAN", "ObjectionDecided"),
        ("SANGGAH", "DITERIMA_SISTEM", "DeadlineReached"),
        ("SANGGAH", "DITERIMA", "ObjectionDecided"),
        ("GROUND_CHECK", "DITUGASKAN", "GroundCheckExamined"),
        ("GROUND_CHECK", "KUNJUNGAN_ULANG", "GroundCheckForwarded"),
        ("PBI_JKN", "NONAKTIF", "PbiActivated"),
        ("PBI_JKN", "USUL_REAKTIVASI", "PbiActivated"),
        ("PENGECUALIAN", "BERAKHIR", "ExclusionLifted"),
        ("KELUARGA", "BUBAR", "FamilySplit"),
        ("ORANG", "NONAKTIF_MENINGGAL", "MembershipConfirmed"),
        ("USULAN", "DITETAPKAN", "ProposalReopened"),
        ("USULAN", "DRAF", "VillageMeetingHeld"),
    ],
)
def test_what_the_guide_forbids_is_in_no_table(name: str, state: str, record: str) -> None:
    assert all((row.state, row.record) != (state, record) for row in machines()[name].rows)


def test_a_removal_a_refusal_a_return_and_an_end_always_have_a_reason() -> None:
    without = {
        (name, row.to)
        for name, one in machines().items()
        for row in one.rows
        if not row.reason
        and re.search("TOLAK|TIDAK_LAYAK|NONAKTIF|DICABUT|GABUNG$|BUBAR|ULANG$|DAERAH|MEMENUHI", row.to)
    }
    # A table's own relation of two families takes the reason of the family's own row; a rank and a date have none.
    assert without <= {
        ("GROUND_CHECK", "DIPERINGKAT_ULANG"),
        ("PBI_JKN", "NONAKTIF"),  # its grace ran out: the reason is that of the word before
        ("KELUARGA", "NONAKTIF"),  # a card, a move: it stays where it is
        ("KELUARGA", "GABUNG"),
        ("KELUARGA", "BUBAR"),
    }


def test_every_row_names_its_source_and_guards_that_are_there() -> None:
    text = "".join(one.read_text() for one in REGISTRY.glob("*.py"))
    told_by_table = {matter.machine for matter in matters.MATTERS.values()} | {"KELUARGA"}
    for one in machines().values():
        for row in one.rows:
            assert row.source, row
            for guard in row.guards:
                assert f'"{guard}"' in text, guard
                if one.name in told_by_table and row.record not in {"FamilyRegistered", "FamilyMoved"}:
                    assert guard in guards.GUARDS, guard


def test_every_record_of_a_table_is_a_change_of_the_registry_and_may_be_said() -> None:
    for one in machines().values():
        for row in one.rows:
            assert row.record in catalogue.CHANGES
            assert frozenset(row.actors) <= authority.MAY_SAY[row.record]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('to = "DIAJUKAN"', 'to = "DIMANA"', "isn't listed"),
        ('basis = "press"', 'basis = "rumour"', "without a source"),
        ('actors = ["dinsos"]', "actors = []", "nobody"),
        ('outcome = "DITOLAK"', 'outcome = "DITERIMA"', "twice"),
        ('KEDALUWARSA = "halted"', 'KEDALUWARSA = "gone"', "neither"),
        ('from = "DITERIMA_SISTEM"', 'from = "DITOLAK"', "no way out"),
        ('to = "KEDALUWARSA"', 'to = "DITOLAK"', "nothing leads"),
        ('due = "SANGGAH"', 'when = "SANGGAH"', "fields"),
    ],
)
def test_a_table_that_contradicts_itself_is_no_table(old: str, new: str, told: str) -> None:
    text = (Path(table.__file__).parent / "b-objection.toml").read_text()
    assert old in text
    with pytest.raises(TableUnsound, match=told):
        table.parse(text.replace(old, new, 1) if told != "nobody" else text.replace(old, new))


# --- a person, as one family sees them -------------------------------------------------------------------------------

PERSON = {
    "MENINGGAL": "NONAKTIF_MENINGGAL",
    "GANDA": "NONAKTIF_GANDA",
    "TIDAK_PADAN": "NONAKTIF_TIDAK_PADAN",
    "PINDAH_LN": "PINDAH_LN",
    "PINDAH": "KELUAR",
    "KELUAR_KK": "KELUAR",
    "KAWIN": "KELUAR",
    "PECAH_KK": "KELUAR",
    "GABUNG": "KELUAR",
}


def test_a_person_is_registered_by_a_claim_and_active_once_it_is_confirmed() -> None:
    scene = given(registered(), claimed(), matched())
    assert standing.person_state(scene.member()) == "TERDAFTAR"
    scene.and_given(say("MembershipContested"))
    assert standing.person_state(scene.member()) == "TERDAFTAR"
    scene.and_given(say("MembershipConfirmed"))
    assert standing.person_state(scene.member()) == "AKTIF"


@pytest.mark.parametrize("reason", PERSON)
def test_each_ending_is_its_own_state_and_leads_back_with_a_reason(reason: str) -> None:
    scene = given(registered(), claimed(), say("MembershipConfirmed"), say("MembershipEnded", reason=reason))
    assert standing.person_state(scene.member()) == PERSON[reason]
    scene.when(say("PersonReactivated", reason=" ")).refused("REASON_MISSING", "/reason")
    scene.when(say("PersonReactivated", evidence="")).refused("EVIDENCE_MISSING", "/evidence")
    scene.when(say("PersonReactivated", agency="kemensos")).refused("AGENCY_MAY_NOT")
    back = say("PersonReactivated")
    scene.when(back).accepted()
    assert (standing.person_state(scene.member()), scene.member().reason) == ("TERDAFTAR", "")
    scene.when(back).known()
    assert replay(scene.log) == scene.state


def test_nobody_comes_back_who_is_not_gone_or_before_what_ended_it() -> None:
    scene = given(registered(), claimed())
    scene.when(say("PersonReactivated")).refused("ORDER", "/person_ref")
    scene.when(say("PersonReactivated", person_ref="z" * 26)).refused("MEMBER_UNKNOWN", "/person_ref")
    scene.and_given(say("MembershipEnded"))
    earlier = say("PersonReactivated", occurred=registered().header.occurred_at)
    scene.when(earlier).refused("STANDING_LATER", "/header/occurred_at")


def test_the_person_s_table_tells_every_ending_that_there_is() -> None:
    rows = machines()["ORANG"].rows
    assert {row.outcome: row.to for row in rows if row.record == "MembershipEnded"} == PERSON
    assert {row.to for row in rows if row.record == "PersonReactivated"} == {"TERDAFTAR"}


@pytest.mark.parametrize(
    ("cause", "fields", "rule"),
    [
        ("PENDATAAN", {}, ""),
        ("LAHIR", {"marital_status": 1, "birth_year": 2025, "birth_month": 1}, ""),
        ("LAHIR", {"marital_status": 2}, "CAUSE_CONTRADICTED"),
        ("LAHIR", {"marital_status": 1, "birth_year": 2025, "birth_month": 3}, "CAUSE_CONTRADICTED"),
        ("KAWIN", {"marital_status": 2}, ""),
        ("KAWIN", {"marital_status": 1}, "CAUSE_CONTRADICTED"),
        ("ADOPSI", {}, "CODE_UNKNOWN"),
    ],
)
def test_a_claim_says_why_the_person_belongs_there_now(cause: str, fields: dict[str, int], rule: str) -> None:
    outcome = given(registered()).when(claimed(ANI, cause=cause, **fields))
    if rule:
        outcome.refused(rule)
    else:
        outcome.accepted()
