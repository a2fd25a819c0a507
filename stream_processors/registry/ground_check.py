"""A visit with the 39 ground-check variables and those beside them: what is refused, and what it leaves in the state.

Codes, skips and rules are those of the questionnaire that the visit names (`answers.py`); here are those that need the
family. Identity was checked before sealing.
"""

from typing import Any, Final

from schemas.records import FamilyState, FamilyVariables, GroundCheckRecorded, IndividualVariables, Member
from stream_processors.registry import calendar, facets
from stream_processors.registry.answers import SHEETS, Sheets
from stream_processors.registry.decision import Event, Refused, member_of
from stream_processors.registry.making import replace

FILLED = frozenset({1, 2})
COMPLETE: Final = 1
ATTEMPT = "ground_check_attempt"  # a visit without a form leaves the last answers in force
_RESULTS = range(1, 6)
_NOT_AT_ALL = 1
# 428a-i; 428j is how often somebody is sad.
_ABILITIES: Final = tuple(
    name
    for name in IndividualVariables.__dataclass_fields__
    if name.startswith("difficulty_") and name != "difficulty_sadness"
)


def decide(record: GroundCheckRecorded, state: FamilyState) -> Refused | None:
    """Refuse a visit whose answers break a rule of its questionnaire, or that speaks of a stranger."""
    sheets = SHEETS.get(record.questionnaire)
    if sheets is None:
        return Refused("QUESTIONNAIRE_UNKNOWN", "/questionnaire", "no questionnaire has this version")
    if record.result not in _RESULTS:
        return Refused("CODE_UNKNOWN", "/result", "field 205 is 1 to 5")
    if (record.family is not None) != (record.result in FILLED):
        return Refused("FORM_MISSING", "/family", "a form is there if and only if it was filled (205 is 1 or 2)")
    if record.individuals and record.family is None:
        return Refused("FORM_MISSING", "/individuals", "answers of persons come with a filled form")
    if len({person.person_ref for person in record.individuals}) < len(record.individuals):
        return Refused("MEMBER_TWICE", "/individuals", "one visit answers once for each person")
    if record.family is not None:
        refused = sheets.family.refusal(record.family) or _long_ago(sheets, record.family, record.header.occurred_at)
        if refused is not None:
            return _within("/family", refused)
    for index, person in enumerate(record.individuals):
        refused = _individual(sheets, person, state, record)
        if refused is not None:
            return _within(f"/individuals/{index}", refused)
    return _one_head(sheets, record) or _counted(sheets, record)


def _within(pointer: str, refused: Refused) -> Refused:
    return Refused(refused.rule, pointer + refused.pointer, refused.explanation)


def _individual(
    sheets: Sheets, person: IndividualVariables, state: FamilyState, record: GroundCheckRecorded
) -> Refused | None:
    member = member_of(state, person.person_ref)
    if member is None:
        return Refused("MEMBER_UNKNOWN", "/person_ref", "this family never claimed the person")
    refused = sheets.individual.refusal(person)
    if refused is not None:
        return refused
    told = person.birth_year is not None
    born = (person.birth_year, person.birth_month or 1) if told else (member.birth_year, member.birth_month)
    age = calendar.full_years(*born, record.header.occurred_at)  # type: ignore[arg-type]  # told: it is a number
    if told and age < 0 and sheets.born is not None:
        return Refused(sheets.born.code, "/birth_year", sheets.born.sentence["en"])
    due = record.result == COMPLETE and person.presence not in sheets.gone
    return sheets.individual.refusal_of(person, age, member, due=due)


def _long_ago(sheets: Sheets, family: FamilyVariables, visited_at: int) -> Refused | None:
    """Refuse a month that lies after the visit, or further before it than the rule lets it."""
    rule = sheets.recent
    for name in rule.fields if rule is not None else ():
        month = getattr(family, name)
        if rule is not None and month is not None:
            (year, of_year), (then, of_then) = divmod(calendar.month_of(visited_at), 100), divmod(month, 100)
            if not 0 <= (year - then) * 12 + of_year - of_then <= rule.months:
                return Refused(rule.code, f"/{name}", rule.sentence["en"])
    return None


def _one_head(sheets: Sheets, record: GroundCheckRecorded) -> Refused | None:
    rule = sheets.one_head
    if rule is None or sum([person.relationship in rule.codes for person in record.individuals]) <= 1:
        return None
    return Refused(rule.code, "/individuals", rule.sentence["en"])


def _counted(sheets: Sheets, record: GroundCheckRecorded) -> Refused | None:
    """Refuse more members (401) than the family counts (112); where 404 isn't answered, who is listed is a member."""
    rule = sheets.counted
    if rule is None or record.family is None:
        return None
    (name,) = rule.fields
    count = getattr(record.family, name)
    if count is None or sum([getattr(one, rule.of) not in rule.codes for one in record.individuals]) <= count:
        return None
    return Refused(rule.code, f"/family/{name}", rule.sentence["en"])


def evolve(state: FamilyState, record: GroundCheckRecorded, event: Event) -> dict[str, Any]:
    """Return what a visit changes: the facet, and on each member what eligibility needs to know of its answers."""
    if record.family is None:
        return {"facets": facets.put(state.facets, ATTEMPT, event)} if facets.holds(state, ATTEMPT, event) else {}
    if not facets.holds(state, "ground_check", event):
        return {}
    seen = {person.person_ref: person for person in record.individuals}
    members = [_answered(one, seen.get(one.person_ref)) for one in state.members]
    return {"members": tuple(members), "facets": facets.put(state.facets, "ground_check", event)}


def _answered(member: Member, person: IndividualVariables | None) -> Member:
    if person is None:  # the visit in force has no answers of this member: an earlier one's don't outlive it
        return replace(member, severe_disability=False, work_status=0)
    return replace(member, severe_disability=_severe(person), work_status=person.work_status or 0)


def _severe(person: IndividualVariables) -> bool:
    return any(getattr(person, name) == _NOT_AT_ALL for name in _ABILITIES)
