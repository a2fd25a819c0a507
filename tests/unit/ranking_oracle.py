"""Scores and deciles by plain Python from the model's file and the guide's formula: shares no code with the job."""

import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

MISSING, NOT_ASKED = -1, -2


class Family(NamedTuple):
    family_id: str
    region: str
    weight: int
    score: Fraction


class Place(NamedTuple):
    decile: int
    percentile: int
    local: int


@cache
def read_model(model: bytes) -> dict[str, Any]:
    return tomllib.loads(model.decode(), parse_float=Fraction)


def score(model: bytes, answers: Mapping[str, int]) -> Fraction | None:
    read = read_model(model)
    total = Fraction(read["model"]["intercept"])
    for term in read["term"]:
        value = answers[term["variable"]]
        if value == NOT_ASKED:
            effect = term.get("not_asked")
        elif value == MISSING:
            effect = None
        elif "codes" in term:
            effect = term["codes"].get(str(value))
        elif "each" in term:
            effect = term["each"] * min(value, term["at_most"])
        else:
            effect = next(band["effect"] for band in term["bands"] if value <= band.get("to", value))
        if effect is None:
            return None
        total += Fraction(effect)
    return total


def places(families: Iterable[Family], run_id: str) -> dict[str, Place]:
    def order(one: Family) -> tuple[Fraction, bytes]:
        return one.score, hashlib.sha256((one.family_id + run_id).encode()).digest()

    in_order = sorted(families, key=order)
    total = sum(one.weight for one in in_order)
    totals: dict[str, int] = defaultdict(int)
    for one in in_order:
        totals[one.region] += one.weight
    found, before = {}, 0
    nearby: dict[str, int] = defaultdict(int)
    for one in in_order:
        here = 10_000 * nearby[one.region] // totals[one.region] if totals[one.region] else 10_000
        found[one.family_id] = Place(min(10, 10 * before // total + 1), 10_000 * before // total, here)
        before += one.weight
        nearby[one.region] += one.weight
    return found
