"""All that one request waits for, to be put on record, shares one deadline; other requests have their own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from consumers.gateway.grace import Grace
from consumers.gateway.vouching import UNAVAILABLE
from consumers.gateway.waiting import has_come, one_request

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


def test_each_request_has_a_deadline_of_its_own() -> None:
    with one_request():
        in_vain()
        other: list[float] = []
        thread = threading.Thread(target=lambda: other.append(waited(in_vain)))
        thread.start()
        thread.join()
    assert other[0] >= PATIENCE * 0.9
    assert waited(in_vain) >= PATIENCE * 0.9
