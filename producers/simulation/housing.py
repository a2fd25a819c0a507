"""Answers to the 39 ground-check variables, with the shares of domain guide 10 and the skip rules of 5.3.

Codes are Regsosek 2022's (5.2). Shares by decile are invented around the national ones. It must not know visits.
"""

from random import Random
from typing import Any, Final

from producers.simulation.people import Person

# Share of earth floors by decile: 10 % in the lowest, 3-5 % in the nation.
_EARTH_FLOOR: Final = (0.10, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.02, 0.01, 0.01)
_LPG_3KG, _LPG_LARGE, _FIREWOOD, _NO_COOKING = 4, (2, 3), 10, 0
_PLN_METER, _PLN_SHARED, _OTHER_POWER, _NO_POWER = 1, 2, 3, 4
_WELLS: Final = frozenset(range(4, 9))
_USES_TOILET: Final = frozenset({1, 2, 3})
# 306a: (cumulative share, code); the codes up to 5 and 7 are improved water, 92-93 % together.
_WATER: Final = (
    (0.10, 1), (0.33, 2), (0.46, 3), (0.72, 4), (0.88, 5), (0.925, 7), (0.955, 6), (0.975, 8), (0.985, 9), (0.995, 10),
    (1.0, 11),
)  # fmt: skip
# 309a: own toilet 83-85 %.
_TOILET: Final = ((0.84, 1), (0.91, 2), (0.93, 3), (0.95, 4), (0.96, 5), (1.0, 6))
# 310: with septic tank or IPAL where a toilet is used, so that proper sanitation is near 83 %.
_SEWAGE: Final = ((0.87, 1), (0.89, 2), (0.93, 3), (0.98, 4), (0.99, 5), (1.0, 6))
_ASSETS: Final = (  # 502: field, share in decile 1, share in decile 10
    ("asset_refrigerator", 0.25, 0.97),
    ("asset_air_conditioner", 0.01, 0.60),
    ("asset_water_heater", 0.002, 0.25),
    ("asset_telephone", 0.002, 0.10),
    ("asset_television", 0.55, 0.97),
    ("asset_gold", 0.05, 0.60),
    ("asset_computer", 0.02, 0.70),
    ("asset_motorcycle", 0.50, 0.95),
    ("asset_bicycle", 0.35, 0.40),
    ("asset_car", 0.005, 0.55),
    ("asset_boat", 0.004, 0.002),
    ("asset_motor_boat", 0.004, 0.003),
    ("asset_smartphone", 0.60, 0.99),
)
_ELECTRIC: Final = frozenset(
    {
        "asset_refrigerator",
        "asset_air_conditioner",
        "asset_water_heater",
        "asset_television",
        "asset_computer",
    }
)
_ANIMALS: Final = (("cattle", 0.05), ("buffalo", 0.002), ("horses", 0.001), ("pigs", 0.002), ("goats", 0.06))
_BODY: Final = ("seeing", "hearing", "walking", "hands", "learning", "behaviour")
_MIND: Final = ("speaking", "self_care", "remembering", "sadness")
_AGE_BODY, _AGE_MIND, _AGE_WORK = 2, 5, 10
_PRESENT: Final = 1


def family_answers(decile: int, members: int, rng: Random) -> dict[str, Any]:
    """Return the coded family variables (K4-K13, K15-K26) of a dwelling, all skip rules obeyed."""
    wealth = (decile - 1) / 9
    draw = rng.random
    lighting = _lighting(draw())
    water, toilet = _pick(_WATER, draw()), _pick(_TOILET, draw())
    fuel = _fuel(wealth, draw())
    answers: dict[str, Any] = {
        "member_count": members,
        "floor_area": int(18 + 60 * wealth + 60 * draw()),
        "floor": 8 if draw() < _EARTH_FLOOR[decile - 1] else _floor(wealth, draw()),
        "wall": 1 if draw() < 0.6 + 0.35 * wealth else 3 + int(draw() * 2),
        "roof": (2, 3, 4, 1)[int(draw() * draw() * 4)],
        "water": water,
        "lighting": lighting,
        "cooking_fuel": fuel,
        "toilet": toilet,
        "asset_gas_5kg": 1 if fuel in _LPG_LARGE else 0,
        "other_land": 1 if draw() < 0.1 + 0.3 * wealth else 2,
        "other_house": 1 if draw() < 0.01 + 0.15 * wealth else 2,
    }
    answers |= _ownership(draw(), draw())
    if water in _WELLS:
        answers["water_distance"] = (1, 2, 2, 2, 8)[int(draw() * 5)]
    if lighting == _PLN_METER:
        answers["power_1"] = min(5, 1 + int(draw() * 1.6 + 3 * wealth * draw()))
    if toilet in _USES_TOILET:
        answers["toilet_type"] = 1 if draw() < 0.93 else 2 + int(draw() * 3)  # noqa: PLR2004  plausible, as below
        answers["sewage"] = _pick(_SEWAGE, draw())
    return answers | _goods(wealth, lighting, rng)


def _goods(wealth: float, lighting: int, rng: Random) -> dict[str, int]:
    draw = rng.random
    goods = {}
    for name, low, high in _ASSETS:
        has = draw() < low + (high - low) * wealth
        goods[name] = int(has and not (lighting == _NO_POWER and name in _ELECTRIC))
    for name, share in _ANIMALS:
        goods[name] = 1 + int(draw() * 4) if draw() < share else 0
    return goods


def person_answers(person: Person, age: int, rng: Random) -> dict[str, Any]:
    """Return the coded individual variables (I3-I13) of a member of this age in years, all skip rules obeyed."""
    draw = rng.random
    answers: dict[str, Any] = {
        "person_ref": person.nik,
        "presence": _PRESENT,
        "sex": person.sex,
        "birth_year": person.born[0],
        "birth_month": person.born[1],
        "marital_status": person.marital,
        "relationship": person.relationship,
        "chronic_illness": 1 if draw() < 0.985 - 0.003 * age else 2 + int(draw() * 17),
    }
    if age >= _AGE_WORK:
        answers |= _work(age, rng)
    if age >= _AGE_BODY:
        names = _BODY + _MIND if age >= _AGE_MIND else _BODY
        answers |= dict.fromkeys([f"difficulty_{name}" for name in names], 4)
        if draw() < 0.02 + 0.001 * age:
            answers[f"difficulty_{names[int(draw() * len(names))]}"] = 1 + int(draw() * 3)
    return answers


def _work(age: int, rng: Random) -> dict[str, int]:
    draw = rng.random
    if not (18 <= age <= 70 and draw() < 0.66):  # noqa: PLR2004  plausible working ages and share
        return {"works": 2, "owns_business": 2}
    status = 5 if draw() < 0.04 else (1, 2, 4, 4, 6, 7, 8)[int(draw() * 7)]  # noqa: PLR2004  idem
    answers = {"works": 1, "hours": 10 + int(draw() * 45), "industry": 1 + int(draw() * 26), "work_status": status}
    if draw() > 0.2:  # noqa: PLR2004  a plausible share of owners
        return answers | {"owns_business": 2}
    business = {"business_industry": 12, "business_workers": int(draw() * 3), "business_turnover": 1 + int(draw() * 2)}
    return answers | {"owns_business": 1} | business


def _ownership(u: float, proof: float) -> dict[str, int]:
    """Return 301a and 301b: an own house in 85 % of cases, and only then a proof of land."""
    if u < 0.85:  # noqa: PLR2004  Susenas 2023-24, rounded
        return {"house_ownership": 1, "land_proof": 1 + int(proof * 6)}
    return {"house_ownership": 2 if u < 0.92 else 3}  # noqa: PLR2004  idem


def _lighting(u: float) -> int:
    """Return 307a: electricity in 99 %."""
    return _PLN_METER if u < 0.94 else _PLN_SHARED if u < 0.98 else _OTHER_POWER if u < 0.99 else _NO_POWER  # noqa: PLR2004  idem


def _fuel(wealth: float, u: float) -> int:
    """Return 308: LPG in 85-88 %, the large cylinders with the wealthy, firewood with the poor."""
    large = 0.02 + 0.25 * wealth
    if u < large:
        return 2 + (u < large / 2)
    if u < 0.79 + 0.16 * wealth:
        return _LPG_3KG
    return _FIREWOOD if u < 0.985 else _NO_COOKING  # noqa: PLR2004  few do not cook at home


def _floor(wealth: float, u: float) -> int:
    return 2 if u < 0.35 + 0.5 * wealth else 1 if u > 0.97 else 6 if u < 0.85 else 4  # noqa: PLR2004  plausible shares


def _pick(table: tuple[tuple[float, int], ...], u: float) -> int:
    for until, code in table:
        if u < until:
            return code
    return table[-1][1]
