"""Sends a producer's commit on its behalf: the late twin of a request that was held up on its way to the broker.

Kafka's own wire forms of DescribeTransactions, version 0, and EndTxn, version 1; the client library has a call for
neither.
"""

import socket
import struct

_END, _DESCRIBE = 26, 65


def _ask(bootstrap: str, api: int, version: int, body: bytes) -> bytes:
    """Return the answer's body; only the newer of the two requests has tags in its headers."""
    host, _, port = bootstrap.rpartition(":")
    tags = b"\0" if api == _DESCRIBE else b""
    request = struct.pack(">hhih", api, version, 1, 5) + b"tests" + tags + body
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(struct.pack(">i", len(request)) + request)
        answer = link.makefile("rb")
        return answer.read(struct.unpack(">i", answer.read(4))[0])[4 + len(tags) :]


def _producer(bootstrap: str, transactional_id: str) -> tuple[int, int]:
    """Return the id and epoch of the producer that has this transactional id."""
    name = transactional_id.encode()
    told = _ask(bootstrap, _DESCRIBE, 0, bytes([2, len(name) + 1]) + name + b"\0")
    at = 4 + 1 + 2  # after the throttle time, the number of answers and the error
    for _ in range(2):  # the name again, and the state's; each with its length, which counts itself
        at += told[at]
    _, _, producer, epoch = struct.unpack_from(">iqqh", told, at)
    return producer, epoch


def commit(bootstrap: str, transactional_id: str) -> int:
    """Commit whatever the producer of this id has sent so far; return Kafka's error code."""
    name = transactional_id.encode()
    body = struct.pack(">h", len(name)) + name + struct.pack(">qhb", *_producer(bootstrap, transactional_id), 1)
    return int(struct.unpack_from(">h", _ask(bootstrap, _END, 1, body), 4)[0])
