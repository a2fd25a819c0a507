"""What the watch marks is written after its alerts were told, and is forgotten where they were not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.watch.marks import Marks
from stream_processors.watch.memory import Memory
from stream_processors.watch.thresholds import shipped
from stream_processors.watch.unusual import Watch
from tests.unit.audit_rig import ANI, disclosure, intent, outcome
from tests.unit.test_watch_memory import AT_TEN

if TYPE_CHECKING:
    from collections.abc import MutableMapping

Kept = dict[bytes, Any]
ENTRIES = [intent(subject_ref=ANI), outcome(2), disclosure(3, ANI)]
STEPS = st.lists(st.tuples(st.sampled_from(["set", "del", "write", "drop"]), st.sampled_from([b"a", b"b", b"c"])))


def watching(kept: MutableMapping[bytes, Any]) -> Memory:
    return Memory(kept, Watch(shipped()), frozenset({ANI}))


def honey(memory: Memory, entries: list[Any]) -> list[bytes]:
    alerts = [alert for entry in entries for alert in memory.seen(entry, AT_TEN, AT_TEN)]
    return [one.alert_id for one in alerts if one.kind == "HONEY_RECORD"]


@pytest.mark.parametrize("entry", range(len(ENTRIES)))
def test_an_alert_whose_watch_ends_before_it_is_told_is_told_by_the_next_one_under_the_same_id(entry: int) -> None:
    unbroken = honey(watching({}), ENTRIES)
    kept: Kept = {}
    marks = Marks(kept)
    memory = watching(marks)
    found: list[bytes] = []
    for before in ENTRIES[:entry]:
        found += honey(memory, [before])
        marks.write()
    honey(memory, [ENTRIES[entry]])  # killed: nobody was told
    found += honey(watching(Marks(kept)), ENTRIES)
    assert set(found) == set(unbroken)


@pytest.mark.parametrize("entry", range(len(ENTRIES)))
def test_a_watch_that_goes_on_after_it_could_not_tell_an_entry_finds_what_an_unbroken_one_finds(entry: int) -> None:
    marks = Marks({})
    memory, unbroken = watching(marks), watching({})
    assert memory.unanswered(AT_TEN) == unbroken.unanswered(AT_TEN) == ()
    for number, one in enumerate(ENTRIES):
        if number == entry:
            memory.seen(one, AT_TEN, AT_TEN)
            marks.drop()
            memory.begin_anew()
        assert memory.seen(one, AT_TEN, AT_TEN) == unbroken.seen(one, AT_TEN, AT_TEN)
        marks.write()
    for later in (AT_TEN, AT_TEN + 3_600_000_000, AT_TEN + 2 * 86_400_000_000):
        assert memory.unanswered(later) == unbroken.unanswered(later)
        assert memory.silent(later) == unbroken.silent(later)


def test_what_is_held_back_is_seen_by_who_holds_it_and_by_nobody_else() -> None:
    kept: Kept = {b"a": 1, b"b": 2}
    marks = Marks(kept)
    marks[b"a"], marks[b"c"] = 10, 30
    del marks[b"b"]
    assert dict(marks) == {b"a": 10, b"c": 30}
    assert kept == {b"a": 1, b"b": 2}
    with pytest.raises(KeyError):
        del marks[b"b"]


def test_what_was_marked_last_is_written_last() -> None:
    kept: Kept = {}
    marks = Marks(kept)
    for key in (b"gateway", b"windows", b"gateway"):
        marks[key] = 1
    marks.write()
    assert [*kept] == [b"windows", b"gateway"]


@given(st.dictionaries(st.sampled_from([b"a", b"b"]), st.just(0)), STEPS)
def test_it_is_the_mapping_that_it_will_be(before: Kept, steps: list[tuple[str, bytes]]) -> None:
    kept, seen = dict(before), dict(before)
    marks, written = Marks(kept), dict(before)
    for number, (step, key) in enumerate(steps, 1):
        match step:
            case "set":
                marks[key] = seen[key] = number
            case "del":
                assert marks.pop(key, None) == seen.pop(key, None)
            case "write":
                marks.write()
                written = dict(seen)
            case _:
                marks.drop()
                seen = dict(written)
        assert dict(marks) == seen
        assert len(marks) == len(seen)
        assert kept == written
