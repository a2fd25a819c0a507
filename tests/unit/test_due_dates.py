"""Dates that come by themselves: each told once when it is due, over restarts, redelivery and late starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from prometheus_client import REGISTRY

from schemas import catalogue, codec
from stream_processors.agents import deadlines as agent
from stream_processors.folds.families import FamiliesFold
from stream_processors.registry import birthdays, calendar, deadlines
from stream_processors.registry.rulebook import shipped
from tests.unit.registry_scenarios import (
    ANI,
    BOTH,
    BUDI,
    DAY,
    FAMILY,
    NO_RULES,
    SECOND,
    TASK,
    at,
    claimed,
    in_force,
    matched,
    registered,
    say,
)
from tests.unit.test_families_fold import PARTITION, Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_processors.registry.rulebook import RuleBook

ONCE = at(2025, 1, 1)
WITH_GRACE = in_force(("pbi-jkn", "2025.1", ONCE, ONCE))
TOMORROW = 4_000_000_000_000_000  # far beyond every date of these tests


class Clockwork:
    """A fold and the deadlines agent's table beside it, moved by a clock that is set by hand."""

    def __init__(self, rules: RuleBook = NO_RULES) -> None:
        self.rules = rules
        self.log = Log(rules)
        self.kept: agent.Kept = {}
        self._read = 0

    def say(self, change: Any, recorded_at: int) -> list[str]:
        """Have a change decided at this time; return the names of the events that came of it."""
        made = self.log.put(change, recorded_at)
        return [type(codec.decode(one.value)).__name__ for one in made if one.topic == catalogue.EVENTS_TOPIC]

    def dates(self) -> dict[str, int]:
        """Return what the agent waits for: kind and due date."""
        written = self.log.of(catalogue.DEADLINES_TOPIC)
        for one in written[self._read :]:
            self.kept = agent.scheduled(self.kept, codec.decode(one.value))
        self._read = len(written)
        return {kind: due_at for kind, (_, due_at) in self.kept.items()}

    def due(self, now: int) -> list[Any]:
        """Return what the agent tells at this time."""
        self.dates()
        return list(agent.due([(FAMILY.encode(), self.kept)], now))

    def tick(self, now: int) -> list[str]:
        """Let the agent tell what is due, and the fold decide it; return the names of the events that came of it."""
        found = []
        for change in self.due(now):
            self.kept.pop(change.kind)
            found += self.say(change, now)
        return found

    def restart(self) -> None:
        """Begin anew with what the topics hold: the fold with its states, the agent with every date ever written."""
        self.log.close()
        fold = FamiliesFold(PARTITION, lambda: self.rules)
        for one in self.log.of(catalogue.FAMILIES_TOPIC):
            fold.restore(one.key, one.value)
        fold.restored()
        self.log.fold = fold
        self.kept, self._read = {}, 0

    @property
    def state(self) -> Any:
        return self.log.fold.states[FAMILY]

    def case(self, machine: str) -> Any:
        return next(one for one in self.state.cases if one.machine == machine)


def breaches(kind: str) -> float:
    return REGISTRY.get_sample_value("jejak_deadlines_breached_total", {"kind": kind}) or 0.0


# --- one family for each kind ----------------------------------------------------------------------------------------


def assigned(assigned_at: int = at(2026, 1, 10)) -> Clockwork:
    """Return a family whose ground check was assigned."""
    works = Clockwork()
    works.say(registered(), at(2026, 1, 1))
    works.say(claimed(), at(2026, 1, 1))
    works.say(say("GroundCheckAssigned", change_id=TASK, occurred=assigned_at), at(2026, 1, 10))
    return works


def visited(visited_at: int = at(2026, 1, 10)) -> Clockwork:
    """Return a family that was visited, and not since."""
    works = Clockwork()
    works.say(registered(), at(2026, 1, 1))
    works.say(claimed(), at(2026, 1, 1))
    works.say(say("GroundCheckRecorded", occurred=visited_at), at(2026, 1, 11))
    return works


def with_a_child(decile: int = 2, rules: RuleBook = BOTH, ranked_at: int = at(2026, 2, 1)) -> Clockwork:
    """Return a ranked family with a child who was born in April 2019."""
    works = Clockwork(rules)
    works.say(registered(), at(2026, 1, 1))
    works.say(claimed(ANI, birth_year=2019, birth_month=4, relationship=3, marital_status=1), at(2026, 1, 1))
    works.say(matched(), at(2026, 1, 2))
    works.say(say("FamilyRanked", decile=decile, occurred=at(2026, 2, 1)), ranked_at)
    return works


def in_grace() -> Clockwork:
    """Return a family with a place in PBI-JKN that a ranking of March took out of the programme's deciles."""
    works = with_a_child(decile=3, rules=WITH_GRACE)
    works.say(placed(), at(2026, 2, 2))
    works.say(say("FamilyRanked", decile=8, occurred=at(2026, 3, 1)), at(2026, 3, 1))
    return works


def placed(**fields: Any) -> Any:
    given = {"programme": "PBI_JKN", "period": "2026-02", "run_id": "PBI-1", "place": 1, "amount_rupiah": 0}
    return say("AidAllocated", occurred=at(2026, 2, 2), agency="kemensos", determination_number="P-1", **given | fields)


def with_three_dates() -> Clockwork:
    """Return one family that awaits a birthday, the end of a task and its next verification."""
    works = with_a_child()
    works.say(say("GroundCheckRecorded", occurred=at(2026, 3, 2)), at(2026, 3, 2))
    works.say(say("GroundCheckAssigned", change_id=TASK, occurred=at(2026, 3, 3)), at(2026, 3, 3))
    return works


class Kind(NamedTuple):
    """One kind of date: a family that awaits it, when it is due, and what its coming makes."""

    make: Callable[[], Clockwork]
    due_at: int
    events: list[str]


KINDS = {
    "GROUND_CHECK_DUE": Kind(assigned, at(2026, 2, 10, 0) - 1, ["DeadlineReached"]),
    "REVERIFICATION": Kind(visited, at(2028, 1, 11, 0) - 1, ["DeadlineReached"]),
    "BIRTHDAY": Kind(with_a_child, at(2026, 4, 1, 0), ["DeadlineReached", "EligibilityDecided"]),
    "AID_GRACE.PBI_JKN": Kind(in_grace, at(2026, 4, 1, 0) - 1, ["DeadlineReached"]),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_a_date_follows_from_the_event_and_is_told_when_it_comes_and_not_before(kind: str) -> None:
    # Given a family that awaits it
    one = KINDS[kind]
    works = one.make()
    assert works.dates()[kind] == one.due_at
    # When the last moment before it comes
    assert works.tick(one.due_at - 1) == []
    # Then nothing happened, and a moment later it did
    assert works.tick(one.due_at) == one.events
    assert kind not in works.dates() or works.dates()[kind] > one.due_at


@every_kind
def test_told_again_by_redelivery_it_adds_nothing(kind: str) -> None:
    # Given a date that came
    one = KINDS[kind]
    works = one.make()
    (came,) = [change for change in works.due(one.due_at) if change.kind == kind]
    assert works.tick(one.due_at) == one.events
    before, counted = works.state, breaches(kind)
    # When it is told again, at once and long after, and under an id that the state no longer remembers
    assert works.say(came, one.due_at + 1) == []
    assert works.say(came, one.due_at + 40 * DAY) == []
    assert works.say(say("DeadlineReached", kind=kind, subject_id=came.subject_id, due_at=came.due_at), TOMORROW) == []
    # Then the state is what it was, and no breach is counted
    assert works.state == before
    assert breaches(kind) == counted


@every_kind
def test_a_restart_before_it_loses_none_and_one_after_it_tells_none_twice(kind: str) -> None:
    one = KINDS[kind]
    works = one.make()
    # Given a restart before the date
    works.restart()
    # When the date comes
    assert works.tick(one.due_at) == one.events
    told, awaited = works.state, works.dates()
    # And after another restart the agent reads every date that was ever scheduled from the beginning
    works.restart()
    # Then nothing is told that wasn't, and the same dates are awaited
    assert works.tick(one.due_at + 1) == []
    assert works.state == told
    assert works.dates() == awaited


@every_kind
def test_a_start_long_after_the_date_tells_it_at_once(kind: str) -> None:
    one = KINDS[kind]
    works = one.make()
    works.restart()
    events = works.tick(one.due_at + 20 * DAY)
    assert events[: len(one.events)] == one.events


@every_kind
def test_replaying_the_events_comes_to_the_same_state(kind: str) -> None:
    from stream_processors.registry.decision import event_of  # noqa: PLC0415  of this test alone
    from stream_processors.registry.family import evolve  # noqa: PLC0415  of this test alone

    works = KINDS[kind].make()
    works.tick(KINDS[kind].due_at)
    state: Any = None
    for one in works.log.of(catalogue.EVENTS_TOPIC) * 2:
        state = evolve(state, event_of(one.value))
    assert state == works.state


# --- the ground-check task -------------------------------------------------------------------------------------------


def test_a_task_whose_form_is_not_there_in_time_is_overdue_counted_and_still_to_be_done() -> None:
    works, counted = assigned(), breaches("GROUND_CHECK_DUE")
    due_at = KINDS["GROUND_CHECK_DUE"].due_at
    works.say(say("GroundCheckVisited", occurred=at(2026, 1, 20)), at(2026, 1, 20))
    assert works.dates() == {"GROUND_CHECK_DUE": due_at}
    works.tick(due_at)
    task = works.case("GROUND_CHECK")
    assert (task.step, task.reason, task.due_at) == ("DIKUNJUNGI", "LEWAT_TENGGAT", 0)
    assert breaches("GROUND_CHECK_DUE") == counted + 1
    # A form of a visit made in time, handed in late, still leads on
    works.say(say("GroundCheckRecorded", occurred=at(2026, 1, 20)), due_at + DAY)
    assert works.case("GROUND_CHECK").step == "TERISI_LENGKAP"


def test_a_task_whose_form_came_is_due_no_longer_and_one_assigned_again_is_due_anew() -> None:
    works, counted = assigned(), breaches("GROUND_CHECK_DUE")
    works.say(say("GroundCheckRecorded", occurred=at(2026, 1, 20)), at(2026, 1, 20))
    assert "GROUND_CHECK_DUE" not in works.dates()
    for record, fields in (("GroundCheckExamined", {}), ("GroundCheckDecided", {"outcome": "KUNJUNGAN_ULANG"})):
        works.say(say(record, occurred=at(2026, 1, 21), **fields), at(2026, 1, 21))
    works.say(say("GroundCheckAssigned", occurred=at(2026, 2, 1)), at(2026, 2, 1))
    assert works.dates()["GROUND_CHECK_DUE"] == at(2026, 3, 4, 0) - 1
    assert breaches("GROUND_CHECK_DUE") == counted


# --- the two-yearly re-verification ----------------------------------------------------------------------------------


def test_who_is_not_verified_again_in_two_years_is_overdue_from_that_day_until_a_form_comes() -> None:
    works, counted = visited(), breaches("REVERIFICATION")
    due_at = KINDS["REVERIFICATION"].due_at
    works.tick(due_at)
    overdue = works.case("VERIFIKASI")
    assert (overdue.step, overdue.since) == ("JATUH_TEMPO", due_at)
    assert breaches("REVERIFICATION") == counted + 1
    # A visit without a form is no verification, and one with a form is, told late or not
    works.say(say("GroundCheckRecorded", result=3, family=None, occurred=due_at + DAY), due_at + DAY)
    assert works.case("VERIFIKASI").step == "JATUH_TEMPO"
    works.say(say("GroundCheckRecorded", occurred=due_at - DAY), due_at + 2 * DAY)
    assert works.case("VERIFIKASI").step == "DIVERIFIKASI"
    # And two years later it is due anew
    assert works.dates() == {"REVERIFICATION": at(2030, 1, 10, 0) - 1}
    assert works.tick(at(2030, 1, 10, 0)) == ["DeadlineReached"]
    assert works.case("VERIFIKASI").step == "JATUH_TEMPO"


def test_a_later_visit_moves_the_date_and_an_older_one_told_late_does_not() -> None:
    works = visited()
    works.say(say("GroundCheckRecorded", occurred=at(2026, 6, 30)), at(2026, 7, 1))
    works.say(say("GroundCheckRecorded", occurred=at(2025, 6, 30)), at(2026, 7, 2))
    assert works.dates() == {"REVERIFICATION": at(2028, 7, 1, 0) - 1}


def test_a_family_that_ended_or_sleeps_is_not_due_and_one_that_comes_back_is() -> None:
    works = visited()
    works.say(say("FamilyDeactivated", occurred=at(2026, 3, 1)), at(2026, 3, 1))
    assert works.dates() == {}
    works.say(say("FamilyReactivated", occurred=at(2029, 3, 1)), at(2029, 3, 1))
    assert works.tick(at(2029, 3, 2)) == ["DeadlineReached"]


# --- birthdays that matter to a rule ---------------------------------------------------------------------------------


def pkh(works: Clockwork) -> Any:
    return next(one for one in works.state.eligibility if one.programme == "PKH")


def test_a_child_that_comes_to_school_age_is_decided_again_in_the_month_and_the_next_age_is_awaited() -> None:
    works = with_a_child()
    assert pkh(works).amount_rupiah == 3_000_000  # usia dini
    works.tick(at(2026, 4, 1, 0))
    assert pkh(works).amount_rupiah == 900_000  # SD
    # 13: SMP
    assert works.dates() == {"BIRTHDAY": at(2032, 4, 1, 0)}


def test_a_child_that_leaves_school_age_leaves_the_programme_and_who_reaches_sixty_enters_it() -> None:
    works = Clockwork(BOTH)
    works.say(registered(), at(2026, 1, 1))
    works.say(claimed(ANI, birth_year=2004, birth_month=9, marital_status=1), at(2026, 1, 1))
    works.say(claimed(BUDI, birth_year=1967, birth_month=3), at(2026, 1, 1))
    works.say(matched(), at(2026, 1, 2))
    works.say(say("PersonConditionRecorded", condition="SMA", ordinal=0, until=0), at(2026, 1, 3))
    works.say(say("FamilyRanked", occurred=at(2026, 2, 1)), at(2026, 2, 1))
    assert works.tick(at(2026, 9, 1, 0)) == ["DeadlineReached", "EligibilityDecided"]
    assert (pkh(works).result, pkh(works).reasons) == ("TIDAK_LAYAK", ("TANPA_KOMPONEN",))
    # Nothing but the age stands between them and the programme: sixty is awaited
    assert works.dates() == {"BIRTHDAY": at(2027, 3, 1, 0)}
    works.tick(at(2027, 3, 1, 0))
    assert pkh(works).amount_rupiah == 2_400_000
    # And so is the other's, far away
    assert works.dates() == {"BIRTHDAY": at(2064, 9, 1, 0)}


def test_no_birthday_is_awaited_where_another_rule_keeps_the_family_out() -> None:
    works = with_a_child(decile=7)
    assert works.dates() == {}
    works.say(say("FamilyRanked", decile=3, occurred=at(2026, 3, 1)), at(2026, 3, 1))
    assert works.dates() == {"BIRTHDAY": at(2026, 4, 1, 0)}
    works.say(say("FamilyRanked", decile=7, occurred=at(2026, 3, 20)), at(2026, 3, 20))
    assert works.dates() == {}


def test_whatever_is_said_in_a_later_month_decides_ages_anew_and_the_birthday_has_nothing_left_to_do() -> None:
    # Given a birthday that came while the agent was down
    works = with_a_child()
    (came,) = works.due(at(2026, 4, 1, 0))
    # When something that is no fact of eligibility is said first
    assert works.say(say("ProposalDrafted", occurred=at(2026, 4, 2)), at(2026, 4, 2)) == [
        "ProposalDrafted",
        "EligibilityDecided",
    ]
    # Then the amount is that of the age, the date is known, and the next one is awaited
    assert pkh(works).amount_rupiah == 900_000
    assert works.say(came, at(2026, 4, 3)) == []
    assert works.dates() == {"BIRTHDAY": at(2032, 4, 1, 0)}


def test_a_draft_and_the_decisions_of_a_new_month_follow_in_one_step_without_a_hole() -> None:
    works = with_a_child()
    objection = b"an objection ..."
    works.say(say("ObjectionFiled", change_id=objection, occurred=at(2026, 3, 1)), at(2026, 3, 1))
    for record in ("ObjectionReceived", "ObjectionForwarded"):
        works.say(say(record, objection_id=objection, occurred=at(2026, 3, 30)), at(2026, 3, 30))
    said = works.say(say("ObjectionDecided", objection_id=objection, occurred=at(2026, 4, 2)), at(2026, 4, 2))
    assert said == ["ObjectionDecided", "ProposalDrafted", "EligibilityDecided"]


def test_a_birthday_follows_the_ages_of_the_rules_in_force() -> None:
    # PKH in force since January, PBI-JKN has no ages: with PKH from May on alone, nothing was awaited before
    later = in_force(("pkh", "2025.1", at(2026, 5, 1), at(2026, 5, 1)), ("sembako", "2025.1", 0, 0))
    works = with_a_child(rules=later)
    assert works.dates() == {}
    works.say(say("ReevaluationRequested", occurred=at(2026, 5, 2)), at(2026, 5, 2))
    assert works.dates() == {"BIRTHDAY": at(2032, 4, 1, 0)}


def test_a_member_who_leaves_takes_the_birthday_along() -> None:
    works = with_a_child()
    works.say(say("MembershipEnded", occurred=at(2026, 2, 10)), at(2026, 2, 10))
    assert works.dates() == {}


def test_the_ages_awaited_are_those_at_which_a_shipped_rule_set_turns() -> None:
    ages = {rules.name: birthdays._ages(rules).months for rules in shipped()}
    assert ages["pkh"] == tuple(12 * year for year in (6, 7, 13, 16, 19, 22, 60))
    assert ages["sembako"] == ()


# --- the end of a grace ----------------------------------------------------------------------------------------------


def pbi(works: Clockwork) -> Any:
    return next(one for one in works.state.eligibility if one.programme == "PBI_JKN")


def refusal(works: Clockwork, change: Any, recorded_at: int) -> str:
    (made,) = [one for one in works.log.put(change, recorded_at) if one.topic == catalogue.REFUSALS_TOPIC]
    return str(codec.decode(made.value).rule)


def test_the_decision_that_turns_says_until_when_the_grace_runs_and_the_date_ends_it() -> None:
    works = in_grace()
    decided = codec.decode(works.log.of(catalogue.ELIGIBILITY_TOPIC)[-1].value)
    until = KINDS["AID_GRACE.PBI_JKN"].due_at
    assert (decided.result, decided.reasons, decided.grace_until) == ("TIDAK_LAYAK", ("DESIL_DI_LUAR_1_5",), until)
    assert pbi(works).grace_until == until
    works.tick(until)
    assert pbi(works).grace_until == 0
    assert pbi(works).result == "TIDAK_LAYAK"


def test_in_its_grace_a_family_keeps_its_place_for_the_next_period_and_after_it_no_longer() -> None:
    works = in_grace()
    assert works.say(placed(period="2026-03", run_id="PBI-2"), at(2026, 3, 10)) == ["AidAllocated"]
    works.tick(at(2026, 4, 1, 0))
    assert refusal(works, placed(period="2026-04", run_id="PBI-3"), at(2026, 4, 2)) == "NOT_ELIGIBLE"


def test_a_grace_gives_no_place_to_who_has_none() -> None:
    works = with_a_child(decile=3, rules=WITH_GRACE)
    works.say(say("FamilyRanked", decile=8, occurred=at(2026, 3, 1)), at(2026, 3, 1))
    assert refusal(works, placed(), at(2026, 3, 2)) == "NOT_ELIGIBLE"


def test_a_family_that_meets_the_rules_again_has_no_grace_and_loses_them_later_with_a_new_one() -> None:
    works = in_grace()
    works.say(say("FamilyRanked", decile=4, occurred=at(2026, 3, 5)), at(2026, 3, 5))
    assert "AID_GRACE.PBI_JKN" not in works.dates()
    works.say(say("FamilyRanked", decile=9, occurred=at(2026, 6, 1)), at(2026, 6, 1))
    assert works.dates()["AID_GRACE.PBI_JKN"] == at(2026, 7, 2, 0) - 1


def test_another_reason_neither_lengthens_a_grace_nor_begins_one_that_ended() -> None:
    works = in_grace()
    until = works.dates()["AID_GRACE.PBI_JKN"]
    works.say(matched(status="NAMA_BEDA", occurred=at(2026, 3, 20)), at(2026, 3, 20))
    assert pbi(works).reasons == ("DESIL_DI_LUAR_1_5", "NIK_TIDAK_PADAN")
    assert works.dates()["AID_GRACE.PBI_JKN"] == until
    works.tick(until)
    works.say(matched(status="PADAN", occurred=at(2026, 5, 1)), at(2026, 5, 1))
    assert pbi(works).grace_until == 0


def test_an_exclusion_and_the_end_of_the_family_end_a_grace_at_once() -> None:
    excluded = say("FamilyExcluded", programmes=("PBI_JKN",), occurred=at(2026, 3, 10))
    for change in (excluded, say("FamilyDeactivated", occurred=at(2026, 3, 10))):
        works = in_grace()
        works.say(change, at(2026, 3, 10))
        assert pbi(works).grace_until == 0
        assert "AID_GRACE.PBI_JKN" not in works.dates()


def test_a_programme_without_days_of_grace_ends_at_once() -> None:
    works = with_a_child()
    works.say(say("FamilyRanked", decile=8, occurred=at(2026, 3, 1)), at(2026, 3, 1))
    assert [one.grace_until for one in works.state.eligibility] == [0, 0]
    assert works.dates() == {}


# --- from which day on ------------------------------------------------------------------------------------------------


def test_what_was_due_before_anybody_was_told_of_such_dates_is_not_told_now() -> None:
    first = at(2025, 2, 5, 0)
    assert {calendar.scheduled_from(kind) for kind in KINDS if "GRACE" not in kind} == {first}
    # Regsosek's visits of 2022 were due in 2024
    assert visited(at(2022, 10, 20)).dates() == {}
    assert visited(first - 366 * 2 * DAY + 12 * 3_600 * SECOND).dates() == {}
    assert assigned(at(2025, 1, 4)).dates() == {}
    # On the day itself and after, they are
    assert visited(at(2023, 2, 5)).dates() == {"REVERIFICATION": at(2025, 2, 6, 0) - 1}
    assert assigned(at(2025, 1, 6)).dates() == {"GROUND_CHECK_DUE": at(2025, 2, 6, 0) - 1}


def test_a_kind_without_a_day_is_scheduled_whenever_it_is() -> None:
    assert calendar.scheduled_from("OBJECTION_EXPIRY") == calendar.EARLIEST


def test_a_change_recorded_years_later_awaits_the_next_birthday_and_tells_none_of_the_years_between() -> None:
    works = with_a_child(ranked_at=at(2031, 1, 1))
    assert works.dates() == {"BIRTHDAY": at(2032, 4, 1, 0)}


def test_two_years_after_the_29th_of_february_is_the_28th() -> None:
    assert calendar.after_months("VERIFIKASI_ULANG", at(2028, 2, 29)) == at(2030, 3, 1, 0) - 1


def test_that_an_office_was_late_is_counted_and_that_somebody_grew_older_is_not() -> None:
    kinds = ("GROUND_CHECK_DUE", "REVERIFICATION", "BIRTHDAY", "AID_GRACE.PBI_JKN")
    assert [deadlines.is_breach(kind) for kind in kinds] == [True, True, False, False]
