"""The log over HTTP: what is published is served in any width, what is not is not found, entries are asked for."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import Response as Answer
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.log.app import EntriesAsked, application
from consumers.log.directory import LogDirectory
from consumers.log.paths import EntryBundle, asked, index_path
from tests.unit.witness_by_hand import LOG, ORIGIN, b64

SIZE = 600  # published: level 0 has two full tiles and one of 88 hashes, level 1 has one of 2
WRITTEN = 700
PARTITIONS = 3
SECRET = b"t" * 32
TOKEN = {"Authorization": f"Bearer {b64(SECRET)}"}


def leaf(index: int) -> bytes:
    return index.to_bytes(32, "big")


def entry(index: int) -> bytes:
    return b"entry %d " % index * (index % 5)


def framed(first: int, count: int) -> bytes:
    return b"".join(len(entry(n)).to_bytes(2, "big") + entry(n) for n in range(first, first + count))


def round_record(number: int) -> bytes:
    size = min(100 * (number // 2), WRITTEN)
    return b"".join(value.to_bytes(8, "big") for value in (size, size, 0, 0)) + bytes([number]) * 32


ROUNDS = [round_record(number) for number in range(15)]  # sizes 0 0 100 100 .. 600 600 700


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = tmp_path / "audit-log"
    kinds: dict[str, Callable[[int], bytes]] = {"0": leaf, "entries": lambda n: framed(n, 1)}
    for kind, made in kinds.items():
        (log / "tile" / kind).mkdir(parents=True)
        for tile in range(3):
            content = b"".join(made(n) for n in range(256 * tile, min(WRITTEN, 256 * (tile + 1))))
            (log / "tile" / kind / f"{tile:03d}").write_bytes(content)
    (log / "tile" / "1").mkdir()
    (log / "tile" / "1" / "000").write_bytes(b"a" * 32 + b"b" * 32)
    (log / "rounds").write_bytes(b"".join(ROUNDS) + b"half a record")
    (log / "rounds.head").write_text(json.dumps({"origin": ORIGIN, "partitions": PARTITIONS, "first_round": 1}))
    publish(log, SIZE)
    (tmp_path / "secret").write_text("outside of the log")
    (log / "position").write_text("{}")
    return log


def publish(log: Path, size: int) -> None:
    root = b64(b"\x01" * 32) if size else "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    text = f"{ORIGIN}\n{size}\n{root}\n"
    (log / "checkpoint").write_text(f"{text}\n{LOG.line(text)}")


Get = Callable[..., Response]


def opened(asked_for: EntriesAsked) -> Answer | None:
    """Open entries to one token; the door's own judgement is tested with the door."""
    if asked_for.token == b64(SECRET):
        return None
    return Answer(status_code=401, headers={"WWW-Authenticate": "Bearer"})


@pytest.fixture
def get(folder: Path) -> Get:
    client = TestClient(application(LogDirectory(folder), opened), raise_server_exceptions=False)
    return lambda path, **headers: client.request(headers.pop("method", "GET"), f"/{path}", headers=headers)


def test_the_checkpoint_is_served_as_it_stands_and_kept_for_a_moment_only(get: Get, folder: Path) -> None:
    answer = get("checkpoint")
    assert answer.content == (folder / "checkpoint").read_bytes()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=1"


def test_a_full_tile_is_8192_bytes_kept_for_ever(get: Get) -> None:
    answer = get("tile/0/001")
    assert answer.content == b"".join(leaf(n) for n in range(256, 512))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("width", [1, 2, 87, 88])
def test_a_partial_tile_is_the_front_of_what_is_there(get: Get, width: int) -> None:
    assert get(f"tile/0/002.p/{width}").content == b"".join(leaf(512 + n) for n in range(width))


def test_narrower_widths_of_a_full_tile_stay_there(get: Get) -> None:
    assert get("tile/0/000.p/255").content == b"".join(leaf(n) for n in range(255))


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/002",
        "tile/0/002.p/89",
        "tile/0/002.p/188",
        "tile/0/003.p/1",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/0/x999/999",
    ],
)
def test_what_is_written_and_not_published_yet_is_not_found_and_not_kept(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


def test_hashes_of_a_higher_level_are_published_once_their_subtrees_are_full(get: Get, folder: Path) -> None:
    assert get("tile/1/000.p/2").content == b"a" * 32 + b"b" * 32
    publish(folder, 511)
    assert get("tile/1/000.p/1").content == b"a" * 32
    assert get("tile/1/000.p/2").status_code == 404


def test_nothing_is_published_before_the_first_checkpoint(get: Get, folder: Path) -> None:
    (folder / "checkpoint").unlink()
    assert [get(path).status_code for path in ("checkpoint", "tile/0/000.p/1", "rounds")] == [404, 404, 404]


def test_of_an_empty_log_only_the_checkpoint_and_an_empty_index_are_served(get: Get, folder: Path) -> None:
    publish(folder, 0)
    assert get("checkpoint").status_code == 200
    assert get("tile/0/000.p/1").status_code == 404
    assert get("rounds").content == b"".join(ROUNDS[:2])


@pytest.mark.parametrize("path", [
    "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/64/000",
    "tile/-1/000",
    "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p/1/", "tile/0/x000/000",
    "tile/0/x000", "tile/0/001/000", "tile/0/000/", "tile//0/000", "tile/0/\u0660\u0660\u0660",
    "tile/0/000%00", "tile/0/000%0a",
    "position", "secret", "staging/a", "../secret", "%2e%2e/secret",
    "tile/0/..%2f..%2f..%2fsecret",
    "tile/0/%2e%2e/%2e%2e/checkpoint", "/etc/passwd", "//etc/passwd", "checkpoint/", "checkpoint%00", "rounds.head/x",
    "tile\\0\\000", "tile/entries", "CHECKPOINT", "tile/0/" + "x001/" * 7 + "001", "tile/0/000?width=1#x",
])  # fmt: skip
def test_any_other_path_reaches_nothing(get: Get, path: str) -> None:
    answer = get(path, **TOKEN)
    if path == "tile/0/000?width=1#x":  # a query is no part of the path
        assert answer.status_code == 200
    else:
        assert answer.status_code == 404
        assert b"outside" not in answer.content


@pytest.mark.parametrize(
    ("index", "path"), [(0, "000"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")]
)
def test_a_tiles_number_is_written_in_groups_of_three_digits(index: int, path: str) -> None:
    assert index_path(index) == path


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**20), st.integers(0, 63), st.integers(1, 256))
def test_each_tile_has_one_path_and_each_path_one_tile(index: int, level: int, width: int) -> None:
    found = asked(f"tile/{level}/{index_path(index)}" + (f".p/{width}" if width < 256 else ""))
    assert found is not None
    assert found.name() == f"tile/{level}/{index_path(index)}"  # type: ignore[union-attr]
    assert (found.level, found.index, found.width) == (level, index, width)  # type: ignore[union-attr]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text("tile/0123x.pentrs", max_size=40)))
def test_no_path_names_a_file_outside_of_the_tiles(path: str) -> None:
    found = asked(path)
    name = getattr(found, "name", lambda: "tile/x")()
    assert name.startswith("tile/")
    assert ".." not in name


@pytest.mark.parametrize("header", [
    {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
    {"Authorization": f"Basic {b64(SECRET)}"}, {"Authorization": b64(SECRET)},
    {"Authorization": f"Bearer {b64(b'u' * 32)}"}, {"Authorization": f"Bearer {b64(SECRET)} {b64(SECRET)}"},
    {"Authorization": f"Bearer {b64(SECRET)[:-1]}"}])  # fmt: skip
@pytest.mark.parametrize("path", ["tile/entries/000", "tile/entries/999", "tile/entries/002.p/188"])
def test_entries_are_closed_to_whoever_has_no_valid_token_whether_they_exist_or_not(
    get: Get, header: dict[str, str], path: str
) -> None:
    answer = get(path, **header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert b"entry" not in answer.content.replace(b"entries", b"")


@pytest.mark.parametrize(("path", "first", "count"), [("000", 0, 256), ("001.p/7", 256, 7), ("002.p/88", 512, 88)])
def test_an_auditor_reads_published_entries_in_any_width(get: Get, path: str, first: int, count: int) -> None:
    answer = get(f"tile/entries/{path}", **TOKEN)
    assert answer.content == framed(first, count)
    assert "private" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["002", "002.p/89", "003.p/1"])
def test_an_auditor_reads_no_entry_that_is_not_published(get: Get, path: str) -> None:
    assert get(f"tile/entries/{path}", **TOKEN).status_code == 404


def test_whoever_opens_entries_is_asked_for_each_bundle_and_told_who_asks(folder: Path) -> None:
    told: list[EntriesAsked] = []

    def opens(asked_for: EntriesAsked) -> None:
        told.append(asked_for)

    client = TestClient(application(LogDirectory(folder), opens), client=("192.0.2.9", 1))
    headers = {"Authorization": "bearer abc", "Jejak-Purpose": "PENGAWASAN_EKSTERNAL"}
    assert client.get("/tile/entries/000", headers=headers).status_code == 200
    assert client.head("/tile/entries/002.p/3").status_code == 200
    assert client.get("/tile/0/000").status_code == 200
    assert told == [
        EntriesAsked("abc", "PENGAWASAN_EKSTERNAL", "192.0.2.9", EntryBundle(0, 256)),
        EntriesAsked("", "", "192.0.2.9", EntryBundle(2, 3)),
    ]


def test_a_fault_of_whoever_opens_entries_lets_none_out(folder: Path) -> None:
    def fails(asked_for: EntriesAsked) -> None:
        raise RuntimeError

    client = TestClient(application(LogDirectory(folder), fails), raise_server_exceptions=False)
    answer = client.get("/tile/entries/000", headers=TOKEN)
    assert (answer.status_code, b"entry" in answer.content) == (500, False)


def test_rounds_are_served_as_far_as_the_checkpoint_covers_them(get: Get) -> None:
    answer = get("rounds")
    assert answer.content == b"".join(ROUNDS[:14])
    assert answer.headers["content-length"] == str(14 * 64)


@pytest.mark.parametrize(("asked_for", "start", "end"), [
    ("0-63", 0, 64), ("64-", 64, 896), ("-64", 832, 896), ("832-5000", 832, 896), ("-5000", 0, 896),
    ("895-895", 895, 896),
])  # fmt: skip
def test_a_range_of_rounds_is_served(get: Get, asked_for: str, start: int, end: int) -> None:
    answer = get("rounds", Range=f"bytes={asked_for}")
    assert answer.status_code == 206
    assert answer.content == b"".join(ROUNDS)[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/896"


@pytest.mark.parametrize("asked_for", ["896-", "900-960", "-0"])
def test_a_range_beyond_the_published_rounds_is_refused(get: Get, asked_for: str) -> None:
    answer = get("rounds", Range=f"bytes={asked_for}")
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */896"


@pytest.mark.parametrize(
    "asked_for", ["bytes=-", "bytes=a-b", "bytes=0-1,3-4", "rounds=0-1", "bytes=" + "9" * 40 + "-"]
)
def test_any_other_range_is_ignored(get: Get, asked_for: str) -> None:
    assert get("rounds", Range=asked_for).status_code == 200


def test_the_index_of_rounds_is_told_how_to_be_read(get: Get, folder: Path) -> None:
    assert get("rounds.head").json() == {"origin": ORIGIN, "partitions": PARTITIONS, "first_round": 1}


def test_a_head_has_the_length_and_nothing_is_written(get: Get) -> None:
    assert get("tile/0/000", method="HEAD").headers["content-length"] == "8192"
    assert [get("checkpoint", method=method).status_code for method in ("POST", "PUT", "DELETE", "PATCH")] == [405] * 4


@pytest.mark.parametrize("path", ["tile/0/001", "tile/0/002.p/88", "tile/entries/001", "tile/entries/002.p/88"])
@pytest.mark.parametrize("harm", ["missing", "short"])
def test_what_is_published_and_damaged_is_a_fault_of_the_log_not_a_page_that_is_not_there(
    get: Get, folder: Path, path: str, harm: str
) -> None:
    held = folder / path.partition(".p")[0]
    held.unlink() if harm == "missing" else held.write_bytes(held.read_bytes()[:70])
    answer = get(path, **TOKEN)
    assert answer.status_code == 503
    assert answer.headers["cache-control"] == "no-store"


def test_a_damaged_checkpoint_publishes_nothing(get: Get, folder: Path) -> None:
    (folder / "checkpoint").write_bytes(b"\xff\n")
    assert get("tile/0/000").status_code == 503


ENDING = """
import socket, sys
from fastapi import FastAPI
from jejak.audit.web_server import run
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
app = FastAPI(on_startup=[lambda: print("up", flush=True)])
run(app, port)
print("closed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_lets_its_caller_close_what_it_lent(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", ENDING], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        server.send_signal(number)
        assert (server.communicate(timeout=30)[0], server.returncode) == ("closed\n", 0)
