"""All that one request waits for, to be put on record, shares one deadline; other requests have their own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from consumers.gateway.grace import Grace
from consumers.gateway.vouching import UNAVAILABLE
from consumers.gateway.waiting import has_come, left_to_read, one_request, reading

if TYPE_CHECKING:
    from collections.abc import Callable

NEVER = threading.Event()
PATIENCE = 0.2


def waited(ask: Callable[[], object]) -> float:
    began = time.monotonic()
    ask()
    return time.monotonic() - began


def in_vain() -> None:
    assert not has_come(NEVER, PATIENCE)


class HangsError(Exception):
    """What a database that does not answer in time raises."""


@reading()
def hangs() -> None:
    NEVER.wait(left_to_read(PATIENCE))
    raise HangsError


@reading()
def hangs_once_on_record() -> None:
    assert not has_come(NEVER, PATIENCE)
    raise HangsError


def read_in_vain() -> None:
    with pytest.raises(HangsError):
        hangs()


def test_what_waits_after_another_of_its_request_has_the_rest_of_the_time() -> None:
    with one_request():
        assert not has_come(NEVER, PATIENCE / 2)
        assert PATIENCE / 4 < waited(in_vain) < PATIENCE
        assert waited(in_vain) < PATIENCE / 2


def test_a_request_within_a_request_is_part_of_it() -> None:
    with one_request():
        one_request()(in_vain)()
        assert waited(one_request()(in_vain)) < PATIENCE / 2


def test_what_is_known_of_checkpoints_is_waited_for_as_part_of_its_request() -> None:
    unknown = Grace("nowhere", known_seconds=PATIENCE)
    with one_request():
        in_vain()
        began = time.monotonic()
        assert unknown.forbids() == UNAVAILABLE
        assert time.monotonic() - began < PATIENCE / 2


def test_what_has_come_is_told_when_no_time_is_left() -> None:
    come = threading.Event()
    come.set()
    with one_request():
        in_vain()
        assert has_come(come, PATIENCE)


def test_the_database_has_less_time_by_half_of_what_the_record_took() -> None:
    with one_request():
        in_vain()
        assert PATIENCE * 0.2 < left_to_read(PATIENCE) <= PATIENCE / 2
    assert left_to_read(PATIENCE) == PATIENCE


def test_the_record_has_less_time_by_half_of_what_the_database_took_in_vain() -> None:
    with one_request():
        read_in_vain()
        assert left_to_read(PATIENCE) < PATIENCE / 2
        assert PATIENCE / 4 < waited(in_vain) < PATIENCE * 0.75


def test_what_was_read_takes_nothing_from_the_record() -> None:
    with one_request():
        with reading():
            NEVER.wait(PATIENCE)
        assert left_to_read(PATIENCE) == PATIENCE
        assert waited(in_vain) >= PATIENCE * 0.9


def test_what_is_put_on_record_while_reading_is_counted_once() -> None:
    with one_request():
        with pytest.raises(HangsError):
            hangs_once_on_record()
        assert PATIENCE * 0.2 < left_to_read(PATIENCE) <= PATIENCE / 2


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_a_request_whose_record_and_database_hang_ends_after_one_and_a_half_times_the_patience(share: float) -> None:
    def whole() -> None:
        with one_request():
            has_come(NEVER, PATIENCE * share)
            read_in_vain()
            in_vain()

    assert waited(whole) < PATIENCE * 1.75


def test_each_request_has_a_deadline_of_its_own() -> None:
    with one_request():
        in_vain()
        other: list[float] = []
        thread = threading.Thread(target=lambda: other.append(waited(in_vain)))
        thread.start()
        thread.join()
    assert other[0] >= PATIENCE * 0.9
    assert waited(in_vain) >= PATIENCE * 0.9
