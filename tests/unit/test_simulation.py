"""The synthetic nation: the same for the same seed, legal step by step, with the sizes and rates of the guide."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from statistics import mean
from typing import TYPE_CHECKING

import pytest

from identity.families import InMemoryAliases
from identity.keys import InMemoryKeyStore
from identity.references import ReferenceKey
from identity.rules import check_kk, check_nik
from producers.draft import RowRefused
from producers.intake import Intake
from producers.simulation import Nation, Rates, Step, expected, poison, simulate, stream
from schemas import codec
from stream_processors.registry import decision, family
from stream_processors.registry.rulebook import RuleBook

if TYPE_CHECKING:
    from producers.draft import Draft
    from schemas.records import FamilyState

NATION = Nation(800, 11, rates=Rates(error_rate=0.2, repeated=0.1))
KNOWN_IN_2026 = 1_780_000_000_000_000

# Machine A, written down from the domain guide (4.A) and not from the simulator: state and record to what may follow.
ALLOWED: dict[tuple[str, str], dict[str, str]] = {
    ("DRAF", "ProposalSubmitted"): {"": "AWAL"},
    ("AWAL", "ProposalIdentityMatched"): {"PADAN": "AWAL+"},
    ("AWAL+", "VillageMeetingHeld"): {"DISEPAKATI": "AKHIR", "DITOLAK": "END"},
    ("PERBAIKAN", "ProposalIdentityCorrected"): {"": "AWAL"},
    ("AKHIR", "FieldVerificationCompleted"): {"LAYAK": "TERVERIFIKASI", "TIDAK_LAYAK": "END"},
    ("TERVERIFIKASI", "DinsosReviewCompleted"): {"TERIMA": "MENUNGGU", "KEMBALIKAN": "AWAL+", "TOLAK": "END"},
    ("MENUNGGU", "ProposalEndorsed"): {"": "DISAHKAN"},
    ("MENUNGGU", "ProposalEndorsementReturned"): {"": "TERVERIFIKASI"},
    ("DISAHKAN", "ProposalSentToMinistry"): {"": "KEMENSOS"},
    ("KEMENSOS", "QualityControlCompleted"): {"LULUS": "BPS", "GAGAL": "END"},
    ("BPS", "FamilyRanked"): {"": "TERPERINGKAT"},
    ("TERPERINGKAT", "ProposalDetermined"): {"": "END"},
    ("TERPERINGKAT", "ProposalNotDetermined"): {"CADANGAN": "END", "TIDAK_MEMENUHI": "END"},
}


@cache
def steps(nation: Nation = NATION) -> tuple[Step, ...]:
    return tuple(simulate(nation))


def by_family(nation: Nation = NATION) -> dict[str, list[Draft]]:
    found = defaultdict(list)
    for step in steps(nation):
        if not step.expected:
            found[step.draft.card].append(step.draft)
    return found


def following(state: str, record: str, outcome: str) -> str | None:
    if record == "ProposalCancelled":
        return "END" if state != "END" else None
    if (state, record) == ("AWAL", "ProposalIdentityMatched") and outcome != "PADAN":
        return "PERBAIKAN"
    return ALLOWED.get((state, record), {}).get(outcome)


def test_the_same_seed_says_the_same_and_another_seed_something_else() -> None:
    again = tuple(simulate(NATION))

    assert again == steps()
    assert tuple(simulate(Nation(800, 12, rates=NATION.rates))) != again


def test_every_proposal_walks_through_machine_a() -> None:
    ends: Counter[str] = Counter()
    for said in by_family().values():
        states: dict[int, str] = {}
        for draft in said:
            if draft.record == "ProposalDrafted":
                states[draft.occurred_at] = "DRAF"
            elif "proposal_id" in draft.refers:
                proposal = draft.refers["proposal_id"].occurred_at
                outcome = draft.body.get("outcome") or draft.body.get("status") or ""
                after = following(states[proposal], draft.record, outcome)
                assert after is not None, (states[proposal], draft.record, outcome)
                states[proposal] = after
            elif draft.record == "FamilyRanked" and draft.body["decile"] is not None:
                states = {key: "TERPERINGKAT" if state == "BPS" else state for key, state in states.items()}
        ends.update(states.values())

    assert ends["END"] > 100
    assert len(ends) > 5  # some are still under way when the months are over


def test_every_branch_of_machine_a_is_taken() -> None:
    taken = {
        (draft.record, str(draft.body.get("outcome", "")))
        for said in by_family().values()
        for draft in said
        if "proposal_id" in draft.refers
    }

    wanted = {(record, "") for _, record in ALLOWED if record not in {"FamilyRanked", "ProposalIdentityMatched"}}
    assert {record for record, _ in taken} >= {record for record, _ in wanted}
    for outcome in ("DITOLAK", "TIDAK_LAYAK", "KEMBALIKAN", "TOLAK", "GAGAL", "CADANGAN", "TIDAK_MEMENUHI"):
        assert outcome in {outcome for _, outcome in taken}


def test_the_registry_answers_every_step_as_its_label_says() -> None:
    assert_foreseen(NATION)


def assert_foreseen(nation: Nation) -> list[FamilyState]:
    """Check that each step is answered as its label says; return the families as they are in the end."""
    intake = Intake(ReferenceKey(b"k" * 32), InMemoryAliases(), InMemoryKeyStore())
    states: dict[bytes, FamilyState | None] = {}
    for step, item in zip(steps(nation), intake.take(step.draft for step in steps(nation)), strict=True):
        if isinstance(item, RowRefused):
            assert (item.rule, "intake") == (step.expected, step.by)
            continue
        change = decision.change_of(item.value, KNOWN_IN_2026)
        handled = family.handle(change, states.get(item.key), RuleBook())
        states[item.key] = handled.state
        answer = handled.refused.rule if handled.refused else "" if handled.events else "AlreadyKnown"
        assert answer == step.expected, (step.draft.record, handled.refused)
    return [state for state in states.values() if state is not None]


TURNS = Rates(split=0.2, merged=0.1, insured=0.2, excluded=0.2, died=0.3, error_rate=0.05, contested=0.05)
TURNED = frozenset(
    {"FamilySplit", "FamilyBranched", "FamilyMerged", "FamilyAbsorbed", "FamilyExcluded", "PbiEnrolled"}
    | {"PbiDeactivated", "PbiReactivationProposed", "PbiReactivationDecided", "PbiActivated"}
)


@pytest.mark.parametrize("answered", [True, False])
def test_families_split_merge_lose_their_heads_and_are_insured_or_excluded_as_foreseen(answered: bool) -> None:  # noqa: FBT001  a case
    nation = Nation(120, 7, rates=TURNS, answered=answered)
    states = assert_foreseen(nation)
    accepted = expected(steps(nation)).accepted
    assert all(accepted[record] > 2 for record in TURNED), accepted
    # Both halves of each split and of each merger came, in either order
    assert accepted["FamilySplit"] == accepted["FamilyBranched"]
    assert accepted["FamilyMerged"] == accepted["FamilyAbsorbed"]
    relations = Counter(one.step for state in states for one in state.cases if one.machine == "HUBUNGAN")
    assert (relations["PECAH"], relations["GABUNG_KE"]) == (relations["ASAL_PECAH"], relations["GABUNG_DARI"])
    # Heads died, and most families name another
    heads = Counter(one.step for state in states for one in state.cases if one.machine == "KEPALA_KELUARGA")
    assert heads["TANPA_KEPALA"] > 0
    assert heads["BERKEPALA"] > 0
    assert {state.status for state in states} == {"AKTIF", "GABUNG"}


def test_what_is_expected_counts_every_step_once() -> None:
    result = expected(steps())

    total = result.accepted.total() + result.refused_by_fold.total() + result.refused_by_intake.total() + result.known
    assert total == len(steps())
    assert result.known > 0
    assert len(result.refused_by_fold) >= 10
    assert set(result.refused_by_intake) <= {"V1", "NIK_SERIAL", "NIK_MONTH", "NAME_BLANK"}


def test_families_are_interleaved_and_each_keeps_its_order() -> None:
    cards = [step.draft.card for step in steps()]
    switches = sum(one != other for one, other in pairwise(cards))
    assert switches > len(cards) * 0.6

    for said in by_family().values():
        assert said[0].record == "FamilyRegistered"
        claimed = set()
        for draft in said:
            person = draft.body.get("person_ref")
            if draft.record == "MembershipClaimed":
                claimed.add(person)
            elif person is not None:
                assert person in claimed


def test_numbers_are_sound_and_nobody_is_in_two_families() -> None:
    homes = defaultdict(set)
    for card, said in by_family().items():
        assert not [found for found in check_kk(card) if found.severity == "reject"]
        for draft in said:
            moved = draft.body.get("cause") in {"PECAH_KK", "GABUNG"}  # left one family for another
            if draft.record == "MembershipClaimed" and not moved:
                homes[draft.body["person_ref"]].add(card)

    assert all(not check_nik(nik) for nik in homes)
    assert all(len(cards) == 1 for cards in homes.values())


def test_where_nobody_answers_some_persons_are_claimed_by_two_families_and_nothing_is_answered() -> None:
    nation = Nation(1_500, 3, rates=Rates(contested=0.05, error_rate=0, repeated=0), answered=False)
    homes = defaultdict(set)
    for step in steps(nation):
        assert step.draft.record not in {"MembershipConfirmed", "MembershipContested"}
        if step.draft.record == "MembershipClaimed" and not step.expected:
            homes[step.draft.body["person_ref"]].add(step.draft.card)
    twice = sum(len(cards) > 1 for cards in homes.values())
    assert twice / len(homes) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("answered", [True, False])
def test_the_registry_answers_as_foreseen_whoever_answers_claims(answered: bool) -> None:  # noqa: FBT001  a case
    nation = Nation(300, 8, rates=Rates(contested=0.1), answered=answered)
    assert_foreseen(nation)


def test_size_falls_as_the_decile_rises_and_is_slightly_above_three() -> None:
    nation = Nation(4_000, 5)
    sizes = defaultdict(list)
    for said in by_family(nation).values():
        ranks = [draft.body["decile"] for draft in said if draft.record == "FamilyRanked" and draft.body["decile"]]
        if ranks:
            sizes[ranks[0]].append(sum(draft.record == "MembershipClaimed" for draft in said))

    assert mean(sizes[1]) == pytest.approx(3.9, abs=0.25)
    assert mean(sizes[10]) == pytest.approx(2.8, abs=0.25)
    assert mean(sizes[1]) > mean(sizes[4]) > mean(sizes[9])
    assert 3.0 < mean(size for tenth in sizes.values() for size in tenth) < 3.4


def test_deciles_are_tenths_and_move_from_run_to_run() -> None:
    nation = Nation(4_000, 5)
    placed: dict[str, dict[str, int]] = defaultdict(dict)
    for said in by_family(nation).values():
        for draft in said:
            if draft.record == "FamilyRanked" and draft.body["decile"]:
                placed[draft.body["run_id"]][draft.card] = draft.body["decile"]

    first, last = placed["DTSEN-2025-Q1"], placed["DTSEN-2025-Q4"]
    for decile in range(1, 11):
        assert sum(one == decile for one in last.values()) == pytest.approx(len(last) / 10, rel=0.1)
    both = first.keys() & last.keys()
    assert 0.05 < mean(first[card] != last[card] for card in both) < 0.6


def test_error_rates_are_those_asked_for() -> None:
    rates = Rates(invalid_nik=0.1, invalid_kk=0.05, unmatched=0.2, error_rate=0, repeated=0)
    nation = Nation(1_500, 3, rates=rates)
    claims = [step for step in steps(nation) if step.draft.record == "MembershipClaimed"]
    wrong_nik = [step for step in claims if step.expected and not check_kk(step.draft.card)]
    answers: dict[str, str] = {}
    for step in steps(nation):
        if step.draft.record == "CivilRegistryMatched":
            answers.setdefault(step.draft.body["person_ref"], step.draft.body["status"])

    people = len({step.draft.body["national_id"] for step in claims if not step.expected}) + len(wrong_nik) / 2
    assert len(wrong_nik) / people == pytest.approx(0.1, abs=0.03)
    assert mean(status != "PADAN" for status in answers.values()) == pytest.approx(0.2, abs=0.03)
    registrations = [step for step in steps(nation) if step.draft.record == "FamilyRegistered"]
    assert sum(step.expected == "V1" for step in registrations) / 1_500 == pytest.approx(0.05, abs=0.02)


def test_housing_has_the_shares_of_the_guide() -> None:
    forms = [
        draft.body["family"]
        for said in by_family(Nation(4_000, 5)).values()
        for draft in said
        if draft.record == "GroundCheckRecorded" and draft.body["family"]
    ]

    def share(name: str, *codes: int) -> float:
        return mean(form[name] in codes for form in forms)

    assert share("house_ownership", 1) == pytest.approx(0.85, abs=0.03)
    assert share("cooking_fuel", 2, 3, 4) == pytest.approx(0.865, abs=0.03)
    assert share("lighting", 1, 2, 3) == pytest.approx(0.99, abs=0.01)
    assert share("water", 1, 2, 3, 4, 5, 7) == pytest.approx(0.925, abs=0.02)
    assert share("toilet", 1) == pytest.approx(0.84, abs=0.03)
    assert share("floor", 8) == pytest.approx(0.04, abs=0.015)


def test_some_visits_are_told_after_newer_ones() -> None:
    late = 0
    for said in by_family(Nation(4_000, 5)).values():
        times = [draft.occurred_at for draft in said if draft.record == "GroundCheckRecorded"]
        late += times != sorted(times)

    assert late > 20


def test_some_endorsed_proposals_miss_the_cut_off_and_are_sent_for_the_next_month() -> None:
    missed = 0
    for said in by_family().values():
        endorsed = {}
        for draft in said:
            if draft.record == "ProposalEndorsed":
                endorsed[draft.refers["proposal_id"].occurred_at] = draft.occurred_at
            elif draft.record == "ProposalSentToMinistry":
                days = (draft.occurred_at - endorsed[draft.refers["proposal_id"].occurred_at]) // 86_400_000_000
                missed += days > 25

    assert missed > 5


def test_waves_bound_memory_and_change_nothing_about_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    nation = Nation(90, 4)
    whole = defaultdict(list)
    for step in simulate(nation):
        whole[step.draft.card].append(step)
    monkeypatch.setattr(stream, "WAVE", 40)
    waved = defaultdict(list)
    for step in simulate(nation):
        waved[step.draft.card].append(step)

    assert waved == whole


def test_the_audited_rates_of_2020_are_much_worse() -> None:
    recent, audited = (
        expected(simulate(Nation(300, 4, rates=rates))).refused_by_intake.total()
        for rates in (Rates(), Rates.audited_2020())
    )

    assert audited > 10 * max(recent, 1)


def test_poison_is_no_record_and_always_the_same_handful() -> None:
    values = [message.value for message in poison(Nation(10, 4, poison=7))]

    assert len(values) == 7
    assert values == [message.value for message in poison(Nation(10, 4, poison=7))]
    for value in values:
        with pytest.raises(codec.Undecodable):
            codec.decode(value)
