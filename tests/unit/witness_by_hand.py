"""Logs, checkpoints, proofs and requests written out by hand from the specifications, without the project's code."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ORIGIN = "log.example/audit/2026"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def leaves(count: int, branch: str = "honest", fork_at: int = 0) -> list[bytes]:
    """Return so many leaves; branches share the first `fork_at`."""
    return [f"{'shared' if n < fork_at else branch} {n}".encode() for n in range(count)]


def root(data: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1."""
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\x00" + data[0]).digest()
    split = _split(len(data))
    return hashlib.sha256(b"\x01" + root(data[:split]) + root(data[split:])).digest()


def proof(old: int, data: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 6962, section 2.1.2; empty for the empty tree."""
    return _subproof(old, data, whole=True) if 0 < old < len(data) else []


def _subproof(old: int, data: Sequence[bytes], *, whole: bool) -> list[bytes]:
    if old == len(data):
        return [] if whole else [root(data)]
    split = _split(len(data))
    if old <= split:
        return [*_subproof(old, data[:split], whole=whole), root(data[split:])]
    return [*_subproof(old - split, data[split:], whole=False), root(data[:split])]


def _split(size: int) -> int:
    split = 1
    while split * 2 < size:
        split *= 2
    return split


@dataclass
class Key:
    """A key of type 1 (log) or 4 (cosigner) under a name."""

    name: str
    kind: int
    seed: bytes

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    def line(self, text: str) -> str:
        """A signature line over the text."""
        return f"— {self.name} {b64(self.key_id + self.private.sign(text.encode()))}\n"

    def cosignature_line(self, text: str, seconds: int) -> str:
        signed = self.private.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
        return f"— {self.name} {b64(self.key_id + seconds.to_bytes(8, 'big') + signed)}\n"


def text_of(data: Sequence[bytes], origin: str = ORIGIN) -> str:
    return f"{origin}\n{len(data)}\n{b64(root(data))}\n"


def signed(data: Sequence[bytes], key: Key, origin: str = ORIGIN) -> str:
    text = text_of(data, origin)
    return f"{text}\n{key.line(text)}"


def request(old: int, hashes: Sequence[bytes], note: str) -> bytes:
    return (f"old {old}\n" + "".join(f"{b64(node)}\n" for node in hashes) + f"\n{note}").encode()


def grown(old: int, data: Sequence[bytes], key: Key) -> bytes:
    """A request from the tree of the first `old` leaves to that of all of them."""
    return request(old, proof(old, data), signed(data, key))


def cosigned_seconds(line: str, key: Key, text: str) -> int:
    """Return the time of a cosignature line after checking it with the library alone; raises when it is false."""
    dash, name, encoded = line.removesuffix("\n").split(" ")
    payload = base64.b64decode(encoded, validate=True)
    assert (dash, name, payload[:4]) == ("—", key.name, key.key_id)
    seconds = int.from_bytes(payload[4:12], "big")
    Ed25519PublicKey.from_public_bytes(key.public).verify(
        payload[12:], f"cosignature/v1\ntime {seconds}\n{text}".encode()
    )
    return seconds


LOG = Key(ORIGIN, 1, b"L" * 32)
WITNESS = Key("witness.example/one", 4, b"W" * 32)
STRANGER = Key(ORIGIN, 1, b"S" * 32)
