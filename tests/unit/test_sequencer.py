"""Rounds over topics in memory and a real folder: one tree, whoever builds it and wherever it stopped."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from schemas.note import Checkpoint
from schemas.records import PartitionCut, RoundOpened
from stream_processors.sequencer.contract import SequencerFault
from stream_processors.sequencer.metrics import ODD_SALTS
from tests.unit.sequencer_rig import ORIGIN, Entry, Log, Rig, bundle_leaves, naive_leaf, naive_root, require_sound

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "staging" not in path.parts
    }


def sizes(log: Log) -> list[int]:
    return [Checkpoint.parse(note.text).size for note in log.published()]


def test_entries_of_all_partitions_become_the_tree_that_a_naive_computation_gives(tmp_path: Path) -> None:
    log = Log(partitions=3)
    rig = Rig(log, tmp_path).take_over()
    for count in (0, 1, 254, 1, 1, 600, 255, 5_000):
        log.write_many(count)
        assert rig.round() is True or count == 0
        require_sound(log, tmp_path)
    assert sizes(log) == [0, 1, 255, 256, 257, 857, 1_112, 6_112]


def test_nothing_new_opens_no_round_before_the_idle_time(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    rig.round()
    before = len(log.rounds)
    rig.round()
    assert len(log.rounds) == before
    rig.clock.now += rig.settings.idle_round_s
    assert rig.round()
    assert len(log.rounds) == before + 2
    require_sound(log, tmp_path)


def test_a_round_that_lost_is_dropped_and_the_winners_is_built(tmp_path: Path) -> None:
    # given another sequencer, of its own folder, that is first with the next round, and has read less
    log = Log()
    other = Rig(log, tmp_path / "other").take_over()
    rig = Rig(log, tmp_path / "own").take_over()
    rig.round()
    log.write_many(100)

    def first(_: Any) -> None:
        other.round()
        log.write_many(50)

    rig.rounds.before_append.append(first)
    # when both open it
    rig.round()
    # then there are two records of one number, and both folders hold the first one's tree
    opened = [record.round for record in log.rounds if isinstance(record, RoundOpened)]
    assert sorted({*opened}) != sorted(opened)
    rig.round()
    other.round()
    for folder in (tmp_path / "other", tmp_path / "own"):
        require_sound_but_served(log, folder)


def require_sound_but_served(log: Log, folder: Path) -> None:
    (folder / "checkpoint").write_text(log.published()[-1].format())
    require_sound(log, folder)


def test_the_losers_entries_stand_in_a_later_round(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    rig.round()
    log.write_many(9)

    def empty_round_first(record: RoundOpened) -> None:
        cut = tuple(PartitionCut(partition=place, end_offset=0) for place in range(3))
        log.rounds.append(RoundOpened(origin=ORIGIN, round=record.round, cut=cut, tree_size=0, root=naive_root([])))

    rig.rounds.before_append.append(empty_round_first)
    rig.round()
    assert rig.round() is True
    assert sizes(log)[-1] == 9
    require_sound(log, tmp_path)


def test_only_a_round_that_won_is_ever_signed(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    other = Rig(log, tmp_path / "other").take_over()
    for _ in range(5):
        log.write_many(7)
        rig.rounds.before_append.append(lambda _: other.round())
        rig.round()
        log.write_many(3)
        other.rounds.before_append.append(lambda _: rig.round())
        other.round()
    leaves = log.leaves()
    for note in [*rig.witnesses.asked, *other.witnesses.asked]:
        checkpoint = Checkpoint.parse(note.text)
        assert checkpoint.root == naive_root(leaves[: checkpoint.size])


def test_below_the_quorum_nothing_is_published_and_the_next_round_asks_again(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    rig.round()
    rig.witnesses.away = True
    log.write_many(10)
    assert rig.round() is False
    assert rig.round() is False
    assert sizes(log) == [0]
    opened = len([record for record in log.rounds if isinstance(record, RoundOpened)])
    assert opened == 2  # the same round is asked for again
    rig.witnesses.away = False
    assert rig.round() is True
    assert sizes(log) == [0, 10]
    require_sound(log, tmp_path)


def test_a_restart_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    log = Log()
    for count in (3, 300, 253, 256, 1, 1_000):
        rig = Rig(log, tmp_path).take_over()
        log.write_many(count)
        rig.round()
        log.write_many(count)
        rig.round()
    require_sound(log, tmp_path)


def test_a_lost_directory_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path / "log").take_over()
    for count in (3, 300, 0, 253, 256, 1, 1_000):
        log.write_many(count)
        rig.round()
    before = files(tmp_path / "log")
    shutil.rmtree(tmp_path / "log")
    Rig(log, tmp_path / "log").take_over()
    assert files(tmp_path / "log") == before


def test_a_lost_directory_is_rebuilt_in_chunks_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream_processors.sequencer.building._CHUNK_LEAVES", 300)
    monkeypatch.setattr("stream_processors.sequencer.sequencer._MOST_UNBUILT", 3)
    log = Log()
    rig = Rig(log, tmp_path / "log").take_over()
    for _ in range(20):
        log.write_many(97)
        rig.round()
    before = files(tmp_path / "log")
    shutil.rmtree(tmp_path / "log")
    Rig(log, tmp_path / "log", most_in_a_round=200).take_over()
    assert files(tmp_path / "log") == before


@pytest.mark.parametrize("name", ["tile/0/001", "tile/1/000", "tile/entries/001", "rounds", "position"])
def test_a_restart_stops_at_a_changed_byte_of_the_right_edge(tmp_path: Path, name: str) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    log.write_many(300)
    rig.round()
    held = bytearray((tmp_path / name).read_bytes())
    held[-5] ^= 1
    (tmp_path / name).write_bytes(held)
    with pytest.raises((SequencerFault, ValueError)):
        Rig(log, tmp_path).take_over()


def test_a_restart_stops_where_the_topic_holds_another_entry_than_the_open_bundle(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    log.write_many(300)
    rig.round()
    last = log.audit[2][-1]
    log.audit[2][-1] = Entry(2, last.offset(), b"rewritten", last.headers())
    with pytest.raises(SequencerFault, match="TOPIC_DIFFERS"):
        Rig(log, tmp_path).take_over()


def test_a_restart_stops_where_the_audit_topic_ends_before_the_log(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    log.write_many(300)
    rig.round()
    rig.round()
    del log.audit[2][-1]
    with pytest.raises(SequencerFault, match="AUDIT_ENDS_EARLY"):
        Rig(log, tmp_path).take_over()


def test_a_hole_in_the_offsets_stops_the_sequencer(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    log.write_many(30)
    del log.audit[1][3]
    with pytest.raises(SequencerFault, match="HOLE"):
        rig.round()


def test_an_entry_that_is_too_long_stops_the_sequencer(tmp_path: Path) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    log.write(0, bytes(65_498))
    rig.round()
    require_sound(log, tmp_path)
    log.write(0, bytes(65_499))
    with pytest.raises(SequencerFault, match="VALUE_TOO_LONG"):
        rig.round()


@pytest.mark.parametrize(
    "headers",
    [[], [("salt", b"short")], [("salt", bytes(17))], [("salt", None)], [("salt", bytes(16)), ("salt", b"x" * 16)]],
)
def test_a_missing_or_odd_salt_is_sixteen_zero_bytes_and_an_alarm(tmp_path: Path, headers: Any) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    log.write_many(3)
    before = ODD_SALTS._value.get()
    entry = log.audit[0][0]
    log.audit[0][0] = Entry(0, 0, entry.value(), headers)
    rig.round()
    assert ODD_SALTS._value.get() == before + 1
    first = bundle_leaves((tmp_path / "tile/entries/000").read_bytes())[0]
    assert first == naive_leaf(0, 0, entry.time, bytes(16), entry.value())


def test_a_sequencer_that_another_took_the_directory_from_places_nothing_more(tmp_path: Path) -> None:
    log = Log()
    zombie = Rig(log, tmp_path).take_over()
    log.write_many(100)
    zombie.round()
    # given one that froze before its round was appended, while another took over and went on
    log.write_many(50)

    def meanwhile(_: Any) -> None:
        successor = Rig(log, tmp_path).take_over()
        log.write_many(500)
        successor.round()
        meanwhile.left = files(tmp_path)  # type: ignore[attr-defined]

    zombie.rounds.before_append.append(meanwhile)
    # when it wakes up
    with pytest.raises(SequencerFault, match="TAKEN_OVER"):
        zombie.round()
    # then the directory is as the successor left it
    assert files(tmp_path) == meanwhile.left  # type: ignore[attr-defined]
    Rig(log, tmp_path).take_over().round()
    require_sound(log, tmp_path)


def test_a_zombie_whose_round_wins_is_followed(tmp_path: Path) -> None:
    log = Log()
    zombie = Rig(log, tmp_path / "zombie").take_over()
    log.write_many(100)
    zombie.round()
    successor = Rig(log, tmp_path / "own").take_over()
    log.write_many(50)
    successor.rounds.before_append.append(lambda _: zombie.round())
    successor.round()
    log.write_many(5)
    successor.round()
    require_sound(log, tmp_path / "own")


@pytest.mark.parametrize(
    ("change", "code"),
    [({"round": 9}, "ROUND_GAP"), ({"tree_size": 1}, "ROUND_SIZE"), ({"root": bytes(32)}, "ROUND_")],
)
def test_a_round_that_no_sequencer_opens_stops_it(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    log = Log()
    rig = Rig(log, tmp_path).take_over()
    log.write_many(6)
    rig.round()
    cut = tuple(PartitionCut(partition=place, end_offset=2) for place in range(3))
    fields = {"origin": ORIGIN, "round": 3, "cut": cut, "tree_size": 6, "root": naive_root(log.leaves()), **change}
    log.rounds.append(RoundOpened(**fields))
    with pytest.raises(SequencerFault, match=code):
        rig.round()


def test_a_directory_of_another_origin_or_number_of_partitions_is_refused(tmp_path: Path) -> None:
    Rig(Log(partitions=3), tmp_path).take_over()
    with pytest.raises(SequencerFault, match="OTHER_LOG"):
        Rig(Log(partitions=4), tmp_path).take_over()
