"""The 39 ground-check variables: code lists, skip rules and what a visit leaves in the state.

Source: domain guide 5.1 (our reconstruction of 13 + 26), 5.2 (Regsosek 2022 codes), 5.3 (edit rules V3-V11).
Identity was checked before sealing; here are the coded variables.
"""

from typing import Any

from schemas.records import FamilyState, FamilyVariables, GroundCheckRecorded, IndividualVariables, Member
from stream_processors.registry import calendar, facets
from stream_processors.registry.decision import Event, Refused, member_of
from stream_processors.registry.making import replace

FILLED = frozenset({1, 2})
ATTEMPT = "ground_check_attempt"  # a visit without a form leaves the last answers in force
_RESULTS = range(1, 6)
_YES = 1
_NOT_AT_ALL = 1
_OFF_GRID = 4
_GAS_FUELS = frozenset({2, 3})
_WELLS = range(4, 9)
_DISTANCES = frozenset({1, 2, 8})  # 306b: 8 is not known
_OWN_TOILET = frozenset({1, 2, 3})
_CHILD, _SCHOOL = 2, 5

_BODY = ("seeing", "hearing", "walking", "hands", "learning", "behaviour")  # 428a-f, asked from 2 years
_MIND = ("speaking", "self_care", "remembering", "sadness")  # 428g-j, asked from 5 years
_INDIVIDUAL = {
    "presence": (1, 5),
    "sex": (1, 2),
    "birth_year": (1900, 2200),
    "birth_month": (1, 12),
    "marital_status": (1, 4),
    "relationship": (1, 8),
    "works": (1, 2),
    "hours": (1, 99),
    "industry": (1, 26),
    "work_status": (1, 8),
    "owns_business": (1, 2),
    "business_industry": (1, 26),
    "business_workers": (0, 9999),
    "business_turnover": (1, 7),
    "chronic_illness": (1, 18),
} | {f"difficulty_{part}": (1, 4) for part in _BODY + _MIND}
_FAMILY = {
    "member_count": (1, 112),
    "house_ownership": (1, 5),
    "land_proof": (1, 6),
    "floor_area": (1, 997),
    "floor": (1, 9),
    "wall": (1, 7),
    "roof": (1, 8),
    "water": (1, 11),
    "lighting": (1, 4),
    "power_1": (1, 5),
    "power_2": (1, 5),
    "power_3": (1, 5),
    "cooking_fuel": (0, 11),
    "toilet": (1, 6),
    "toilet_type": (1, 4),
    "sewage": (1, 6),
    "other_land": (1, 2),
    "other_house": (1, 2),
} | dict.fromkeys(("cattle", "buffalo", "horses", "pigs", "goats"), (0, 999))
_ASSETS = tuple(name for name in FamilyVariables.__dataclass_fields__ if name.startswith("asset_"))
_ELECTRIC = ("asset_refrigerator", "asset_air_conditioner", "asset_water_heater", "asset_television", "asset_computer")


def decide(record: GroundCheckRecorded, state: FamilyState) -> Refused | None:
    """Refuse a visit whose answers break a code list or a skip rule, or that speaks of a stranger."""
    if record.result not in _RESULTS:
        return Refused("CODE_UNKNOWN", "/result", "field 205 is 1 to 5")
    if (record.family is not None) != (record.result in FILLED):
        return Refused("FORM_MISSING", "/family", "a form is there if and only if it was filled (205 is 1 or 2)")
    if record.individuals and record.family is None:
        return Refused("FORM_MISSING", "/individuals", "answers of persons come with a filled form")
    if len({person.person_ref for person in record.individuals}) < len(record.individuals):
        return Refused("MEMBER_TWICE", "/individuals", "one visit answers once for each person")
    refused = _family(record.family) if record.family is not None else None
    for index, person in enumerate(record.individuals):
        if refused is not None:
            break
        refused = _individual(person, f"/individuals/{index}", state, record)
    return refused


def _outside(values: Any, limits: dict[str, tuple[int, int]], pointer: str) -> Refused | None:
    for name, (low, high) in limits.items():
        value = getattr(values, name)
        if value is not None and not low <= value <= high:
            return Refused("CODE_UNKNOWN", f"{pointer}/{name}", f"{name} is {low} to {high}")
    return None


def _family(values: FamilyVariables) -> Refused | None:
    outside = _outside(values, _FAMILY, "/family")
    if outside is not None:
        return outside
    if values.water_distance is not None and values.water_distance not in _DISTANCES:
        return Refused("CODE_UNKNOWN", "/family/water_distance", "water_distance is 1, 2 or 8")
    skips = (
        ("land_proof", values.house_ownership == _YES, "only for an own house (301a is 1)"),
        ("water_distance", values.water in _WELLS, "only for wells and springs (306a is 4 to 8)"),
        ("power_1", values.lighting == _YES, "only with a meter (307a is 1)"),
        ("power_2", values.lighting == _YES, "only with a meter (307a is 1)"),
        ("power_3", values.lighting == _YES, "only with a meter (307a is 1)"),
        ("toilet_type", values.toilet in _OWN_TOILET, "only where a toilet is used (309a is 1 to 3)"),
        ("sewage", values.toilet in _OWN_TOILET, "only where a toilet is used (309a is 1 to 3)"),
    )
    for name, asked, rule in skips:
        if getattr(values, name) is not None and not asked:
            return Refused("V4", f"/family/{name}", rule)
    return _assets(values)


def _assets(values: FamilyVariables) -> Refused | None:
    for name in _ASSETS:
        if (getattr(values, name) or 0) < 0:
            return Refused("CODE_UNKNOWN", f"/family/{name}", "a count is not negative")
    if values.lighting == _OFF_GRID:
        for name in _ELECTRIC:
            if getattr(values, name):
                return Refused("V10", f"/family/{name}", "impossible without electricity (307a is 4)")
    answered = values.asset_gas_5kg is not None and values.cooking_fuel is not None
    if answered and ((values.asset_gas_5kg or 0) > 0) != (values.cooking_fuel in _GAS_FUELS):
        return Refused(
            "V11", "/family/asset_gas_5kg", "a large gas cylinder if and only if cooked with (308 is 2 or 3)"
        )
    return None


def _individual(
    person: IndividualVariables, pointer: str, state: FamilyState, record: GroundCheckRecorded
) -> Refused | None:
    member = member_of(state, person.person_ref)
    if member is None:
        return Refused("MEMBER_UNKNOWN", f"{pointer}/person_ref", "this family never claimed the person")
    outside = _outside(person, _INDIVIDUAL, pointer)
    if outside is not None:
        return outside
    born = (
        (person.birth_year, person.birth_month or 1) if person.birth_year else (member.birth_year, member.birth_month)
    )
    age = calendar.full_years(*born, record.header.occurred_at)
    skips = (
        ("industry", person.works == _YES, "V9"),
        ("work_status", person.works == _YES, "V9"),
        ("hours", person.works == _YES, "V4"),
        ("business_industry", person.owns_business == _YES, "V9"),
        ("business_workers", person.owns_business == _YES, "V9"),
        ("business_turnover", person.owns_business == _YES, "V9"),
        *((f"difficulty_{part}", age >= _CHILD, "V7") for part in _BODY),
        *((f"difficulty_{part}", age >= _SCHOOL, "V7") for part in _MIND),
    )
    for name, asked, rule in skips:
        if getattr(person, name) is not None and not asked:
            return Refused(rule, f"{pointer}/{name}", "not asked of this person")
    return None


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
    return any(getattr(person, f"difficulty_{part}") == _NOT_AT_ALL for part in (*_BODY, *_MIND[:-1]))
