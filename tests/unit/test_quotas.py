"""Quotas count persons: exactly, between threads and processes, over restarts, and shared out between gateways."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from consumers.gateway.quotas import HOUR_US, Counter, Exceeded, Quotas, Reservation

if TYPE_CHECKING:
    from pathlib import Path

AT = 500_000 * HOUR_US
OFFICER = Counter("OFFICIAL_HOUR", "dinsos/35.71|officer-7", 100)
AGENCY = Counter("AGENCY_HOUR", "dinsos/35.71", 150)
BOTH = (OFFICER, AGENCY)


@pytest.fixture
def quotas(tmp_path: Path) -> Quotas:
    return Quotas(tmp_path / "quotas" / "gw.sqlite")


def test_a_quota_is_used_up_to_the_last_person_and_not_one_further(quotas: Quotas) -> None:
    assert isinstance(quotas.reserve(BOTH, 99, AT), Reservation)
    assert quotas.reserve(BOTH, 2, AT) == Exceeded("OFFICIAL_HOUR")
    assert isinstance(quotas.reserve(BOTH, 1, AT), Reservation)
    assert quotas.reserve(BOTH, 1, AT) == Exceeded("OFFICIAL_HOUR")
    assert (quotas.seen(OFFICER, AT), quotas.seen(AGENCY, AT)) == (100, 100)


def test_what_one_counter_refuses_is_counted_by_none(quotas: Quotas) -> None:
    other = Counter("OFFICIAL_HOUR", "dinsos/35.71|officer-8", 100)
    quotas.reserve(BOTH, 100, AT)
    assert quotas.reserve((other, AGENCY), 51, AT) == Exceeded("AGENCY_HOUR")
    assert quotas.seen(other, AT) == 0
    assert isinstance(quotas.reserve((other, AGENCY), 50, AT), Reservation)


def test_what_was_not_seen_is_given_back_and_what_was_seen_beyond_is_counted(quotas: Quotas) -> None:
    reserved = quotas.reserve(BOTH, 20, AT)
    assert isinstance(reserved, Reservation)
    assert quotas.settle(reserved, 4) is None
    assert quotas.seen(OFFICER, AT) == 4
    more = quotas.reserve(BOTH, 20, AT)
    assert isinstance(more, Reservation)
    assert quotas.settle(more, 90) is None
    assert quotas.seen(OFFICER, AT) == 94


def test_more_persons_than_are_left_are_refused_when_they_are_found(quotas: Quotas) -> None:
    reserved = quotas.reserve(BOTH, 20, AT)
    assert isinstance(reserved, Reservation)
    assert quotas.settle(reserved, 101) == Exceeded("OFFICIAL_HOUR")
    assert quotas.seen(OFFICER, AT) == 20


def test_another_hour_has_a_quota_of_its_own(quotas: Quotas) -> None:
    quotas.reserve(BOTH, 100, AT)
    assert isinstance(quotas.reserve(BOTH, 100, AT + HOUR_US), Reservation)
    assert quotas.seen(OFFICER, AT) == 100


def test_a_restart_forgets_nothing_and_a_crash_leaves_its_reserve_counted(tmp_path: Path) -> None:
    with closing(Quotas(tmp_path / "gw.sqlite")) as before:
        before.reserve(BOTH, 60, AT)
    with closing(Quotas(tmp_path / "gw.sqlite")) as after:
        assert after.seen(OFFICER, AT) == 60
        assert after.reserve(BOTH, 41, AT) == Exceeded("OFFICIAL_HOUR")


def test_sixty_four_threads_never_exceed_a_quota_by_one_person(quotas: Quotas) -> None:
    counter = Counter("OFFICIAL_HOUR", "dinsos/35.71|officer-7", 1_000)

    def ask(number: int) -> int:
        reserved = quotas.reserve((counter,), 1 + number % 7, AT)
        if isinstance(reserved, Exceeded):
            return 0
        seen = number % 5
        return seen if quotas.settle(reserved, seen) is None else reserved.persons

    with ThreadPoolExecutor(64) as pool:
        seen = sum(pool.map(ask, range(1_200)))
    assert seen == quotas.seen(counter, AT) <= 1_000
    assert seen > 990
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(lambda _: quotas.reserve((counter,), 1, AT), range(64)))
    assert quotas.seen(counter, AT) == 1_000


_PROCESS = """
import sys
from pathlib import Path
from consumers.gateway.quotas import Counter, Quotas, Reservation
quotas, counter = Quotas(Path(sys.argv[1])), Counter("Q", "one", 100)
print(sum(isinstance(quotas.reserve((counter,), 1, 0), Reservation) for _ in range(80)))
"""


def test_two_processes_of_one_name_share_a_quota(tmp_path: Path) -> None:
    file = tmp_path / "gw.sqlite"
    Quotas(file).close()
    both = [
        subprocess.Popen([sys.executable, "-c", _PROCESS, str(file)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert sum(int(one.communicate(timeout=60)[0]) for one in both) == 100


def test_several_gateways_together_have_one_quota(tmp_path: Path) -> None:
    counter = Counter("Q", "one", 100)
    seen = 0
    for name in ("a", "b", "c"):
        with closing(Quotas(tmp_path / f"{name}.sqlite", gateways=3)) as share:
            while isinstance(share.reserve((counter,), 1, AT), Reservation):
                seen += 1
    assert seen == 99  # the whole part of each share


def test_a_file_that_is_no_file_of_counts_is_a_fault_and_no_free_hour(tmp_path: Path) -> None:
    (tmp_path / "gw.sqlite").write_bytes(b"not a database, but long enough to be looked at as one" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        Quotas(tmp_path / "gw.sqlite")
