"""Answers to the questions beside the 39, with every skip and rule of the questionnaire that asks them obeyed.

Codes are Regsosek 2022's (domain guide 5.2); shares are invented. Chance is the caller's own, so that what it says to
the 39 doesn't change. It must not know visits.
"""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from producers.simulation.people import Person

QUESTIONNAIRE: Final = "REGSOSEK22-K-2025-07"
SINCE: Final = 1_751_328_000_000_000  # 2025-07-01
_YES, _NO, _FEMALE, _WORKS = 1, 2, 2, 1
_EVER_MARRIED: Final = frozenset({2, 3, 4})
_MUCH: Final = frozenset({1, 2})
_PROGRAMMES: Final = (  # share in decile 1, share in decile 10
    ("sembako", 0.6, 0.0),
    ("pkh", 0.4, 0.0),
    ("village_cash", 0.1, 0.0),
    ("electricity", 0.5, 0.1),
    ("local", 0.1, 0.01),
    ("fertiliser", 0.15, 0.02),
    ("lpg", 0.8, 0.3),
)


def of_family(decile: int, month: int, rng: Random) -> dict[str, Any]:
    """Return 501, 505 and 506 of a family of this decile at a visit in this month (202507)."""
    draw, wealth = rng.random, (decile - 1) / 9
    answers: dict[str, Any] = {"internet": int(draw() * 4), "bank_account": 1 + int(draw() * 4)}
    for name, low, high in _PROGRAMMES:
        received = draw() < low + (high - low) * wealth
        answers[f"aid_{name}"] = _YES if received else _NO
        if received:
            answers[f"aid_{name}_month"] = _months_before(month, int(draw() * 12))
    return answers


def of_person(person: Person, age: int, answered: Mapping[str, Any], rng: Random) -> dict[str, Any]:
    """Return what is asked beside the 39 of a person of this age in years who `answered` those so."""
    draw = rng.random
    answers: dict[str, Any] = {"identity_documents": (4, 5)[draw() < 0.7] if age >= 17 else (1, 3)[draw() < 0.2]}  # noqa: PLR2004  plausible, as all below
    answers |= {"health_insurance": (0, 1, 1, 2, 4, 99)[int(draw() * 6)], **_school(age, rng)}
    if person.sex == _FEMALE and person.marital in _EVER_MARRIED and 10 <= age <= 54:  # noqa: PLR2004  by rule V5
        answers["pregnant"] = _YES if draw() < 0.05 else _NO  # noqa: PLR2004  plausible
    if age < 5:  # noqa: PLR2004  by rule V6
        answers["nutrition"] = (3, 3, 3, 2, 1, 8)[int(draw() * 6)]
    much = any(code in _MUCH for name, code in answered.items() if name.startswith("difficulty_"))
    if age >= 60 or much:  # noqa: PLR2004  by rule V8
        answers["caregiver"] = 1 + int(draw() * 3)
    if answered.get("works") == _WORKS:
        answers["has_tax_number"] = 1 + int(draw() * 3)
    if answered.get("owns_business") == _YES:
        answers |= {"business_licence": (4, 11)[draw() < 0.8], "business_internet": int(draw() * 16)}  # noqa: PLR2004  plausible
    return answers | _programmes(age, rng)


def _school(age: int, rng: Random) -> dict[str, int]:
    if age < 7:  # noqa: PLR2004  plausible
        return {"schooling": 1}
    level = 3 if age < 13 else 8 if age < 16 else 13  # noqa: PLR2004  SD, SMP, SMA
    at_school = age <= 18  # noqa: PLR2004  plausible
    grade = 1 + int(rng.random() * 6) if at_school else 8
    return {"schooling": 2 if at_school else 3, "school_level": level, "school_grade": grade, "diploma": level}


def _programmes(age: int, rng: Random) -> dict[str, int]:
    """Return 431b-f, each at its ages (V12)."""
    draw = rng.random
    answers: dict[str, int] = {}
    if age >= 5:  # noqa: PLR2004  by rule V12
        answers |= {name: _answer(draw()) for name in ("prakerja", "business_credit", "micro_credit")}
    if 5 <= age <= 30:  # noqa: PLR2004  by rule V12
        answers["school_aid"] = _answer(draw())
    if age >= 15:  # noqa: PLR2004  by rule V12
        answers["work_insurance"] = (0, 0, 0, 1, 7, 99)[int(draw() * 6)]
    return answers


def _answer(u: float) -> int:
    return _YES if u < 0.1 else 8 if u > 0.97 else _NO  # noqa: PLR2004  plausible


def _months_before(month: int, by: int) -> int:
    year, of_year = divmod(month, 100)
    earlier = year * 12 + of_year - 1 - by
    return earlier // 12 * 100 + earlier % 12 + 1
