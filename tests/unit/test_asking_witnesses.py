"""What a witness answers counts only when it is its own valid cosignature, in time, and harms nobody else."""

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

import pytest

from schemas.note import SignedNote
from schemas.quorum import parse_policy
from stream_processors.sequencer.witnesses import Asked, HttpWitnesses, Outcome, Patience
from tests.unit.witness_by_hand import LOG, ORIGIN, WITNESS, Key, leaves, proof, signed, text_of

NOW = 1_800_000_000
TREE = leaves(9)
NOTE = SignedNote.parse(signed(TREE, LOG))
TEXT = text_of(TREE)
DEADLINE = 1.0  # where lateness is what is tested
PLENTY = 60.0
Script = Callable[[bytes], Iterable[bytes]]  # the body that came; what is sent back, piece by piece


class Fake:
    """A server on loopback that answers each request by a script, whatever HTTP would want."""

    def __init__(self, script: Script) -> None:
        self.bodies: list[bytes] = []
        self._script = script
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):  # the socket is closed: the test is over
            while True:
                connection, _ = self._socket.accept()
                with connection, suppress(OSError):  # who asked has gone
                    body = _read(connection)
                    self.bodies.append(body)
                    for piece in self._script(body):
                        connection.sendall(piece)


def _read(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while len(body) < length:
        body += connection.recv(65_536)
    assert head.startswith(b"POST /add-checkpoint HTTP/1.1\r\n")
    return body


def http(status: int, body: bytes | str, kind: str = "text/plain") -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    return head.encode() + content


def text_in(body: bytes) -> str:
    return body.decode().split("\n\n", 1)[1].rpartition("\n\n")[0] + "\n"


def honest(key: Key = WITNESS, seconds: int = NOW) -> Script:
    return lambda body: [http(200, key.cosignature_line(text_in(body), seconds))]


def sized(size: int, key: Key = WITNESS) -> Script:
    """A witness whose last checkpoint has this size."""

    def answer(body: bytes) -> list[bytes]:
        told = body.startswith(f"old {size}\n".encode())
        return [*honest(key)(body)] if told else [http(409, f"{size}\n", "text/x.tlog.size")]

    return answer


def witnesses(policy: str, patience: Patience | None = None) -> HttpWitnesses:
    return HttpWitnesses(parse_policy(policy.encode()), patience or Patience(PLENTY), now=lambda: NOW)


def proof_from(old: int) -> list[bytes]:
    return proof(old, TREE)


def ask(script: Script, patience: Patience | None = None) -> tuple[Asked, bool]:
    """Return what one witness with this script counts for, and whether a quorum of it alone is met."""
    with Fake(script) as fake:
        asking = witnesses(f"witness W {WITNESS.vkey} {fake.url}\nquorum W\n", patience)
        told: list[tuple[Asked, ...]] = []
        asking._tell = told.append
        cosigned = asking.cosign(NOTE, proof_from)
        asking.close()
    ((answer,),) = told
    assert len(cosigned.signatures) == (answer.signature is not None) == cosigned.quorum
    return answer, cosigned.quorum


def test_a_valid_cosignature_counts() -> None:
    answer, met = ask(honest())
    assert (answer.witness, answer.outcome, met) == ("W", Outcome.COSIGNED, True)
    assert answer.signature is not None
    assert answer.signature.line() == WITNESS.cosignature_line(TEXT, NOW)


def test_the_request_is_as_the_protocol_says() -> None:
    with Fake(sized(4)) as fake:
        asking = witnesses(f"witness W {WITNESS.vkey} {fake.url}/\nquorum W\n")
        assert asking.cosign(NOTE, proof_from).quorum
        asking.close()
    hashes = "".join(f"{base64.b64encode(node).decode()}\n" for node in proof(4, TREE))
    assert fake.bodies == [f"old 0\n\n{signed(TREE, LOG)}".encode(), f"old 4\n{hashes}\n{signed(TREE, LOG)}".encode()]


def test_the_size_a_witness_has_is_remembered_for_the_next_round() -> None:
    with Fake(honest()) as fake:
        asking = witnesses(f"witness W {WITNESS.vkey} {fake.url}\nquorum W\n")
        asking.cosign(NOTE, proof_from)
        larger = leaves(12)
        asking.cosign(SignedNote.parse(signed(larger, LOG)), lambda old: proof(old, larger))
        asking.close()
    assert [body.split(b"\n")[0] for body in fake.bodies] == [b"old 0", b"old 9"]


def test_other_lines_beside_its_own_are_ignored() -> None:
    other = Key("witness.example/two", 4, b"2" * 32)
    lines = other.cosignature_line(TEXT, NOW) + WITNESS.cosignature_line(TEXT, NOW)
    assert ask(lambda _: [http(200, lines)])[0].outcome is Outcome.COSIGNED


def slowly(*pieces: bytes, every: float) -> Script:
    def answer(_: bytes) -> Iterator[bytes]:
        for piece in pieces:
            time.sleep(every)  # the witness is slow: it is what the test is about
            yield piece

    return answer


OWN = WITNESS.cosignature_line(TEXT, NOW)
NAMESAKE = Key(WITNESS.name, 4, b"n" * 32)
_ENCODED = OWN.split()[2]
_FLIPPED = bytearray(base64.b64decode(_ENCODED))
_FLIPPED[40] ^= 1
WRONG: dict[str, tuple[Script, Outcome]] = {
    "empty": (lambda _: [http(200, "")], Outcome.NONSENSE),
    "prose": (lambda _: [http(200, "thank you\n")], Outcome.NONSENSE),
    "html": (lambda _: [http(200, "<html>\n\n</html>\n", "text/html")], Outcome.NONSENSE),
    "bytes that are no text": (lambda _: [http(200, b"\xff\xfe\x00" * 9 + b"\n")], Outcome.NONSENSE),
    "no newline at the end": (lambda _: [http(200, OWN[:-1])], Outcome.NONSENSE),
    "carriage return": (lambda _: [http(200, OWN[:-1] + "\r\n")], Outcome.NONSENSE),
    "trailing space": (lambda _: [http(200, OWN[:-1] + " \n")], Outcome.NONSENSE),
    "an empty line before": (lambda _: [http(200, "\n" + OWN)], Outcome.NONSENSE),
    "the note given back": (lambda body: [http(200, body.split(b"\n\n", 1)[1])], Outcome.NONSENSE),
    "a thousand lines": (lambda _: [http(200, NAMESAKE.cosignature_line(TEXT, NOW) * 300)], Outcome.NONSENSE),
    "a plain signature of the log": (lambda _: [http(200, LOG.line(TEXT))], Outcome.OTHER_KEY),
    "a plain signature of its key": (
        lambda _: [http(200, Key(WITNESS.name, 1, WITNESS.seed).line(TEXT))],
        Outcome.OTHER_KEY,
    ),
    "another key of its name": (lambda _: [http(200, NAMESAKE.cosignature_line(TEXT, NOW))], Outcome.OTHER_KEY),
    "its line twice": (lambda _: [http(200, OWN * 2)], Outcome.DOUBLED),
    "two times of its own": (lambda _: [http(200, OWN + WITNESS.cosignature_line(TEXT, NOW + 1))], Outcome.DOUBLED),
    "another tree": (lambda _: [http(200, WITNESS.cosignature_line(text_of(leaves(8)), NOW))], Outcome.INVALID),
    "a larger tree": (lambda _: [http(200, WITNESS.cosignature_line(text_of(leaves(99)), NOW))], Outcome.INVALID),
    "another origin": (
        lambda _: [http(200, WITNESS.cosignature_line(TEXT.replace(ORIGIN, "other.example"), NOW))],
        Outcome.INVALID,
    ),
    "one bit changed": (
        lambda _: [http(200, OWN.replace(_ENCODED, base64.b64encode(_FLIPPED).decode()))],
        Outcome.INVALID,
    ),
    "a cut signature": (
        lambda _: [http(200, OWN.replace(_ENCODED, base64.b64encode(_FLIPPED[:40]).decode()))],
        Outcome.INVALID,
    ),
    "yesterday's clock": (honest(seconds=NOW - 86_400), Outcome.CLOCK_WRONG),
    "tomorrow's clock": (honest(seconds=NOW + 86_400), Outcome.CLOCK_WRONG),
    "time beyond all years": (honest(seconds=2**63 - 1), Outcome.CLOCK_WRONG),
    "404": (lambda _: [http(404, "no such log\n")], Outcome.REFUSED),
    "422": (lambda _: [http(422, "")], Outcome.REFUSED),
    "503": (lambda _: [http(503, "")], Outcome.REFUSED),
    "a redirect": (
        lambda _: [b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"],
        Outcome.REFUSED,
    ),
    "a conflict without a size": (lambda _: [http(409, "OTHER_ROOT\n")], Outcome.CONFLICT),
    "a conflict with a size of another kind": (lambda _: [http(409, "4\n")], Outcome.CONFLICT),
    "the size that was sent": (lambda _: [http(409, "0\n", "text/x.tlog.size")], Outcome.CONFLICT),
    "a larger size": (lambda _: [http(409, "10\n", "text/x.tlog.size")], Outcome.LARGER_SIZE),
    "a size beyond all trees": (lambda _: [http(409, "9" * 60_000, "text/x.tlog.size")], Outcome.CONFLICT),
    "a negative size": (lambda _: [http(409, "-1\n", "text/x.tlog.size")], Outcome.CONFLICT),
    "a size that changes each time": (
        lambda body: [http(409, f"{int(body.split()[1]) + 1}\n", "text/x.tlog.size")],
        Outcome.CONFLICT,
    ),
    "ten megabytes": (lambda _: [http(200, OWN * 80_000)], Outcome.TOO_LARGE),
    "ten megabytes of zip": (
        lambda _: [
            b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + b"\x1f\x8b" + b"\0" * 18
        ],
        Outcome.NONSENSE,
    ),
    "no HTTP": (lambda _: [b"220 mail.example ESMTP\r\n"], Outcome.NONSENSE),
    "an endless head": (lambda _: [b"HTTP/1.1 200 X\r\n" + b"a: b\r\n" * 100_000], Outcome.NONSENSE),
    "a broken length": (lambda _: [b"HTTP/1.1 200 X\r\nContent-Length: -5\r\n\r\n"], Outcome.NONSENSE),
    "a broken chunk": (lambda _: [b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], Outcome.NONSENSE),
    "half an answer": (lambda _: [http(200, OWN)[:-40]], Outcome.NONSENSE),
    "nothing at all": (lambda _: [], Outcome.NONSENSE),
}


@pytest.mark.parametrize(("script", "outcome"), WRONG.values(), ids=WRONG.keys())
def test_any_other_answer_counts_for_nothing_and_is_named(script: Script, outcome: Outcome) -> None:
    answer, met = ask(script)
    assert (answer.outcome, met) == (outcome, False)


@pytest.mark.parametrize(
    "script",
    [
        slowly(http(200, OWN), every=PLENTY),
        slowly(*[b"H", b"T"] * 400, every=DEADLINE / 5),
        slowly(*[bytes([byte]) for byte in http(200, OWN)], every=DEADLINE / 5),
    ],
    ids=["silent", "drop by drop", "a good answer drop by drop"],
)
def test_a_late_answer_counts_for_nothing_and_is_waited_for_no_longer_than_the_deadline(script: Script) -> None:
    answer, met = ask(script, Patience(DEADLINE))
    assert (answer.outcome, met) == (Outcome.LATE, False)
    assert answer.seconds < PLENTY / 2


def test_a_witness_that_is_away_or_has_no_address_is_named() -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    keys = [Key(f"w{n}.example", 4, bytes([n]) * 32).vkey for n in range(3)]
    asking = witnesses(
        f"witness A {keys[0]} http://127.0.0.1:{port}\nwitness B {keys[1]}\nwitness C {keys[2]} gopher://a\n"
        "group G 3 A B C\nquorum G\n"
    )
    outcomes = [answer.outcome for answer in asking.ask(NOTE, proof_from)]
    asking.close()
    assert outcomes == [Outcome.AWAY, Outcome.NO_ADDRESS, Outcome.NO_ADDRESS]


FIVE = [Key(f"witness.example/{n}", 4, bytes([n + 1]) * 32) for n in range(5)]


def asked_of_five(scripts: list[Script], least: int, patience: Patience) -> tuple[bool, list[Outcome], float]:
    with ExitStack() as stack:
        fakes = [stack.enter_context(Fake(script)) for script in scripts]
        lines = [f"witness W{n} {key.vkey} {fake.url}\n" for n, (key, fake) in enumerate(zip(FIVE, fakes, strict=True))]
        asking = witnesses(f"{''.join(lines)}group G {least} W0 W1 W2 W3 W4\nquorum G\n", patience)
        answers: list[tuple[Asked, ...]] = []
        asking._tell = answers.append
        started = time.monotonic()
        met = asking.cosign(NOTE, proof_from).quorum
        seconds = time.monotonic() - started
        asking.close()
    return met, [answer.outcome for answer in answers[0]], seconds


def test_four_of_five_are_enough_though_one_never_answers_and_it_is_not_waited_for() -> None:
    scripts = [honest(key) for key in FIVE[:4]] + [slowly(b"", every=PLENTY)]
    met, outcomes, seconds = asked_of_five(scripts, 4, Patience(PLENTY, 0.1))
    assert met
    assert outcomes == [Outcome.COSIGNED] * 4 + [Outcome.LATE]
    assert seconds < PLENTY


def test_one_witness_that_signs_for_the_others_counts_once() -> None:
    first = FIVE[0].cosignature_line(TEXT, NOW)
    met, outcomes, _ = asked_of_five([lambda _: [http(200, first)]] * 5, 2, Patience(PLENTY))
    assert not met
    assert outcomes == [Outcome.COSIGNED] + [Outcome.OTHER_KEY] * 4


def test_witnesses_are_asked_at_once_not_one_after_the_other() -> None:
    all_asked = threading.Barrier(len(FIVE), timeout=PLENTY)

    def together(key: Key) -> Script:
        def answer(_: bytes) -> Iterator[bytes]:
            all_asked.wait()
            yield http(200, key.cosignature_line(TEXT, NOW))

        return answer

    met, _, _ = asked_of_five([together(key) for key in FIVE], 5, Patience(PLENTY))
    assert met


def test_where_no_witness_is_asked_for_those_that_are_away_are_not_waited_for() -> None:
    with Fake(slowly(b"", every=PLENTY)) as fake:
        asking = witnesses(f"witness W {WITNESS.vkey} {fake.url}\nquorum none\n", Patience(PLENTY, 0.1))
        started = time.monotonic()
        assert asking.cosign(NOTE, proof_from).quorum
        assert time.monotonic() - started < PLENTY
        asking.close()


def test_a_policy_without_witnesses_is_met_at_once() -> None:
    assert witnesses("quorum none\n").cosign(NOTE, proof_from).quorum


def test_a_fault_of_the_logs_own_proof_is_the_callers() -> None:
    def broken(_: int) -> list[bytes]:
        raise RuntimeError("the tile is gone")

    with Fake(honest()) as fake:
        asking = witnesses(f"witness W {WITNESS.vkey} {fake.url}\nquorum W\n")
        with pytest.raises(RuntimeError):
            asking.cosign(NOTE, broken)
        asking.close()
