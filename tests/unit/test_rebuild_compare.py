"""Two versions compared: rows in any order of arrival, families in motion, and what a rebuilt table may lack."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.read_model import compare as comparing
from consumers.read_model import tables
from consumers.read_model.compare import MayLack, differences
from consumers.read_model.rebuild import Pace
from jejak.rebuild.state_compare import Total
from schemas import codec, prefix, records
from stream_processors.folds.shadow import BuildStopped, Shadow, StateLog, standing
from tests.unit.registry_scenarios import NOW, OTHER_FAMILY, claimed, registered, say
from tests.unit.registry_scenarios import given as scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAMILY = b"f" * 26
rows = st.dictionaries(st.integers(0, 40), st.integers(0, 3), max_size=30)


@given(rows, rows)
def test_exactly_the_rows_that_differ_are_found(older: dict[int, int], newer: dict[int, int]) -> None:
    equal, suspects = differences(sorted(older.items()), sorted(newer.items()), 1)
    assert suspects == {(key,) for key in older.keys() | newer.keys() if older.get(key) != newer.get(key)}
    assert equal == sum(older.get(key) == value for key, value in newer.items())


@given(rows, st.randoms(use_true_random=False))
def test_the_order_in_which_rows_come_is_no_difference(held: dict[int, int], shuffled: Any) -> None:
    other = [*held.items()]
    shuffled.shuffle(other)
    assert differences(held.items(), other, 1) == (len(held), set())


def test_a_comparison_with_an_empty_table_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MOST_SUSPECTS", 10)
    taken = []

    def long() -> Any:
        for number in range(1_000):
            taken.append(number)
            yield (number, 0)

    _, suspects = differences(long(), [], 1)
    assert len(suspects) == len(taken) == 11


def test_only_what_the_topics_do_not_tell_any_more_may_be_lacking() -> None:
    may_lack = MayLack({0: 100})
    refusal = ("dinsos/35.71", "2025-07", 1)
    assert may_lack(tables.REFUSAL, (*refusal, 0, 99))
    assert not may_lack(tables.REFUSAL, (*refusal, 0, 100))
    assert not may_lack(tables.REFUSAL, (*refusal, 1, 0))
    of_family = ("ff", "f" * 26, 1)
    assert may_lack(tables.REFUSAL_OF_FAMILY, (*of_family, 0, 99))
    assert not may_lack(tables.REFUSAL_OF_FAMILY, (*of_family, 0, 100))
    assert may_lack(tables.KECAMATAN, ("KEMENDAGRI", "2025", "35", "35.71.01"))
    assert not may_lack(tables.FAMILY, ("ff", "f" * 26))
    assert not may_lack(tables.EVENT, ("ff", "f" * 26, 1))


def test_progress_tells_the_rate_and_the_time_left() -> None:
    pace = Pace()
    first = pace.at(10.0, 0, 1_000)
    assert (first.rate, first.left_seconds) == (0.0, None)
    later = pace.at(12.0, 400, 1_000)
    assert (later.rate, later.left_seconds, later.share) == (200.0, 3.0, 0.4)
    assert pace.at(15.0, 1_000, 1_000).left_seconds == 0.0


def test_of_nothing_everything_is_done() -> None:
    done = Pace().at(1.0, 0, 0)
    assert (done.share, done.left_seconds) == (1.0, 0.0)


@cache
def log() -> tuple[bytes, ...]:
    return tuple(scenario(registered(), claimed()).log)


def messages(framed: Sequence[bytes]) -> list[Any]:
    return [message(offset, value) for offset, value in enumerate(framed)]


def message(offset: int, value: bytes) -> Any:
    return SimpleNamespace(key=lambda: FAMILY, value=lambda: value, offset=lambda: offset)


def after(count: int) -> bytes:
    shadow = Shadow(StateLog("families", 0), 0)
    return codec.encode(shadow.fold(messages(log()[:count]))[FAMILY])


def test_a_shadow_folds_accepted_events_and_knows_those_it_has() -> None:
    shadow = Shadow(StateLog("families", 0), 0)
    for key, state in shadow.fold(messages(log()[:1])).items():
        shadow.keep(key, state, codec.encode(state))
    changed = shadow.fold(messages(log()))
    assert codec.encode(changed[FAMILY]) == after(2)
    shadow.keep(FAMILY, changed[FAMILY], after(2))
    assert shadow.fold(messages(log())) == {}


def test_a_state_that_was_built_before_is_gone_on_with_as_its_bytes() -> None:
    shadow = Shadow(StateLog("families", 0, framed={FAMILY: after(1)}), 0)
    assert codec.encode(shadow.fold(messages(log()))[FAMILY]) == after(2)


@pytest.mark.parametrize("broken", [lambda: log()[1:], lambda: [b"\x00nothing"]])
def test_a_hole_or_bytes_that_are_no_event_stop_the_build_and_name_the_place(
    broken: Callable[[], Sequence[bytes]],
) -> None:
    with pytest.raises(BuildStopped, match="partition 3, offset 0"):
        Shadow(StateLog("families", 3), 0).fold(messages(broken()))


def of_no_step() -> bytes:
    determined = codec.encode(say("ProposalDetermined"))
    return prefix.stamp(determined, prefix.walk(determined), 3, NOW)[0]


def of_another_family() -> bytes:
    other = codec.encode(registered(family_id=OTHER_FAMILY))
    return prefix.stamp(other, prefix.walk(other), 1, NOW)[0]


def of_a_request() -> bytes:
    other = codec.encode(records.AccessRequestSubmitted(header=registered().header))
    return prefix.stamp(other, prefix.walk(other), 3, NOW)[0]


def of_no_family() -> bytes:
    return codec.encode(scenario(registered()).state)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (of_no_step, "no such step"),
        (of_another_family, "under another family's key"),
        (of_no_family, "neither change nor event"),
        (of_a_request, "is no event that the fold takes"),
    ],
)
def test_an_event_that_no_fold_accepts_stops_the_build_and_names_the_place(
    broken: Callable[[], bytes], why: str
) -> None:
    life = scenario(registered(), say("ProposalDrafted", change_id=b"draft proposal 1")).log
    with pytest.raises(BuildStopped, match=f"partition 3, offset 2: .*({why})"):
        Shadow(StateLog("families", 3), 0).fold(messages([*life, broken()]))


@pytest.mark.parametrize(
    ("older", "newer", "before", "how"),
    [
        (1, 1, None, "equal"),
        (2, 1, 1, "moving"),  # was folded since the newer one looked
        (2, None, None, "moving"),  # registered since then
        (2, 1, 2, "differing"),  # had its time to follow
        (2, None, 1, "differing"),
        (1, 2, 1, "differing"),  # is ahead of what served, which was read later
        (None, 1, None, "differing"),
    ],
)
def test_a_family_moves_only_while_the_newer_version_could_not_have_followed(
    older: int | None, newer: int | None, before: int | None, how: str
) -> None:
    assert standing(*[None if count is None else after(count) for count in (older, newer, before)]) == how


def test_a_changed_field_is_a_difference_that_is_named_and_changes_the_digest() -> None:
    true, total = StateLog("v1", 0, framed={FAMILY: after(2)}), Total("v1", "v2")
    other = codec.encode(replace(codec.decode(after(2)), decile=7))
    tampered = StateLog("v2", 0, framed={FAMILY: other})
    total.add(true, true, {})
    assert total.told().older_digest == total.told().newer_digest
    total.add(true, tampered, true.framed)
    told = total.told()
    assert (told.equal, told.differing, told.first) == (1, 1, FAMILY.decode())
    assert told.older_digest != told.newer_digest
