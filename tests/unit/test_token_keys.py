"""An issuer's keys come whole and in time, or not at all; meanwhile nobody else waits who need not."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from joserfc.jwk import OKPKey

from consumers.gateway.token_keys import FRESH_SECONDS, IssuerKeys, KeysAway, of_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY, NEW = (OKPKey.generate_key("Ed25519", {"kid": kid}) for kid in ("k1", "k2"))
SECONDS = 0.3
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def key_set(*keys: OKPKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


BODY = json.dumps(key_set(KEY)).encode()


class Server:
    """Answers every connection on the loopback with these parts, one after another, `pause` seconds apart."""

    def __init__(self, parts: Callable[[], Iterator[bytes]], pause: float) -> None:
        self._parts = parts
        self._pause = pause
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/keys"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed at the end of the test, or by who asked
            while not self._over.is_set():
                self._answer(self._listening.accept()[0])

    def _answer(self, asked: socket.socket) -> None:
        with asked, suppress(OSError):
            asked.recv(65_536)
            for part in self._parts():
                asked.sendall(part)
                if self._over.wait(self._pause):
                    return

    def close(self) -> None:
        self._over.set()
        self._listening.close()


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    made: list[Server] = []

    def serve(parts: Callable[[], Iterator[bytes]], pause: float = 0.0) -> str:
        made.append(Server(parts, pause))
        return made[-1].url

    yield serve
    for server in made:
        server.close()


def whole() -> Iterator[bytes]:
    yield HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY


def head_that_drips() -> Iterator[bytes]:
    yield HEAD
    while True:
        yield b"X-A: b\r\n"


def body_that_drips() -> Iterator[bytes]:
    yield HEAD + b"Content-Length: 60000\r\n\r\n"
    while True:
        yield b" "


def body_that_drips_until_it_ends() -> Iterator[bytes]:
    yield HEAD + b"Connection: close\r\n\r\n"
    while True:
        yield b" "


def body_without_end() -> Iterator[bytes]:
    yield HEAD + b"Connection: close\r\n\r\n"
    while True:
        yield bytes(4_096)


def test_a_key_set_that_comes_in_time_is_held(serving: Callable[..., str]) -> None:
    keys = IssuerKeys(of_url(serving(whole), 10.0))
    assert [key.kid for key in keys.with_key("k1").keys] == ["k1"]


@pytest.mark.parametrize("parts", [head_that_drips, body_that_drips, body_that_drips_until_it_ends])
def test_a_server_that_sends_a_little_now_and_then_is_let_go_in_time(
    serving: Callable[..., str], parts: Callable[[], Iterator[bytes]]
) -> None:
    fetch = of_url(serving(parts, SECONDS / 6), SECONDS)
    began = time.monotonic()
    with pytest.raises((OSError, httpx.HTTPError)):
        fetch()
    assert time.monotonic() - began < 5 * SECONDS


def test_a_key_set_without_end_is_let_go_at_its_size(serving: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="not as large"):
        of_url(serving(body_without_end), 10.0)()


class Slow:
    """An issuer whose first answer is at once, and each after it once it is let."""

    def __init__(self) -> None:
        self.asked, self.answering = threading.Event(), threading.Event()
        self.times = 0
        self.known = [KEY]

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        if self.times > 1:
            self.asked.set()
            assert self.answering.wait(10)
        return key_set(*self.known)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_while_one_fetches_others_go_on_with_what_is_held_and_a_new_key_is_waited_for() -> None:
    issuer, clock, found = Slow(), Clock(), list[list[str]]()
    keys = IssuerKeys(issuer, clock)
    keys.with_key("k1")
    clock.seconds, issuer.known = FRESH_SECONDS + 1, [KEY, NEW]

    def ask(key_id: str) -> None:
        found.append([str(key.kid) for key in keys.with_key(key_id).keys])

    asking = [threading.Thread(target=ask, args=(key_id,)) for key_id in ("k1", "k2")]
    asking[0].start()
    assert issuer.asked.wait(10)
    assert [key.kid for key in keys.with_key("k1").keys] == ["k1"]
    asking[1].start()
    issuer.answering.set()
    for one in asking:
        one.join(10)
    assert found == [["k1", "k2"]] * 2
    assert issuer.times == 2


def test_a_fetch_that_ends_in_a_fault_hinders_no_later_one() -> None:
    answers: list[Any] = [RuntimeError(), key_set(KEY)]

    def fetch() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = Clock()
    keys = IssuerKeys(fetch, clock)
    with pytest.raises(RuntimeError):
        keys.with_key("k1")
    with pytest.raises(KeysAway):
        keys.with_key("k1")
    clock.seconds = 60.0
    assert [key.kid for key in keys.with_key("k1").keys] == ["k1"]
