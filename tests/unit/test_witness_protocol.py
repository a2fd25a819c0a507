"""A witness answers as C2SP tlog-witness v1.0.0 says, whatever it is sent; requests here are written by hand."""

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.witness.app import LARGEST_BODY, application
from consumers.witness.limits import Limits
from consumers.witness.store import Store, StoreInUse
from consumers.witness.witness import StateDamaged, Witness
from schemas.note import Cosigner, VerifierKey
from tests.unit.witness_by_hand import (
    LOG,
    ORIGIN,
    STRANGER,
    WITNESS,
    Key,
    b64,
    cosigned_seconds,
    grown,
    leaves,
    proof,
    request,
    root,
    signed,
    text_of,
)

NAME = hashlib.sha256(ORIGIN.encode()).hexdigest()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as held:
        yield held


def witness_of(store: Store, clock: Clock) -> Witness:
    return Witness(Cosigner(WITNESS.seed, WITNESS.name), [VerifierKey.parse(LOG.vkey)], store, clock)


@pytest.fixture
def client(store: Store, clock: Clock) -> TestClient:
    return TestClient(
        application(witness_of(store, clock), Limits(lambda: 0.0, burst=1e9)), raise_server_exceptions=False
    )


def ask(client: TestClient, body: bytes) -> Response:
    answer: Response = client.post("/add-checkpoint", content=body)
    return answer


def test_a_first_checkpoint_is_cosigned_with_the_time_of_the_clock(client: TestClient, clock: Clock) -> None:
    answer = ask(client, grown(0, leaves(5), LOG))
    assert answer.status_code == 200
    assert cosigned_seconds(answer.text, WITNESS, text_of(leaves(5))) == int(clock.now)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (4, 7), (7, 8), (8, 300), (255, 256), (256, 257), (0, 1), (9, 9)])
def test_a_larger_tree_that_contains_the_last_is_cosigned(client: TestClient, old: int, new: int) -> None:
    if old:
        assert ask(client, grown(0, leaves(old), LOG)).status_code == 200
    answer = ask(client, grown(old, leaves(new), LOG))
    assert answer.status_code == 200
    cosigned_seconds(answer.text, WITNESS, text_of(leaves(new)))


def test_the_empty_tree_is_cosigned_and_grown_from(client: TestClient) -> None:
    assert ask(client, grown(0, [], LOG)).status_code == 200
    assert ask(client, grown(0, leaves(3), LOG)).status_code == 200


def test_an_unknown_origin_is_not_found(client: TestClient) -> None:
    other = Key("other.example/log", 1, LOG.seed)
    assert ask(client, request(0, [], signed(leaves(2), other, other.name))).status_code == 404


def test_a_checkpoint_that_only_strangers_signed_is_forbidden(client: TestClient) -> None:
    assert ask(client, grown(0, leaves(2), STRANGER)).status_code == 403


def test_a_signature_over_another_text_is_forbidden(client: TestClient) -> None:
    text = text_of(leaves(2))
    assert ask(client, request(0, [], f"{text}\n{LOG.line(text_of(leaves(3)))}")).status_code == 403


def test_a_doubled_signature_line_is_forbidden(client: TestClient) -> None:
    text = text_of(leaves(2))
    assert ask(client, request(0, [], f"{text}\n{LOG.line(text) * 2}")).status_code == 403


def test_signatures_of_unknown_keys_beside_the_logs_own_are_ignored(client: TestClient) -> None:
    text = text_of(leaves(2))
    others = "".join(Key(f"other.example/{n}", 1, bytes([n]) * 32).line(text) for n in range(15))
    answer = ask(client, request(0, [], f"{text}\n{others}{STRANGER.line(text)}{LOG.line(text)}"))
    assert answer.status_code == 200
    assert answer.text.count("\n") == 1


def test_an_old_size_above_the_checkpoints_is_a_bad_request(client: TestClient) -> None:
    assert ask(client, request(3, [], signed(leaves(2), LOG))).status_code == 400


@pytest.mark.parametrize("old", [0, 4, 6, 7])
def test_an_old_size_that_is_not_the_last_is_a_conflict_telling_the_last(client: TestClient, old: int) -> None:
    ask(client, grown(0, leaves(5), LOG))
    answer = ask(client, grown(old, leaves(7), LOG))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "text/x.tlog.size"
    assert answer.content == b"5\n"


def test_another_root_of_the_same_size_is_a_conflict_that_tells_no_size(client: TestClient) -> None:
    ask(client, grown(0, leaves(5), LOG))
    answer = ask(client, request(5, [], signed(leaves(5, "forked"), LOG)))
    assert answer.status_code == 409
    assert answer.headers["content-type"] != "text/x.tlog.size"


def test_a_proof_of_another_tree_is_unprocessable(client: TestClient) -> None:
    ask(client, grown(0, leaves(5), LOG))
    assert ask(client, grown(5, leaves(8, "forked"), LOG)).status_code == 422


@pytest.mark.parametrize("change", ["missing", "longer", "shorter", "reversed", "one bit"])
def test_a_changed_proof_is_unprocessable(client: TestClient, change: str) -> None:
    ask(client, grown(0, leaves(5), LOG))
    hashes = proof(5, leaves(11))
    changed = {
        "missing": [],
        "longer": [*hashes, hashes[0]],
        "shorter": hashes[:-1],
        "reversed": hashes[::-1],
        "one bit": [bytes([hashes[0][0] ^ 1]) + hashes[0][1:], *hashes[1:]],
    }[change]
    assert ask(client, request(5, changed, signed(leaves(11), LOG))).status_code == 422
    assert ask(client, request(5, hashes, signed(leaves(11), LOG))).status_code == 200


def test_a_proof_from_nothing_must_be_empty(client: TestClient) -> None:
    assert ask(client, request(0, [root(leaves(1))], signed(leaves(2), LOG))).status_code == 422


def test_a_proof_beside_an_equal_size_must_be_empty(client: TestClient) -> None:
    ask(client, grown(0, leaves(5), LOG))
    assert ask(client, request(5, [root(leaves(1))], signed(leaves(5), LOG))).status_code == 422


NOTE = signed(leaves(2), LOG)
HASH = b64(b"h" * 32)
MALFORMED = {
    "empty": b"",
    "one newline": b"\n",
    "no empty line": b"old 0\n" + NOTE.split("\n\n")[0].encode(),
    "no old line": NOTE.encode(),
    "negative": f"old -1\n\n{NOTE}".encode(),
    "leading zero": f"old 00\n\n{NOTE}".encode(),
    "two spaces": f"old  0\n\n{NOTE}".encode(),
    "trailing space": f"old 0 \n\n{NOTE}".encode(),
    "other digits": f"old \u0661\n\n{NOTE}".encode(),
    "beyond 64 bits": f"old {2**64}\n\n{NOTE}".encode(),
    "carriage returns": f"old 0\r\n\r\n{NOTE}".encode(),
    "upper case": f"OLD 0\n\n{NOTE}".encode(),
    "nul": f"old 0\x00\n\n{NOTE}".encode(),
    "short hash": f"old 0\n{b64(b'h' * 31)}\n\n{NOTE}".encode(),
    "long hash": f"old 0\n{b64(b'h' * 33)}\n\n{NOTE}".encode(),
    "no base64": f"old 0\n!{HASH[1:]}\n\n{NOTE}".encode(),
    "unpadded": f"old 0\n{HASH[:-1]}\n\n{NOTE}".encode(),
    "space in a hash": f"old 0\n{HASH} \n\n{NOTE}".encode(),
    "another spelling of a hash": f"old 0\n{HASH[:-2]}{chr(ord(HASH[-2]) + 1)}=\n\n{NOTE}".encode(),
    "64 hashes": f"old 0\n{(HASH + chr(10)) * 64}\n{NOTE}".encode(),
    "no signature": f"old 0\n\n{text_of(leaves(2))}".encode(),
    "no note": b"old 0\n\n",
    "no last newline": f"old 0\n\n{NOTE}".encode()[:-1],
    "something after": f"old 0\n\n{NOTE}x\n".encode(),
    "not utf-8": f"old 0\n\n{NOTE}".encode().replace(b"log", b"\xff\xfe\xff"),
    "size with a leading zero": f"old 0\n\n{NOTE}".replace("\n2\n", "\n02\n").encode(),
    "root of 31 bytes": f"old 0\n\n{NOTE}".replace(b64(root(leaves(2))), b64(b"r" * 31)).encode(),
    "trailing space in the origin": f"old 0\n\n{NOTE}".replace(f"{ORIGIN}\n", f"{ORIGIN} \n", 1).encode(),
    "hyphen for a dash": f"old 0\n\n{NOTE}".replace("—", "-").encode(),
    "signature without a key id": f"old 0\n\n{text_of(leaves(2))}\n— {ORIGIN} AAAA\n".encode(),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_is_a_bad_request_and_changes_nothing(client: TestClient, body: bytes) -> None:
    assert ask(client, body).status_code == 400
    assert client.get(f"/{NAME}/checkpoint").status_code == 404


def test_63_proof_lines_are_read(client: TestClient) -> None:
    assert ask(client, request(0, [b"h" * 32] * 63, NOTE)).status_code == 422


def test_a_body_beyond_the_limit_is_refused_before_it_is_read_whole(client: TestClient) -> None:
    assert ask(client, b"x" * (LARGEST_BODY + 1)).status_code == 413


def test_an_address_that_asks_too_often_is_told_so_and_may_ask_again_later(store: Store, clock: Clock) -> None:
    seconds = [0.0]
    limits = Limits(lambda: seconds[0], per_second=1, burst=2)
    client = TestClient(application(witness_of(store, clock), limits))
    assert [ask(client, b"").status_code for _ in range(3)] == [400, 400, 429]
    seconds[0] = 1.0
    assert [ask(client, b"").status_code for _ in range(2)] == [400, 429]


def test_limits_forget_the_addresses_that_asked_longest_ago() -> None:
    limits = Limits(lambda: 0.0, burst=1, most=2)
    assert [limits.take(address) for address in ("a", "b", "c", "a", "c")] == [True, True, True, True, False]


def test_only_posts_are_taken(client: TestClient) -> None:
    assert client.get("/add-checkpoint").status_code == 405
    assert client.post(f"/{NAME}/checkpoint").status_code == 405


def test_monitors_read_the_last_checkpoint_with_the_logs_signature_and_the_cosignature(client: TestClient) -> None:
    cosignature = ask(client, grown(0, leaves(5), LOG)).text
    answer = client.get(f"/{NAME}/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == signed(leaves(5), LOG) + cosignature


@pytest.mark.parametrize(
    "path", [NAME.upper(), "0" * 64, "..", "%2e%2e", "lock", "../state/lock", "..%2f..%2fetc", "%00"]
)
def test_a_monitor_reads_nothing_but_logs_that_are_known(client: TestClient, path: str) -> None:
    ask(client, grown(0, leaves(5), LOG))
    assert client.get(f"/{path}/checkpoint").status_code == 404


def test_the_time_of_a_cosignature_never_falls(client: TestClient, clock: Clock) -> None:
    first = cosigned_seconds(ask(client, grown(0, leaves(5), LOG)).text, WITNESS, text_of(leaves(5)))
    clock.now -= 86_400
    again = cosigned_seconds(ask(client, grown(5, leaves(6), LOG)).text, WITNESS, text_of(leaves(6)))
    assert again == first


def test_a_restart_goes_on_from_what_was_cosigned(store: Store, clock: Clock) -> None:
    witness_of(store, clock).add_checkpoint(grown(0, leaves(5), LOG))
    again = witness_of(store, clock)
    assert again.add_checkpoint(grown(0, leaves(5, "forked"), LOG)).status == 409
    assert again.add_checkpoint(grown(5, leaves(9), LOG)).status == 200


def test_two_witnesses_never_share_a_folder_at_once(tmp_path: Path) -> None:
    with Store(tmp_path), pytest.raises(StoreInUse):
        Store(tmp_path)
    Store(tmp_path).close()


@pytest.mark.parametrize("place", [0, 30, 60, -90, -2])
def test_a_witness_does_not_start_from_a_damaged_checkpoint(
    store: Store, tmp_path: Path, clock: Clock, place: int
) -> None:
    witness_of(store, clock).add_checkpoint(grown(0, leaves(5), LOG))
    held = tmp_path / "state" / f"{NAME}.checkpoint"
    content = bytearray(held.read_bytes())
    content[place] ^= 1
    held.write_bytes(content)
    with pytest.raises(StateDamaged):
        witness_of(store, clock)


def test_a_checkpoint_damaged_while_it_runs_is_not_gone_on_from(client: TestClient, tmp_path: Path) -> None:
    ask(client, grown(0, leaves(5), LOG))
    (tmp_path / "state" / f"{NAME}.checkpoint").write_bytes(b"")
    assert ask(client, grown(5, leaves(6), LOG)).status_code == 503


def test_a_checkpoint_that_cannot_be_stored_is_not_cosigned(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("consumers.witness.store.os.fsync", full)
    answer = ask(client, grown(0, leaves(5), LOG))
    assert answer.status_code == 503
    assert WITNESS.name not in answer.text


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.tuples(st.binary(max_size=20), st.integers(0, 300), st.integers(0, 20)).map(
            lambda cut: (body := grown(1, leaves(9), LOG))[: cut[1]] + cut[0] + body[cut[1] + cut[2] :]
        ),
    )
)
def test_no_bytes_are_answered_with_a_fault_or_an_undeserved_cosignature(body: bytes) -> None:
    answer = _MEMORY.add_checkpoint(body)
    assert answer.status in {400, 403, 404, 409, 422}


class _InMemory(Store):
    """Holds nothing on disk."""

    def __init__(self) -> None:
        self._notes: dict[str, bytes] = {}

    def names(self) -> list[str]:
        return []

    def read(self, name: str) -> bytes | None:
        return self._notes.get(name)

    def write(self, name: str, note: bytes) -> None:
        self._notes[name] = note


_MEMORY = witness_of(_InMemory(), Clock())
_MEMORY.add_checkpoint(grown(0, leaves(3), LOG))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["honest", "forked"]),
        st.integers(0, 24),  # the new size
        st.one_of(st.none(), st.integers(0, 24)),  # the old size told; none: the right one
        st.sampled_from(["its own", "of the other", "none"]),  # whose proof
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(STEPS, st.integers(0, 12))
def test_no_two_roots_that_contradict_each_other_are_ever_cosigned(
    steps: list[tuple[str, int, int | None, str]], fork_at: int
) -> None:
    witness, cosigned, last = witness_of(_InMemory(), Clock()), [], 0
    for branch, size, told, whose in steps:
        data = leaves(size, branch, fork_at)
        other = leaves(size, "forked" if branch == "honest" else "honest", fork_at)
        old = last if told is None else told
        hashes = {"its own": proof(old, data), "of the other": proof(old, other), "none": []}[whose]
        answer = witness.add_checkpoint(request(old, hashes, signed(data, LOG)))
        if answer.status == 200:
            cosigned.append(data)
            last = size
        elif told is None and whose == "its own" and cosigned and size >= last and data[:last] == cosigned[-1]:
            raise AssertionError("a larger consistent tree was not cosigned")
    for earlier, later in pairwise(cosigned):
        assert later[: len(earlier)] == earlier
