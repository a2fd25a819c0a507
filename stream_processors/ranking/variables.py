"""The variables that a scoring model may name, and their value for one family: a closed list.

Source: domain guide 5.1 (our reconstruction of the 39), 5.2 (codes and skip rules). NIK, name and nomor KK are keys and
no predictors (domain guide 7), so nothing sealed is among them. A value is a code, a count or years, never negative;
what has no value says why by a negative number. Must not know models, scores or where families are read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from schemas.records import FamilyState, FamilyVariables, GroundCheckRecorded, IndividualVariables, Member
from stream_processors.registry import calendar, codes

MISSING: Final = -1
"""Asked, or to be known from the register, and not answered or not known."""
NOT_ASKED: Final = -2
"""Left out by a skip rule."""
LARGEST: Final = 32_000
"""A count above it is taken as this many: no model tells them apart."""

_HEAD, _YES, _OLDEST = 1, 1, 150
_CHILD_BELOW, _ELDERLY_FROM = 15, 60
_FIRST_YEAR: Final = 1900  # V3
_METERED: Final = frozenset({1})  # 307a
_OWN_HOUSE: Final = frozenset({1})  # 301a
_WELLS: Final = frozenset(range(4, 9))  # 306a
_TOILETS: Final = frozenset({1, 2, 3})  # 309a
_DIFFICULT: Final = frozenset({1, 2})  # 428: not at all, or much difficulty
_DIFFICULTIES: Final = tuple(name for name in IndividualVariables.__dataclass_fields__ if name.startswith("difficulty"))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a family is scored on: its active members, their answers, and those of the dwelling."""

    members: Sequence[Member]
    answers: Mapping[str, IndividualVariables]
    family: FamilyVariables
    as_of: int

    @property
    def head(self) -> Member | None:
        """The head of the family, None where the register knows none."""
        return next((one for one in self.members if one.relationship == _HEAD), None)

    def answered(self) -> list[IndividualVariables]:
        """Return the answers of those members that have any."""
        return [self.answers[one.person_ref] for one in self.members if one.person_ref in self.answers]


Read = Callable[[Subject], int]


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: where it stands in the questionnaire, its codes (none for a count), and how it is read.

    `needs` are the questions whose answers it is made of; none where the register alone tells it.
    """

    name: str
    field: str
    codes: frozenset[int]
    may_be_skipped: bool
    read: Read
    needs: tuple[str, ...] = ()


def active(state: FamilyState) -> tuple[Member, ...]:
    """Return the members that count: claimed or confirmed, neither contested nor ended."""
    return tuple([one for one in state.members if one.standing in codes.ACTIVE_STANDINGS])


def subject_of(members: Sequence[Member], visit: GroundCheckRecorded, as_of: int) -> Subject:
    """Return what is scored of the active members and a visit with a filled form; ages are those at `as_of` (µs)."""
    if visit.family is None:
        raise TypeError("a visit without a filled form scores nobody")
    return Subject(members, {one.person_ref: one for one in visit.individuals}, visit.family, as_of)


def _dwelling(name: str, subject: Subject) -> int:
    value = getattr(subject.family, name)
    return MISSING if value is None else min(int(value), LARGEST)


def _dwelling_if(name: str, gate: str, asked: frozenset[int], subject: Subject) -> int:
    decides = getattr(subject.family, gate)
    if decides is None:
        return MISSING
    return _dwelling(name, subject) if decides in asked else NOT_ASKED


def _coded(name: str, field: str, listed: range | frozenset[int]) -> Variable:
    return Variable(name, field, frozenset(listed), may_be_skipped=False, read=partial(_dwelling, name), needs=(name,))


def _coded_if(name: str, field: str, listed: range | frozenset[int], gate: str, asked: frozenset[int]) -> Variable:
    read = partial(_dwelling_if, name, gate, asked)
    return Variable(name, field, frozenset(listed), may_be_skipped=True, read=read, needs=(gate, name))


def _count(name: str, field: str, read: Read | None = None, needs: tuple[str, ...] = ()) -> Variable:
    asked = (name,) if read is None else needs
    return Variable(name, field, frozenset(), may_be_skipped=False, read=read or partial(_dwelling, name), needs=asked)


def _age(member: Member, as_of: int) -> int | None:
    if member.birth_year < _FIRST_YEAR:
        return None
    return min(max(calendar.full_years(member.birth_year, member.birth_month or 1, as_of), 0), _OLDEST)


def _number(fits: Callable[[int], bool], subject: Subject) -> int:
    ages = [_age(one, subject.as_of) for one in subject.members]
    return MISSING if None in ages else sum(fits(age) for age in ages if age is not None)


def _of_head(name: str, subject: Subject) -> int:
    head = subject.head
    return (getattr(head, name) or MISSING) if head is not None else MISSING


def _head_age(subject: Subject) -> int:
    age = _age(subject.head, subject.as_of) if subject.head is not None else None
    return MISSING if age is None else age


def _head_answer(name: str, subject: Subject) -> int:
    answers = subject.answers.get(subject.head.person_ref) if subject.head is not None else None
    if answers is None or answers.works is None:
        return MISSING
    if name != "works" and answers.works != _YES:
        return NOT_ASKED
    value = getattr(answers, name)
    return MISSING if value is None else int(value)


def _answering(fits: Callable[[IndividualVariables], bool], subject: Subject) -> int:
    """Return how many members answered so; MISSING where nobody of those who live there now was asked."""
    answered = subject.answered()
    return sum(map(fits, answered)) if answered else MISSING


def _floor_per_member(subject: Subject) -> int:
    area = _dwelling("floor_area", subject)
    return area if area < 0 else area // max(len(subject.members), 1)


def _dependents(subject: Subject) -> int:
    dependents = _number(lambda age: age < _CHILD_BELOW or age >= _ELDERLY_FROM, subject)
    return dependents if dependents < 0 else 100 * dependents // max(len(subject.members), 1)


def _of_head_s_work(name: str, field: str, listed: range) -> Variable:
    return Variable(
        f"head_{name}",
        field,
        frozenset(listed),
        may_be_skipped=name != "works",
        read=partial(_head_answer, name),
        needs=tuple(dict.fromkeys(("works", name))),
    )


_LIVESTOCK: Final = ("cattle", "buffalo", "horses", "pigs", "goats")
_ASSETS: Final = tuple(name for name in FamilyVariables.__dataclass_fields__ if name.startswith("asset_"))
_LISTED: Final = (
    _coded("house_ownership", "301a", range(1, 6)),
    _coded_if("land_proof", "301b", range(1, 7), "house_ownership", _OWN_HOUSE),
    _count("floor_area", "302"),
    _count("floor_area_per_member", "302 by active members, whole m2", _floor_per_member, ("floor_area",)),
    _coded("floor", "303", range(1, 10)),
    _coded("wall", "304", range(1, 8)),
    _coded("roof", "305", range(1, 9)),
    _coded("water", "306a", range(1, 12)),
    _coded_if("water_distance", "306b", frozenset({1, 2, 8}), "water", _WELLS),
    _coded("lighting", "307a", range(1, 5)),
    _coded_if("power_1", "307b1", range(1, 6), "lighting", _METERED),
    _coded("cooking_fuel", "308", range(12)),
    _coded("toilet", "309a", range(1, 7)),
    _coded_if("toilet_type", "309b", range(1, 5), "toilet", _TOILETS),
    _coded_if("sewage", "310", range(1, 7), "toilet", _TOILETS),
    _coded("other_land", "503a", range(1, 3)),
    _coded("other_house", "503b", range(1, 3)),
    *(_count(name, f"502{letter}") for name, letter in zip(_ASSETS, "abcdefghijklmn", strict=True)),
    *(_count(name, f"504{letter}") for name, letter in zip(_LIVESTOCK, "abcde", strict=True)),
    _count("members", "active members of the register", lambda subject: min(len(subject.members), LARGEST)),
    _count("children", "active members below 15 years", partial(_number, lambda age: age < _CHILD_BELOW)),
    _count("elderly", "active members from 60 years", partial(_number, lambda age: age >= _ELDERLY_FROM)),
    _count("dependents_percent", "children and elderly in a hundred active members", _dependents),
    Variable("head_sex", "405", frozenset({1, 2}), may_be_skipped=False, read=partial(_of_head, "sex")),
    _count("head_age", "406", _head_age),
    Variable(
        "head_marital_status",
        "408",
        frozenset(range(1, 5)),
        may_be_skipped=False,
        read=partial(_of_head, "marital_status"),
    ),
    _of_head_s_work("works", "416a", range(1, 3)),
    _of_head_s_work("industry", "417", range(1, 27)),
    _of_head_s_work("work_status", "418", range(1, 9)),
    _count("workers", "416a is 1", partial(_answering, lambda one: one.works == _YES), ("works",)),
    _count(
        "business_owners", "420 is 1", partial(_answering, lambda one: one.owns_business == _YES), ("owns_business",)
    ),
    _count(
        "chronically_ill",
        "430 above 1",
        partial(_answering, lambda one: (one.chronic_illness or 1) > 1),
        ("chronic_illness",),
    ),
    _count(
        "with_difficulty",
        "any of 428a-j is 1 or 2",
        partial(_answering, lambda one: any(getattr(one, name) in _DIFFICULT for name in _DIFFICULTIES)),
        _DIFFICULTIES,
    ),
)
CATALOGUE: Final[Mapping[str, Variable]] = {variable.name: variable for variable in _LISTED}
"""Every variable there is, by name."""


def values(names: Sequence[str], subject: Subject) -> tuple[int, ...]:
    """Return the subject's value of each variable, in the order of the names."""
    return tuple([CATALOGUE[name].read(subject) for name in names])
