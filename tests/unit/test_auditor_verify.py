"""The auditor's full check: what it counts, what it refuses, and where it says that the fault is."""

import copy
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import Response

from consumers.auditor import hashing, published, verify, verify_receipt
from consumers.auditor.checkpoints import opened
from consumers.auditor.rounds import Index
from consumers.auditor.source import Address, Directory, Head, Malformed, Unreadable
from consumers.auditor.verdict import Broken, Verdict
from consumers.auditor.verify import Wishes
from consumers.log.app import application
from consumers.log.directory import LogDirectory
from schemas import records
from schemas.quorum import parse_policy
from stream_processors.sequencer import directory as sequencer
from tests.unit.audit_log_oracle import BROKER_MS, ORIGIN, WITNESSES, Gateway, NaiveLog, key, made, policy, sha256

TRUSTED = parse_policy(policy().encode())
TOKEN = "t0ken"  # noqa: S105  it opens nothing but this test


def audited(log: NaiveLog, folder: Path, *, decode: bool = True, **wishes: Any) -> Verdict:
    return verify.verify(Directory(log.write(folder)), TRUSTED, Wishes(decode=decode, **wishes))


def heard(folder: Path, *rounds: list[bytes]) -> Verdict:
    """An audit of one partition that took these values."""
    log = NaiveLog(1)
    for values in rounds:
        log.add_round([values])
    return audited(log, folder)


def broken(found: Verdict) -> Broken:
    assert found.broken is not None
    return found.broken


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of two tiles; the levels above real ones have a test of their own."""
    monkeypatch.setattr(verify, "LEAVES", 512)
    monkeypatch.setattr(hashing.Upper, "add", lambda *_: None)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 513, 1_300])
@pytest.mark.parametrize("rounds", [1, 7])
def test_an_honest_log_holds_for_both_verifiers(size: int, rounds: int, tmp_path: Path) -> None:
    log = made(size, seed=size, rounds=rounds)
    found = audited(log, tmp_path / "log", decode=False)
    assert (found.broken, found.size, found.figures.entries, found.figures.rounds) == (None, size, size, rounds)
    assert found.witnesses == ("w0", "w1", "w2")
    assert verify_receipt.Export(tmp_path / "log").check(verify_receipt.Policy(policy()))


def test_what_gateways_said_is_counted(tmp_path: Path) -> None:
    one, other = Gateway("a-1"), Gateway("b-1")
    log = NaiveLog(2)
    log.add_round([[*one.look(), *one.look()], other.look()])
    left_open, _ = other.intent()
    log.add_round([[one.heartbeat(closing=True)], [left_open]])
    found = audited(log, tmp_path / "log")
    figures = found.figures
    assert found.holds
    assert (figures.gateways, figures.intents, figures.outcomes, figures.disclosures) == (2, 4, 3, 3)
    assert (figures.intents_without_outcome, figures.chains_without_closing, figures.heartbeats) == (1, 1, 1)
    assert found.open_intents == ("leaf 10 (partition 1, offset 3)",)


def test_a_clock_more_than_five_seconds_from_the_brokers_is_counted(tmp_path: Path) -> None:
    late = Gateway("a-1", BROKER_MS * 1_000 - 5_000_000)
    assert heard(tmp_path / "near", late.look()[:1]).figures.clocks_apart == 0
    apart = Gateway("a-1", BROKER_MS * 1_000 - 5_000_001)
    assert heard(tmp_path / "far", apart.look()[:1]).figures.clocks_apart == 1


def test_a_number_left_out_is_named(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    values = [*gateway.look(), *gateway.look(), *gateway.look()]
    del values[4]
    found = broken(heard(tmp_path / "log", values))
    assert (found.code, found.where) == ("SEQUENCE_HOLE", "leaf 4 (partition 0, offset 4)")
    assert "after number 4 of a-1 comes 6" in found.text


def test_a_first_entry_left_out_is_named(tmp_path: Path) -> None:
    assert broken(heard(tmp_path / "log", Gateway("a-1").look()[1:])).code == "SEQUENCE_HOLE"


def test_a_tail_left_out_before_a_heartbeat_is_named(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    kept, _lost, beat = gateway.look(), gateway.look(), gateway.heartbeat()
    assert broken(heard(tmp_path / "log", kept, [beat])).code == "SEQUENCE_HOLE"


def test_a_heartbeat_that_says_another_number_is_named(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    found = heard(tmp_path / "log", [*gateway.look(), gateway.heartbeat(last=1)])
    assert broken(found).code == "HEARTBEAT_WRONG"


def test_an_entry_written_anew_breaks_the_chain_where_it_goes_on(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    intent, intent_id = gateway.intent()
    values, liar = [intent, gateway.outcome(intent_id)], copy.copy(gateway)
    liar.clock += 1
    forged = liar.disclosure(intent_id)
    gateway.disclosure(intent_id)
    values += [forged, *gateway.look()]
    found = broken(heard(tmp_path / "log", values))
    assert (found.code, found.where) == ("CHAIN_BROKEN", "leaf 3 (partition 0, offset 3)")
    apart = broken(heard(tmp_path / "apart", values[:3], values[3:]))
    assert apart.where == found.where


def test_entries_after_the_closing_heartbeat_are_named(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    found = heard(tmp_path / "log", [*gateway.look(), gateway.heartbeat(closing=True), *gateway.look()])
    assert broken(found).code == "AFTER_CLOSING"


def test_a_write_ahead_file_played_back_is_no_fault(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    values = [*gateway.look(), *gateway.look()]
    found = heard(tmp_path / "log", values, values[3:], [gateway.heartbeat(closing=True)])
    assert found.holds
    assert (found.figures.repeats, found.figures.intents_without_outcome) == (3, 0)


def test_what_is_played_back_may_go_on_where_the_log_had_stopped(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    values = [*gateway.look(), *gateway.look()]
    found = heard(tmp_path / "log", values[:4], values[2:], [gateway.heartbeat(closing=True)])
    assert found.holds
    assert (found.figures.repeats, found.figures.chains_without_closing) == (2, 0)


def test_a_number_that_comes_again_with_other_bytes_is_named(tmp_path: Path) -> None:
    gateway, liar = Gateway("a-1"), Gateway("a-1", BROKER_MS * 1_000 + 1)
    values, forged = gateway.look(), liar.look()
    found = broken(heard(tmp_path / "log", values, forged[1:2]))
    assert (found.code, found.where) == ("REPEAT_DIFFERS", "leaf 3 (partition 0, offset 3)")


def test_a_disclosure_without_an_earlier_intent_is_named(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    first = gateway.intent()[0]
    found = broken(heard(tmp_path / "log", [first, gateway.disclosure(bytes(16))]))
    assert (found.code, found.where) == ("WITHOUT_INTENT", "leaf 1 (partition 0, offset 1)")


def test_an_outcome_without_an_intent_is_named(tmp_path: Path) -> None:
    assert broken(heard(tmp_path / "log", [Gateway("a-1").outcome(bytes(16))])).code == "WITHOUT_INTENT"


def test_a_value_that_is_no_record_is_named(tmp_path: Path) -> None:
    found = broken(heard(tmp_path / "log", Gateway("a-1").look(), [b"\x00\x00\x00\x00\x01rubbish"]))
    assert (found.code, found.where) == ("UNDECODABLE", "leaf 3 (partition 0, offset 3)")


@pytest.mark.usefixtures("small_segments")
def test_segments_are_joined_as_if_there_were_none(tmp_path: Path) -> None:
    gateways = [Gateway(f"{name}-1") for name in "abc"]
    log = NaiveLog(3)
    for _ in range(9):
        log.add_round([[value for _ in range(31) for value in one.look()] for one in gateways])
    found = audited(log, tmp_path / "log")
    assert found.holds
    assert (found.figures.entries, found.figures.intents) == (2_511, 837)
    assert (found.figures.intents_without_outcome, found.figures.chains_without_closing) == (0, 3)


@pytest.mark.usefixtures("small_segments")
def test_a_hole_between_two_segments_is_named(tmp_path: Path) -> None:
    gateway = Gateway("a-1")
    values = [value for _ in range(400) for value in gateway.look()]
    del values[512]
    found = broken(heard(tmp_path / "log", values))
    assert (found.code, found.where) == ("SEQUENCE_HOLE", "leaf 512 (partition 0, offset 512)")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of more than one segment."""
    return made(66_100, rounds=3).write(tmp_path_factory.mktemp("large") / "log")


def test_a_log_of_more_than_one_segment_is_checked_side_by_side_and_told_in_order(large: Path) -> None:
    wishes = Wishes(decode=False)
    found = verify.verify(Directory(large), TRUSTED, wishes)
    assert (found.broken, found.figures.entries) == (None, 66_100)
    first, second = (large / "tile" / "0" / name for name in ("200", "257"))
    kept = {path: path.read_bytes() for path in (first, second)}
    for path, content in kept.items():
        path.write_bytes(bytes(32) + content[32:])
    side_by_side = Wishes(decode=False, workers=2)
    assert broken(verify.verify(Directory(large), TRUSTED, side_by_side)).where.startswith("leaf 51200 ")
    first.write_bytes(kept[first])
    assert broken(verify.verify(Directory(large), TRUSTED, wishes)).where.startswith("leaf 65792 ")
    second.write_bytes(kept[second])


def test_a_tile_above_the_segments_is_held_against_them(large: Path) -> None:
    tile = large / "tile" / "2" / "000"
    whole = tile.read_bytes()
    tile.write_bytes(bytes(32))
    found = broken(verify.verify(Directory(large), TRUSTED, Wishes(decode=False)))
    assert (found.code, found.where) == ("TILE_DIFFERS", "hash 0 of level 2")
    tile.write_bytes(whole)


def test_entries_that_fit_no_cut_are_named_where_the_first_should_be(tmp_path: Path) -> None:
    log = made(300)
    folder = log.write(tmp_path / "log")
    (folder / "tile" / "entries" / "001").unlink()
    found = broken(verify.verify(Directory(folder), TRUSTED, Wishes(decode=False)))
    assert found.code == "LEAF_MISSING"
    assert found.where.startswith("leaf 256 ")


def test_a_missing_tile_of_a_higher_level_is_named(tmp_path: Path) -> None:
    folder = made(300).write(tmp_path / "log")
    (folder / "tile" / "1" / "000").unlink()
    found = broken(verify.verify(Directory(folder), TRUSTED, Wishes(decode=False)))
    assert (found.code, found.where) == ("TILE_DIFFERS", "hash 0 of level 1")


def test_a_round_whose_root_is_not_that_of_its_leaves_is_named(tmp_path: Path) -> None:
    log = made(50, rounds=3)
    log.rounds[1] = (*log.rounds[1][:2], bytes(32))
    found = broken(audited(log, tmp_path / "log", decode=False))
    assert (found.code, found.where) == ("ROUND_ROOT", "round 2")


def test_a_cut_that_goes_back_is_named(tmp_path: Path) -> None:
    log = made(50, partitions=2, rounds=3)
    size, (first, second), root = log.rounds[2]
    log.rounds[2] = (size, (log.rounds[1][1][0] - 1, first + second - log.rounds[1][1][0] + 1), root)
    found = broken(audited(log, tmp_path / "log", decode=False))
    assert (found.code, found.where) == ("ROUND_CUT", "round 3")


@pytest.mark.parametrize("head", [b"", b"[]", b"{}", b'{"origin": 1, "partitions": 3}', b'{"origin": "o"}'])
def test_an_index_without_a_head_is_named(head: bytes, tmp_path: Path) -> None:
    folder = made(5).write(tmp_path / "log")
    (folder / "rounds.head").write_bytes(head)
    assert broken(verify.verify(Directory(folder), TRUSTED, Wishes())).code == "INDEX_MALFORMED"
    with pytest.raises(verify_receipt.Refused):
        verify_receipt.Export(folder).check(verify_receipt.Policy(policy()))


def partitions_by(folder: Path) -> tuple[int, int]:
    """How many partitions auditor and script find the index to have; 0 where it is none of this log."""
    try:
        head = Directory(folder).head()
        auditor = head.partitions if head.origin == ORIGIN else 0
    except Malformed:
        auditor = 0
    try:
        _, cut, _ = next(verify_receipt.Export(folder).rounds(ORIGIN))
    except verify_receipt.Refused:
        return auditor, 0
    return auditor, len(cut)


def test_of_a_head_with_one_bit_changed_both_verifiers_take_another_count_of_partitions_alone(tmp_path: Path) -> None:
    folder = made(5, partitions=4).write(tmp_path / "log")
    head = folder / "rounds.head"
    (folder / "rounds").write_bytes(bytes(1_000))
    whole = head.read_bytes()
    taken = set()
    for at, bit in itertools.product(range(len(whole)), range(8)):
        head.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        auditor, script = partitions_by(folder)
        assert auditor == script, (at, bit)
        taken |= {(at, auditor)} if auditor else set()
    assert taken == {(whole.index(b"4"), 5), (whole.index(b"4"), 6)}


WHOLE = f'{{\n "origin": "{ORIGIN}",\n "partitions": 3,\n "first_round": 1\n}}\n'


@pytest.mark.parametrize(
    "head",
    [
        WHOLE[:-1],
        WHOLE + "\n",
        WHOLE + "\0",
        " " + WHOLE,
        "\ufeff" + WHOLE,
        WHOLE.replace("\n", "\r\n"),
        WHOLE.replace("\n", ""),
        WHOLE.replace("j", "\\u006a", 1),
        WHOLE.replace("/", "\\/"),
        WHOLE.replace("}", ',\n "more": 1\n}'),
        WHOLE.replace(' "first_round": 1', ' "first_round": 2'),
        WHOLE.replace(' "first_round": 1', ' "first_round": true'),
        WHOLE.replace(',\n "first_round": 1', ""),
        *(WHOLE.replace("3", one) for one in ("03", "3.0", "+3", "0", "-3", '"3"', "true", "4097", "99999", "\u0663")),
        f'{{\n "partitions": 3,\n "origin": "{ORIGIN}",\n "first_round": 1\n}}\n',
        f'{{\n "origin": "{ORIGIN}",\n "partitions": 3,\n "partitions": 3,\n "first_round": 1\n}}\n',
        "[" * 10_000,
        "null",
    ],
)
def test_a_head_in_any_other_spelling_is_none_for_both_verifiers(head: str, tmp_path: Path) -> None:
    folder = made(5).write(tmp_path / "log")
    assert partitions_by(folder) == (3, 3)
    for spelled in (head.encode(), head.encode("utf-16")):
        (folder / "rounds.head").write_bytes(spelled)
        assert partitions_by(folder) == (0, 0)


@pytest.mark.parametrize("origin", [ORIGIN, 'log "of" \\ signs', "catatan/\u00e9/\U0001f5c2"])
def test_the_head_that_the_sequencer_writes_is_taken_by_both_verifiers(origin: str, tmp_path: Path) -> None:
    writer = sequencer.Directory(tmp_path, "s")
    writer.take_over()
    writer.claim(sequencer.Head(origin, 4_096))
    (tmp_path / "rounds").write_bytes(bytes(40_000))
    assert Directory(tmp_path).head() == Head(origin, 4_096)
    _, cut, _ = next(verify_receipt.Export(tmp_path).rounds(origin))
    assert len(cut) == 4_096


def test_an_index_of_another_log_is_named(tmp_path: Path) -> None:
    folder = made(5).write(tmp_path / "log")
    whole = (folder / "rounds.head").read_text()
    (folder / "rounds.head").write_text(whole.replace(ORIGIN, "another.test"))
    assert broken(verify.verify(Directory(folder), TRUSTED, Wishes())).code == "OTHER_ORIGIN"
    with pytest.raises(verify_receipt.Refused):
        verify_receipt.Export(folder).check(verify_receipt.Policy(policy()))


def test_a_checkpoint_below_the_quorum_is_not_taken(tmp_path: Path) -> None:
    log = made(5)
    folder = log.write(tmp_path / "log", log.checkpoint(witnesses=WITNESSES[:1]))
    assert broken(verify.verify(Directory(folder), TRUSTED, Wishes())).code == "POLICY_UNMET"


def test_a_checkpoint_that_a_witness_kept_must_be_a_tree_of_the_log(tmp_path: Path) -> None:
    log, other = made(50, rounds=3), made(50, seed=1, rounds=3)
    inside = log.checkpoint(log.rounds[1][0]).encode()
    assert audited(log, tmp_path / "a", decode=False, kept=(inside,)).holds
    forked = other.checkpoint(other.rounds[1][0]).encode()
    assert broken(audited(log, tmp_path / "b", decode=False, kept=(forked,))).code == "KNOWN_CHECKPOINT"
    later = made(60, rounds=3).checkpoint().encode()
    assert "BEHIND" in broken(audited(log, tmp_path / "c", decode=False, kept=(later,))).text


def test_nothing_is_said_about_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        verify.verify(Directory(tmp_path / "nowhere"), TRUSTED, Wishes())


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    source = Directory(made(300).write(tmp_path / "log"))
    verify.verify(source, TRUSTED, Wishes(decode=False), lambda *at: told.append(at))
    assert told[-1] == (300, 300)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The log's directory over HTTP, on a free port of loopback."""
    app = application(LogDirectory(folder), lambda asked: None if asked.token == TOKEN else Response(status_code=401))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


def test_a_log_is_checked_over_http_as_in_its_directory(tmp_path: Path) -> None:
    log = made(600, rounds=9)
    size = log.rounds[7][0]
    folder = log.write(tmp_path / "log", log.checkpoint(size))
    with serving(folder) as url:
        found = verify.verify(Address(url, TOKEN), TRUSTED, Wishes(decode=False))
        assert (found.broken, found.figures.entries, found.size) == (None, size, size)
        with pytest.raises(Unreadable, match="401"):
            verify.verify(Address(url), TRUSTED, Wishes(decode=False))
        tile = folder / "tile" / "0" / "000"
        tile.write_bytes(tile.read_bytes()[:64] + bytes(32) + tile.read_bytes()[96:])
        worse = verify.verify(Address(url, TOKEN), TRUSTED, Wishes(decode=False))
        assert broken(worse).where.startswith("leaf 2 ")
    with pytest.raises(Unreadable):
        verify.verify(Address(url, TOKEN), TRUSTED, Wishes(decode=False))


def spoken(log: NaiveLog) -> list[Any]:
    """The checkpoints topic of a log."""
    found: list[Any] = []
    for number, (size, cut, root) in enumerate(log.rounds, 1):
        ends = tuple(records.PartitionCut(partition=at, end_offset=end) for at, end in enumerate(cut))
        found.append(records.RoundOpened(origin=ORIGIN, round=number, cut=ends, tree_size=size, root=root))
        found.append(records.CheckpointPublished(origin=ORIGIN, round=number, note=log.checkpoint(size)))
    return found


def compared(log: NaiveLog, folder: Path, topic: list[object]) -> str:
    index = Index.of(Directory(log.write(folder)))
    found = published.compare(enumerate(topic), published.Comparison(index, ORIGIN, TRUSTED))
    return found.code if found else ""


def test_the_topic_of_an_honest_log_agrees_with_its_index(tmp_path: Path) -> None:
    log = made(40, rounds=4)
    assert compared(log, tmp_path / "log", [*spoken(log)]) == ""


def test_a_round_opened_a_second_time_lost_and_is_passed_over(tmp_path: Path) -> None:
    log = made(40, rounds=4)
    topic = spoken(log)
    assert isinstance(topic[2], records.RoundOpened)
    zombie = replace(topic[2], root=bytes(32))
    assert compared(log, tmp_path / "after", [*topic[:3], zombie, *topic[3:]]) == ""
    assert compared(log, tmp_path / "before", [*topic[:2], zombie, *topic[2:]]) == "ROUND_DIFFERS"


def test_records_of_another_origin_are_passed_over(tmp_path: Path) -> None:
    log = made(40, rounds=4)
    topic = spoken(log)
    assert compared(log, tmp_path / "log", [replace(topic[0], origin="older.test"), *topic]) == ""


def test_what_the_topic_and_the_index_do_not_share_is_named(tmp_path: Path) -> None:
    log, other = made(40, rounds=4), made(40, seed=3, rounds=4)
    topic = spoken(log)
    cases: dict[str, tuple[str, list[object]]] = {
        "no-last-round": ("ROUND_DIFFERS", [*topic[:-2]]),
        "no-second-round": ("ROUND_DIFFERS", [*topic[:2], *topic[4:]]),
        "another-tree": ("ROUND_DIFFERS", [*spoken(other)]),
        "early-checkpoint": ("ROUND_DIFFERS", [topic[1], topic[0], *topic[2:]]),
        "a-fork": ("CHECKPOINT_ROOT", [*topic[:3], replace(topic[3], note=other.checkpoint(other.rounds[1][0]))]),
        "unsigned": ("CHECKPOINT_REFUSED", [topic[0], replace(topic[1], note="nonsense")]),
        "few-witnesses": (
            "POLICY_UNMET",
            [topic[0], replace(topic[1], note=log.checkpoint(log.rounds[0][0], witnesses=WITNESSES[:1]))],
        ),
        "stranger": (
            "CHECKPOINT_REFUSED",
            [topic[0], replace(topic[1], note=log.checkpoint(log.rounds[0][0], witnesses=(key("x.test"),)))],
        ),
        "another-record": ("ROUND_DIFFERS", [object(), *topic]),
    }
    for name, (code, said) in cases.items():
        assert compared(log, tmp_path / name, said) == code, name


def test_a_log_that_serves_less_than_was_published_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "SERVED_WITHIN_SECONDS", 0.0)
    log = made(10)
    served = opened(log.checkpoint(), TRUSTED)
    assert published.behind(10, lambda: served) is None
    found = published.behind(11, lambda: served)
    assert found is not None
    assert found.code == "NOT_PUBLISHED"


def test_hashes_are_those_of_the_standard() -> None:
    assert sha256().hex().startswith("e3b0c442")
    assert verify_receipt.leaf_of(b"").hex().startswith("6e340b9c")
