"""The parameters of a synthetic nation, its places and its calendar. It must not know families or steps."""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from math import gcd
from typing import Final

from producers.draft import Channel
from schemas import regions

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR
_EPOCH: Final = date(1970, 1, 1).toordinal()
_STRIDE: Final = 514_229  # a prime: neighbours by number are far apart in welfare
_KECAMATAN: Final = 3
_VILLAGES: Final = 10
_LAST_MONTH: Final = 12


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of families or persons that something happens to.

    The defaults of the first four are those of recent data (domain guide 10: 0.5-2 %); the rest is plausible, not
    measured.
    """

    invalid_nik: float = 0.006
    invalid_kk: float = 0.002
    blank_name: float = 0.000_059
    unmatched: float = 0.012
    odd_name: float = 0.01
    birth_mismatch: float = 0.008
    contested: float = 0.003
    corrected: float = 0.5
    visited: float = 0.7
    visited_again: float = 0.2
    told_late: float = 0.15
    proposed: float = 0.25
    moved: float = 0.03
    died: float = 0.02
    objected: float = 0.004
    assigned: float = 0.02
    error_rate: float = 0.01
    repeated: float = 0.02
    succeeded: float = 0.8
    split: float = 0.01
    merged: float = 0.006
    insured: float = 0.02
    excluded: float = 0.01

    @classmethod
    def audited_2020(cls) -> "Rates":
        """Return the error rates that the state auditor found in 2020 (domain guide 10), the rest as by default."""
        return cls(invalid_nik=0.1126, invalid_kk=0.1688, blank_name=0.000_059, unmatched=0.173)


@dataclass(frozen=True)
class Nation:
    """How many families, from which seed, in which kabupaten or kota, over how many months.

    Everything about the nation follows from these values. `poison` is how many values that are no Avro are sent.
    `answered` has the simulator play the persons fold, for a families fold that runs without one.
    """

    families: int
    seed: int
    months: int = 12
    district: str = "35.71"
    start_year: int = 2025
    rates: Rates = field(default_factory=Rates)
    poison: int = 5
    answered: bool = True

    @cached_property
    def villages(self) -> tuple[str, ...]:
        """The codes of its kelurahan: real forms under a real kabupaten or kota, not a list of places that exist."""
        return tuple(f"{self.district}.{n % _KECAMATAN + 1:02}.{1001 + n // _KECAMATAN}" for n in range(_VILLAGES))

    @cached_property
    def regions(self) -> Mapping[str, Mapping[str, str]]:
        """Each village's region as the contract writes it."""
        return {code: region(code) for code in self.villages}

    @cached_property
    def month_starts(self) -> tuple[int, ...]:
        """The first moment (UTC, microseconds) of each month, and of the month after the last."""
        months = (divmod(n, _LAST_MONTH) for n in range(self.months + 1))
        days = (date(self.start_year + year, month + 1, 1).toordinal() - _EPOCH for year, month in months)
        return tuple(day * DAY for day in days)

    @property
    def start(self) -> int:
        """The first moment."""
        return self.month_starts[0]

    @property
    def end(self) -> int:
        """The moment after the last; what would happen later doesn't."""
        return self.month_starts[-1]

    @cached_property
    def run_times(self) -> tuple[tuple[str, int], ...]:
        """The ranking runs: the 20th of the last month of each quarter (the day is data, domain guide 3)."""
        quarters = range(2, self.months, 3)
        return tuple((self._run_id(month), self.month_starts[month] + 19 * DAY) for month in quarters)

    def _run_id(self, month: int) -> str:
        year, of_year = divmod(month, _LAST_MONTH)
        return f"DTSEN-{self.start_year + year}-Q{of_year // 3 + 1}"

    @property
    def digest(self) -> str:
        """The SHA-256 of all its parameters, in hex: the name under which a ledger knows its stream."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def month(self, at: int) -> int:
        """Return the month of a moment, as 202503."""
        year, month = divmod(bisect_right(self.month_starts, at) - 1, _LAST_MONTH)
        return (self.start_year + year) * 100 + month + 1

    def welfare_rank(self, index: int) -> int:
        """Return the place of a family from poorest (0) to richest, a bijection of the families' numbers."""
        stride = _STRIDE
        while gcd(stride, self.families) != 1:
            stride += 1
        return (stride * index + self.seed) % self.families

    def decile(self, index: int) -> int:
        """Return the tenth of the nation that a family begins in, 1 to 10."""
        return 10 * self.welfare_rank(index) // self.families + 1

    def channel(self, agency: str, at: int) -> Channel:
        """Return the channel of an agency with its document of that month."""
        return _channel(self.seed, agency, self.month(at))


_CHANNELS: Final[dict[tuple[int, str, int], Channel]] = {}


def _channel(seed: int, agency: str, month: int) -> Channel:
    key = (seed, agency, month)
    found = _CHANNELS.get(key)
    if found is None:
        kind = agency.partition("/")[0]
        found = _CHANNELS[key] = Channel(agency, f"{kind}-simulasi", f"simulasi-{seed}-{agency}-{month}")
    return found


def region(code: str) -> Mapping[str, str]:
    """Return a Kemendagri code as the contract writes a region."""
    found = regions.kemendagri(code)
    return {"system": found.system, "edition": found.edition, "code": found.code}


def day_number(year: int, month: int, day: int) -> int:
    """Return a date as days since 1970."""
    return date(year, month, day).toordinal() - _EPOCH
