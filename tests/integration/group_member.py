"""Has the broker forget a member of a group at once, as an operator's tool does, and as the end of its session would.

Kafka's own wire form of LeaveGroup, version 1: the client library has no call for it, and a test that forks must not
own a client.
"""

import socket
import struct

_LEAVE_GROUP, _VERSION = 13, 1
UNKNOWN_MEMBER_ID = 25


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def leave(bootstrap: str, group: str, member: str) -> int:
    """Return Kafka's error code of the answer: 0, or UNKNOWN_MEMBER_ID where the member was forgotten before."""
    host, _, port = bootstrap.rpartition(":")
    request = struct.pack(">hhi", _LEAVE_GROUP, _VERSION, 1) + _text("tests") + _text(group) + _text(member)
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(struct.pack(">i", len(request)) + request)
        answer = link.makefile("rb").read(4 + 4 + 4 + 2)
    return int(struct.unpack(">iiih", answer)[3])
