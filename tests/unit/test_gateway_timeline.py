"""A history reads as steps with their agency, both times, and reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumers.gateway.timeline import timeline
from schemas import records

JUNE = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp() * 1_000_000)
JULY = int(datetime(2025, 7, 1, tzinfo=UTC).timestamp() * 1_000_000)


def header(sequence: int, agency: str = "desa/35.71.02.1001") -> records.Header:
    return records.Header(
        sequence=sequence,
        recorded_at=JULY,
        occurred_at=JUNE,
        change_id=bytes(16),
        family_id="f" * 26,
        agency=agency,
        actor="officer",
        document="file",
    )


def test_entries_stand_in_order_of_sequence_whatever_order_they_came_in() -> None:
    events = [records.MembershipConfirmed(header=header(n), person_ref="p" * 26, claim_id=bytes(16)) for n in (3, 1, 2)]
    assert [entry.sequence for entry in timeline(events)] == [1, 2, 3]


def test_an_entry_tells_when_it_was_true_and_when_it_was_known() -> None:
    event = records.MembershipEnded(header=header(4), person_ref="p" * 26, reason="PINDAH", evidence=None)
    (entry,) = timeline([event])
    assert entry.step == "MembershipEnded"
    assert entry.agency == "desa/35.71.02.1001"
    assert entry.true_since == datetime(2025, 6, 1, tzinfo=UTC)
    assert entry.known_since == datetime(2025, 7, 1, tzinfo=UTC)
    assert entry.late == timedelta(days=30)
    assert entry.reasons == ("PINDAH",)
    assert entry.person_ref == "p" * 26


def test_a_decision_shows_every_rule_with_what_it_looked_at() -> None:
    event = records.EligibilityDecided(
        header=header(5, "registry"),
        programme="PKH",
        result="TIDAK_LAYAK",
        reasons=("DESIL_DI_LUAR_BATAS",),
        rules=(
            records.RuleOutcome(rule="decile", input="7", passed=False),
            records.RuleOutcome(rule="component", input="1", passed=True),
        ),
        rules_version="2025.1",
        amount_rupiah=0,
        rules_digest=b"d" * 32,
    )
    (entry,) = timeline([event])
    assert dict(entry.results) == {"result": "TIDAK_LAYAK", "programme": "PKH"}
    assert entry.reasons == ("DESIL_DI_LUAR_BATAS",)
    assert [(rule.rule, rule.input, rule.passed) for rule in entry.rules] == [
        ("decile", "7", False),
        ("component", "1", True),
    ]
    assert entry.rules_version == "2025.1"


def test_a_meeting_shows_its_outcome_and_day() -> None:
    event = records.VillageMeetingHeld(
        header=header(6),
        proposal_id=bytes(16),
        outcome="DITOLAK",
        minutes_number="BA/1",
        held_on=20_240,
        attendees=30,
        signatures=20,
        bnba_list_digest=bytes(32),
        reason="MAMPU",
    )
    (entry,) = timeline([event])
    assert dict(entry.results)["outcome"] == "DITOLAK"
    assert dict(entry.results)["held_on"] == "2025-06-01"
    assert entry.reasons == ("MAMPU",)


def test_a_rank_shows_its_decile_and_a_family_left_unranked_shows_why() -> None:
    def ranked(sequence: int, decile: int | None, why: str | None) -> records.FamilyRanked:
        return records.FamilyRanked(
            header=header(sequence, "bps"),
            run_id="2025-Q2",
            decile=decile,
            percentile=None,
            unranked_reason=why,
            basis="FAMILIES",
            scope="NATION",
            model_version="1",
            dpia_id="1",
        )

    placed, left = timeline([ranked(1, 3, None), ranked(2, None, "BELUM_DIVERIFIKASI")])
    assert dict(placed.results) == {"decile": "3"}
    assert dict(left.results) == {"unranked_reason": "BELUM_DIVERIFIKASI"}


def test_nothing_sealed_is_in_an_entry() -> None:
    event = records.FamilyMoved(
        header=header(7),
        region=records.Region(system="KEMENDAGRI", edition="300.2.2-2430/2025", code="35.71.02.1002"),
        address_line=b"ciphertext",
        findings=("ALAMAT_SINGKAT",),
    )
    (entry,) = timeline([event])
    assert dict(entry.results) == {"region": "KEMENDAGRI 35.71.02.1002"}
    assert entry.reasons == ("ALAMAT_SINGKAT",)
    assert "ciphertext" not in repr(entry)


def test_whoever_was_erased_is_named_by_no_line_and_the_erasure_by_its_basis() -> None:
    events = [
        records.MembershipConfirmed(header=header(1), person_ref="p" * 26, claim_id=bytes(16)),
        records.MembershipConfirmed(header=header(2), person_ref="q" * 26, claim_id=bytes(16)),
        records.PersonErased(
            header=header(3), person_ref="p" * 26, legal_basis="UU27/2022-43", request_number="B/17/2025"
        ),
    ]
    entries = timeline(events)
    assert [entry.person_ref for entry in entries] == [None, "q" * 26, None]
    assert dict(entries[2].results) == {"legal_basis": "UU27/2022-43"}
