"""What replays write and read back: chains, attestations, leaves, snapshots; and the commands that show them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from typer.testing import CliRunner

from consumers.replay import attestation, build, compare, cut, snapshot
from consumers.replay import replay as replaying
from consumers.replay.chain import BLOCK, Chain
from consumers.replay.compare import NotComparable
from consumers.replay.cut import Cut, CutRefused
from consumers.replay.partition import ReplayRefused
from consumers.replay.snapshot import Progress, SnapshotInvalid
from consumers.replay.worker import Done, Passed
from jejak.cli.app import app
from schemas import codec, contract
from stream_processors.indicators.counts import Cell
from stream_processors.registry import digest
from tests.unit.registry_scenarios import FAMILY, claimed, given, registered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RUNNER = CliRunner()
A, B, C = (letter * 26 for letter in "abc")
STATE = given(registered(), claimed()).state


def chained(values: list[bytes], chain: Chain | None = None, first: int = 0) -> Chain:
    chain = chain or Chain()
    chain.take(range(first, first + len(values)), values)
    return chain


def progress(events: int = 2) -> Progress:
    chain = chained([b"%d" % number for number in range(events)])
    return Progress(events, chain.link, chain.digest(), events, 0, frozenset({19}))


def done(number: int = 0, families: int = 1, **others: Any) -> Done:
    usual = Done(number, progress(), families, b"d" * 32, {Cell("families_by_decile", "35.71.02", "2"): families})
    return replace(usual, **others)


def attested(folder: Path, name: str, leaves: list[tuple[int, str, str]], *parts: Done) -> Path:
    path = folder / name
    text = "".join(f"{number} {family} {leaf * 64}\n" for number, family, leaf in leaves)
    attestation.leaves_of(path).write_text(text)
    attestation.write(path, attestation.document(parts or (done(),), hashlib.sha256(text.encode()).hexdigest()))
    return path


def altered(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))
    return path


@for_all(st.lists(st.binary(max_size=4), max_size=30), st.data())
def test_a_chain_taken_up_where_it_can_be_comes_to_the_same_digest(few: list[bytes], data: st.DataObject) -> None:
    values = few * (1 + data.draw(st.sampled_from([0, BLOCK // 20, BLOCK // 3])))
    cut_at = data.draw(st.integers(0, len(values)))
    first = chained(values[:cut_at], first=0)
    again = Chain(first.link)
    chained(values[first.link.start : cut_at], again, first.link.start)
    assert again.digest() == first.digest()
    chained(values[cut_at:], again, cut_at)
    assert again.digest() == chained(values).digest()


def test_a_chain_knows_order_bounds_and_every_byte() -> None:
    told = [chained(values).digest() for values in ([b"ab", b"c"], [b"a", b"bc"], [b"c", b"ab"], [b"abc"], [b"ab"], [])]
    assert len(set(told)) == len(told)


def test_an_attestation_is_the_same_bytes_whatever_order_the_partitions_came_in(tmp_path: Path) -> None:
    parts = [done(number, number + 1) for number in range(12)]
    one = attested(tmp_path, "a", [], *parts)
    other = attested(tmp_path, "b", [], *reversed(parts))
    assert one.read_bytes() == other.read_bytes()
    found = json.loads(one.read_bytes())
    assert found["families"] == sum(range(1, 13))
    assert found["counts"]["totals"]["families_by_decile"] == sum(range(1, 13))
    assert found["schemas"]["state"]["fingerprint"] == contract.fingerprint("jejak.FamilyState")
    assert one.read_bytes() == json.dumps(found, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def test_counts_that_come_to_nothing_are_as_if_never_counted() -> None:
    cell = Cell("families_eligible", "35.71", "PKH")
    assert attestation.counts([{cell: 2}, {cell: -2}]) == attestation.counts([])


def test_another_file_of_the_fold_is_another_build(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.toml").write_bytes(b"one")
    (tmp_path / "ignored.pyc").write_bytes(b"x")
    assert list(build._files(tmp_path, "p")) == [("p/rules/a.toml", b"one")]
    names = {name for package in build._PACKAGES for name, _ in build._files(resources.files(package), package)}
    assert {
        "stream_processors.registry/family.py",
        "stream_processors.registry/rules/pkh-2025.1.toml",
        "schemas/avro/lock.json",
    } <= names


def test_equal_attestations_compare_as_the_same(tmp_path: Path) -> None:
    one, other = (attested(tmp_path, name, [(0, A, "1"), (3, B, "2")]) for name in "ab")
    assert compare.compare(one, other).same
    assert RUNNER.invoke(app, ["replay", "compare", str(one), str(other)]).exit_code == 0


@pytest.mark.parametrize(
    ("second", "named"),
    [
        ([(0, A, "1"), (1, B, "9"), (2, C, "3")], (1, B, "2" * 64, "9" * 64)),
        ([(0, A, "1"), (2, C, "3")], (1, B, "2" * 64, None)),
        ([(0, A, "1"), (0, B, "4"), (1, B, "2"), (2, C, "3")], (0, B, None, "4" * 64)),
        ([(0, A, "1"), (1, B, "2")], (2, C, "3" * 64, None)),
        ([(0, A, "1"), (1, B, "2"), (2, C, "3"), (10, A, "5")], (10, A, None, "5" * 64)),
        ([], (0, A, "1" * 64, None)),
    ],
)
def test_the_first_family_that_differs_or_lacks_is_named(
    tmp_path: Path, second: list[tuple[int, str, str]], named: tuple[Any, ...]
) -> None:
    one = attested(tmp_path, "a", [(0, A, "1"), (1, B, "2"), (2, C, "3")])
    found = compare.compare(one, attested(tmp_path, "b", second))
    assert found.family is not None
    assert (found.family.partition, found.family.family_id, found.family.first, found.family.second) == named


@pytest.mark.parametrize(
    ("other", "what", "where"),
    [
        (done(progress=progress(3)), "cut", "0"),
        (done(progress=replace(progress(), events_digest=b"e" * 32)), "events", "partition 0, events_digest"),
        (done(progress=replace(progress(), repeated=1)), "events", "partition 0, repeated"),
        (done(progress=replace(progress(), schema_ids=frozenset({19, 20}))), "schemas", "events 1"),
        (done(counts={Cell("families_by_decile", "35.71.02", "3"): 1}), "counts", "digest"),
        (done(state_digest=b"s" * 32), "state", "in total"),
    ],
)
def test_what_differs_first_is_named_first(tmp_path: Path, other: Done, what: str, where: str) -> None:
    found = compare.compare(attested(tmp_path, "a", []), attested(tmp_path, "b", [], other))
    assert (found.differences[0].what, found.differences[0].where) == (what, where)
    shown = RUNNER.invoke(app, ["replay", "compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"])
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["differences"][0]["what"] == what


def test_another_build_is_named(tmp_path: Path) -> None:
    one, other = (attested(tmp_path, name, []) for name in "ab")
    altered(other, lambda document: document.update(build="0" * 64))
    assert [difference.what for difference in compare.compare(one, other).differences] == ["build"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda document: document.update(fold_version="none"), compare.OTHER_FOLD_VERSION),
        (lambda document: document.update(format="jejak.attestation/2"), compare.OTHER_FORMAT),
        (lambda document: document.update(leaves_digest="0" * 64), compare.LEAVES_DIFFER),
        (lambda document: document["cut"].update({"12": 0}), compare.PARTITIONS_DIFFER),
        (lambda document: document.pop("counts"), compare.NOT_AN_ATTESTATION),
        (lambda document: document.pop("format"), compare.NOT_AN_ATTESTATION),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_code(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], code: str
) -> None:
    one, other = (attested(tmp_path, name, [(0, A, "1")]) for name in "ab")
    altered(other, change)
    for pair in ((one, other), (other, one)):
        with pytest.raises(NotComparable) as caught:
            compare.compare(*pair)
        assert caught.value.code == code
    shown = RUNNER.invoke(app, ["replay", "compare", str(one), str(other), "--json"])
    assert (shown.exit_code, json.loads(shown.stdout)["refused"]) == (3, code)


def test_two_attestations_of_one_older_fold_are_refused_too(tmp_path: Path) -> None:
    pair = [altered(attested(tmp_path, name, []), lambda found: found.update(fold_version="0")) for name in "ab"]
    with pytest.raises(NotComparable) as caught:
        compare.compare(*pair)
    assert caught.value.code == compare.OTHER_FOLD_VERSION


def test_leaves_that_are_missing_or_altered_are_refused(tmp_path: Path) -> None:
    one, other = (attested(tmp_path, name, [(0, A, "1")]) for name in "ab")
    attestation.leaves_of(other).write_text(f"0 {A} {'2' * 64}\n")
    with pytest.raises(NotComparable, match=compare.LEAVES_DIFFER):
        compare.compare(one, other)
    attestation.leaves_of(other).unlink()
    with pytest.raises(NotComparable, match=compare.LEAVES_MISSING):
        compare.compare(one, other)
    other.write_text("no document")
    with pytest.raises(NotComparable, match=compare.NOT_AN_ATTESTATION):
        compare.compare(one, other)


def kept(folder: Path, number: int = 0) -> Path:
    framed = codec.encode(STATE)
    state_digest = digest.partition_digest({FAMILY: digest.leaf(framed)})
    return snapshot.write(folder, number, progress(), iter([(FAMILY, framed)]), lambda: state_digest)


def invalid(path: Path, number: int = 0, cut_end: int = 2) -> str:
    with pytest.raises(SnapshotInvalid) as caught:
        snapshot.read(path, number, cut_end)
    return caught.value.code


def resealed(path: Path, old: bytes, new: bytes) -> Path:
    """Change a snapshot and give it a fitting checksum, as another program might."""
    content = path.read_bytes()[:-32].replace(old, new, 1)
    path.write_bytes(content + hashlib.sha256(content).digest())
    return path


def test_a_snapshot_is_read_as_it_was_written_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = kept(tmp_path)
    found = snapshot.read(path, 0, 2)
    assert (found.progress, found.states) == (progress(), {FAMILY: codec.encode(STATE)})
    assert path.stat().st_mode & 0o077 == 0


def test_a_snapshot_that_could_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    def states() -> Iterator[tuple[str, bytes]]:
        yield FAMILY, codec.encode(STATE)
        raise ReplayRefused("MALFORMED", "an event in force")

    with pytest.raises(ReplayRefused):
        snapshot.write(tmp_path, 3, progress(), states(), lambda: b"")
    assert not [*tmp_path.iterdir()]


def test_every_single_bit_of_a_snapshot_counts(tmp_path: Path) -> None:
    path = kept(tmp_path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        assert invalid(path) == snapshot.DAMAGED
    for size in (0, 10, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert invalid(path) == snapshot.DAMAGED


def test_a_snapshot_that_does_not_fit_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invalid(kept(tmp_path), number=1) == snapshot.OTHER_PARTITION
    assert invalid(kept(tmp_path), cut_end=1) == snapshot.BEYOND_CUT
    assert invalid(resealed(kept(tmp_path), b'"fold_version":"', b'"fold_version":"0.')) == (
        snapshot.OTHER_FOLD_VERSION
    )
    assert invalid(resealed(kept(tmp_path), b"snapshot/1", b"snapshot/9")) == snapshot.OTHER_FORMAT
    assert invalid(resealed(kept(tmp_path), b"{", b"[")) == snapshot.OTHER_FORMAT
    assert invalid(resealed(kept(tmp_path), FAMILY.encode(), b"g" * 26)) == snapshot.DAMAGED
    monkeypatch.setattr(snapshot, "build", lambda: "another")
    path = kept(tmp_path)
    monkeypatch.undo()
    assert invalid(path) == snapshot.OTHER_BUILD


def test_the_newest_snapshot_of_a_partition_comes_first(tmp_path: Path) -> None:
    for name in ("events-1-9", "events-1-10", "events-11-99", "events-1-x", ".events-1-11"):
        (tmp_path / f"{name}.snapshot").touch()
    assert [path.name for path in snapshot.candidates(tmp_path, 1)] == ["events-1-10.snapshot", "events-1-9.snapshot"]
    assert snapshot.candidates(tmp_path / "none", 1) == []


@pytest.mark.parametrize("text", ["", "0", "0:", "0:1,0:2", "a:1", "0:-1", "0:1;1:2", "0:1,", "\u0660:\u0661"])
def test_a_malformed_cut_is_refused(text: str) -> None:
    with pytest.raises(CutRefused) as caught:
        cut.parse(text, "127.0.0.1:1")
    assert caught.value.code == cut.MALFORMED


@pytest.mark.parametrize("until", ["yesterday", "2025-02-30", "2025-01-01T10:00", "1,2", "0:x"])
def test_the_command_refuses_what_is_neither_time_nor_offsets(
    until: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JEJAK_KAFKA", "127.0.0.1:1")
    shown = RUNNER.invoke(app, ["replay", "--until", until, "--attest", str(tmp_path / "a"), "--json"])
    assert (shown.exit_code, json.loads(shown.stdout)["refused"]) == (3, cut.MALFORMED)


def test_the_command_refuses_a_time_that_has_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JEJAK_KAFKA", "127.0.0.1:1")
    shown = RUNNER.invoke(app, ["replay", "--until", "2999-01-01", "--attest", str(tmp_path / "a"), "--json"])
    assert (shown.exit_code, json.loads(shown.stdout)["refused"]) == (3, "AHEAD_OF_NOW")


def test_the_command_shows_what_it_attested_and_which_snapshots_it_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JEJAK_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr(cut, "at_end", lambda _: Cut({0: 2}))
    part = done(began=1, passed=(Passed("kept/events-0-2.snapshot", "DAMAGED", "bits"),))
    whole = replaying.Replayed(attestation.document([part], "0" * 64), b"", (part,))
    monkeypatch.setattr(replaying, "replay", lambda *_, **__: whole)
    shown = RUNNER.invoke(app, ["replay", "--attest", str(tmp_path / "a"), "--json"])
    told = json.loads(shown.stdout)
    assert shown.exit_code == 0
    assert told["state_digest"] == whole.document["state_digest"]
    assert told["snapshots"]["begun_at"] == {"0": 1}
    assert told["snapshots"]["passed_over"][0]["code"] == "DAMAGED"
    assert "DAMAGED: events-0-2.snapshot" in shown.stderr
    assert whole.document["state_digest"] in RUNNER.invoke(app, ["replay", "--attest", str(tmp_path / "a")]).stdout


def test_the_command_tells_where_a_log_cannot_be_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ReplayRefused("SEQUENCE_HOLE", "partition 4, offset 7: family f, sequence 3")

    monkeypatch.setenv("JEJAK_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr(cut, "at_end", lambda _: Cut({0: 2}))
    monkeypatch.setattr(replaying, "replay", refuse)
    shown = RUNNER.invoke(app, ["replay", "--attest", str(tmp_path / "a")])
    assert shown.exit_code == 3
    assert "SEQUENCE_HOLE: partition 4, offset 7" in shown.stderr
    assert RUNNER.invoke(app, ["replay"]).exit_code == 2
