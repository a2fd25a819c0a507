#!/usr/bin/env python3
"""Check a receipt, or a whole export of the log, with Python 3.11 or newer and nothing else.

A receipt proves that one entry stands in the log that the named keys vouch for; it holds or it is refused with a
reason. This file stands alone on purpose: it shares no line with the project, so that nobody has to trust the project
to check it. Formats: C2SP tlog-proof, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-policy; RFC 6962; RFC 8032.

To be read whole before it is believed: 290 lines of code. A receipt alone would take 200, of which 60 are for Ed25519
and base64 in their one form and 50 for whose signatures count; the last 90 check every entry, tile and round of a log.
"""

import base64
import hashlib
import itertools
import json
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]  # x and y over z, and their product over z
Key = tuple[str, bytes, int, bytes]  # name, key id, type (1 of a log, 4 of a witness), public key


class Refused(Exception):
    """What was checked does not hold. `code` is stable, the text is for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


def must(holds: object, code: str, text: str) -> None:
    """Refuse what does not hold."""
    if not holds:
        raise Refused(code, text)


# Ed25519 (RFC 8032 section 5.1), verification alone, in plain integers.
def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P


def _point(encoded: bytes) -> Point:
    """Return the point of 32 bytes; refuses y >= p, an x that is no square root, and a negative zero."""
    sign, y = divmod(int.from_bytes(encoded, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    must(y < P and (x * x - square) % P == 0 and (x or not sign), "BAD_KEY", "not a point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
EIGHTH = int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little")
SMALL_ORDER = {0, 1, P - 1, EIGHTH, P - EIGHTH}  # y of the eight points by which a key proves nothing


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the signature is of this key over this message; S >= L never is."""
    if len(public) != 32 or len(signature) != 64 or (s := int.from_bytes(signature[32:], "little")) >= L:
        return False
    try:
        x, y, z, t = _point(public)
    except Refused:
        return False
    minus = (P - x, y, z, P - t)
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    table, found = (None, BASE, minus, _add(BASE, minus)), (0, 1, 1, 0)
    for bit in range(252, -1, -1):  # S times the base point minus k times the key must be R, bit by bit
        found = _add(found, found)
        if step := table[(s >> bit & 1) + 2 * (k >> bit & 1)]:
            found = _add(found, step)
    over_z = pow(found[2], -1, P)
    x, y = found[0] * over_z % P, found[1] * over_z % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]  # no other encoding of R is taken


# Forms, keys and quorum (tlog-policy).
NAME = "([^\\s+\x00-\x1f\ud800-\udfff]+)"  # the last range stands for bytes that are no UTF-8
BASE64 = "([A-Za-z0-9+/=]+)"
LOG, WITNESS = 1, 4  # types of keys


def _bytes(text: str) -> bytes:
    """Return what base64 text says; refuses any text that isn't the one text of its bytes."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    must(base64.b64encode(found).decode() == text, "MALFORMED", "base64")
    return found


def _number(text: str) -> int:
    """Return a decimal number below 2^63, without sign or leading zero."""
    must(re.fullmatch("0|[1-9][0-9]{0,18}", text) and int(text) < 1 << 63, "MALFORMED", "a number")
    return int(text)


def _key(text: str, kind: int) -> Key:
    """Return the key of a text; refuses one of another type, a false key id, no point, and one of small order."""
    if not (form := re.fullmatch(rf"{NAME}\+([0-9a-f]{{8}})\+{BASE64}", text)):
        raise Refused("BAD_POLICY", "no key")
    name, shown, raw = form[1], form[2], _bytes(form[3])
    y = int.from_bytes(raw[1:], "little") % 2**255
    key_id = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    lawful = len(raw) == 33 and raw[0] == kind and key_id.hex() == shown and y < P and y not in SMALL_ORDER
    must(lawful, "BAD_POLICY", f"the key of {name}")
    return name, key_id, kind, raw[1:]


class Policy:
    """Whose signatures count: the log's keys, the witnesses, and how many of them are enough."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        size = len(text.encode(errors="surrogateescape"))
        must(size <= 65_536 and not re.search("[\x00-\x08\x0b-\x1f\x7f]", text), "BAD_POLICY", "size or characters")
        for line in text.split("\n"):
            words = re.split("[ \t]+", line.strip(" \t"))
            if words[0] and not words[0].startswith("#"):
                try:
                    self._take(*words)
                except (Refused, ValueError, TypeError):  # TypeError: a word alone
                    raise Refused("BAD_POLICY", " ".join(words[:2])) from None
        for keys in (self.logs, self.witnesses.values()):
            must(len({key[3] for key in keys}) == len(keys), "BAD_POLICY", "a key given twice")
        must(self.quorum, "BAD_POLICY", "no quorum")

    def _take(self, kind: str, name: str, *rest: str) -> None:
        named = {*self.witnesses, *self.groups}
        unused = named - {member for _, members in self.groups.values() for member in members}
        if kind in {"witness", "group"}:
            must(name not in {*named, "none"}, "BAD_POLICY", "a name given twice")
        match kind, rest:
            case "log", [] | [_]:
                self.logs.append(_key(name, LOG))
            case "witness", [vkey] | [vkey, _]:
                self.witnesses[name] = _key(vkey, WITNESS)
            case "group", [least, *members] if members and unused >= {*members} and len({*members}) == len(members):
                enough = {"any": 1, "all": len(members)}.get(least) or _number(least)
                must(1 <= enough <= len(members), "BAD_POLICY", name)
                self.groups[name] = (enough, members)
            case "quorum", [] if not self.quorum and name in {*named, "none"}:
                self.quorum = name
            case _:
                raise Refused("BAD_POLICY", kind)

    def met(self, seen: set[str], name: str) -> bool:
        """Return whether these witnesses are enough for the group or witness of this name."""
        least, members = self.groups.get(name, (1, []))
        return name in {*seen, "none"} or sum(self.met(seen, one) for one in members) >= least


# Checkpoint (tlog-checkpoint, tlog-cosignature).
def check_checkpoint(note: bytes, policy: Policy, *, enough: bool = True) -> tuple[str, int, bytes, str]:
    """Return origin, size, root and witnesses of a checkpoint that holds, seen by `enough` witnesses unless told."""
    signature = f"\u2014 {NAME} {BASE64}\n"
    text = note.decode(errors="surrogateescape")
    form = re.fullmatch(f"({NAME}\n([0-9]+)\n{BASE64}\n)\n((?:{signature})+)", text)
    if not form or len(note) > 262_144 or len(found := re.findall(signature, form[5])) > 64:
        raise Refused("MALFORMED", "checkpoint")
    origin, size, root = form[2], _number(form[3]), _bytes(form[4])
    signatures = [(name, _bytes(encoded)) for name, encoded in found]
    must(all(len(signed) > 4 for _, signed in signatures), "MALFORMED", "signature line")
    must(len(root) == 32 and (size or root == hashlib.sha256().digest()), "MALFORMED", "root")
    held: set[Key] = set()
    for name, signed in signatures:
        known = [key for key in [*policy.logs, *policy.witnesses.values()] if key[:2] == (name, signed[:4])]
        must(known, "UNKNOWN_KEY", name)
        for key in known:
            must(key not in held, "DOUBLED_SIGNATURE", name)
            must(_holds(key, form[1], signed[4:]), "BAD_SIGNATURE", name)
            held.add(key)
    must(any(key in held and key[0] == origin for key in policy.logs), "NOT_SIGNED", f"by no log of the name {origin}")
    seen = sorted(name for name, key in policy.witnesses.items() if key in held)
    told = ", ".join(seen) or "nobody"
    must(not enough or policy.met({*seen}, policy.quorum), "NO_QUORUM", f"seen by {told} alone")
    return origin, size, root, told


def _holds(key: Key, text: str, signed: bytes) -> bool:
    """Return whether the bytes are a log's signature of a checkpoint, or a time and a witness's cosignature of both."""
    if key[2] == LOG:
        return len(signed) == 64 and ed25519_holds(key[3], text.encode(), signed)
    message = f"cosignature/v1\ntime {int.from_bytes(signed[:8], 'big')}\n{text}"
    return len(signed) == 72 and signed[0] < 128 and ed25519_holds(key[3], message.encode(), signed[8:])


# Tree (RFC 6962) and receipt (tlog-proof).
RECEIPT = rb"c2sp\.org/tlog-proof@v1\nextra ([A-Za-z0-9+/=]+)\nindex ([0-9]+)\n((?:[A-Za-z0-9+/=]+\n)*)\n(.*)"


def leaf_of(entry: bytes) -> bytes:
    """Return the leaf hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def over(hashes: list[bytes]) -> bytes:
    """Return the root over hashes, each of a subtree of one size; the last may be of a smaller one."""
    while len(hashes) > 1:
        odd = hashes[len(hashes) & ~1 :]
        hashes = [_node(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)] + odd
    return hashes[0]


def root_by(path: list[bytes], index: int, size: int, leaf: bytes) -> bytes:
    """Return the root that a path leads to, by PATH of RFC 6962; refuses one of another length than the tree asks."""
    must(bool(path) == (size > 1), "NOT_INCLUDED", "the path is too short or too long")
    if size == 1:
        return leaf
    k = 1 << (size - 1).bit_length() - 1
    if index < k:
        return _node(root_by(path[:-1], index, k, leaf), path[-1])
    return _node(path[-1], root_by(path[:-1], index - k, size - k, leaf))


def check_receipt(receipt: bytes, policy: Policy) -> str:
    """Return one line of what is proved; raises Refused with the reason."""
    form = re.fullmatch(RECEIPT, receipt, re.DOTALL)
    if not form:
        raise Refused("MALFORMED", "a receipt names its form, entry and index")
    extra, number, steps = (form[part].decode() for part in (1, 2, 3))
    entry, index, path = _bytes(extra), _number(number), [_bytes(line) for line in steps.split()]
    must(len(entry) >= 37 and entry[0] == 1 and all(len(one) == 32 for one in path), "MALFORMED", "entry or path")
    origin, size, root, seen = check_checkpoint(form[4], policy)
    found = index < size and root_by(path, index, size, leaf_of(entry)) == root
    must(found, "NOT_INCLUDED", "the path does not lead from the entry to the root")
    partition, offset, milliseconds = struct.unpack(">IQQ", entry[1:21])
    return (
        f"entry {index} of {size} in {origin}: partition {partition}, offset {offset}, broker time {milliseconds} ms,"
        f" value {hashlib.sha256(entry[37:]).hexdigest()}; seen by {seen}"
    )


# A whole export: entries, tiles, rounds, checkpoint.
@dataclass
class Level:
    """The open tile of a level: its number, the hashes found for it, and what the export has of it."""

    number: int = 0
    hashes: list[bytes] = field(default_factory=list)
    tile: bytes = b""


class Export:
    """A copy of the log's directory, read from front to back; one tile of each level is held at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.size = 0
        self.levels: list[Level] = []

    def read(self, kind: object, number: int) -> bytes:
        """Return a tile or bundle; nothing where there is none."""
        digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
        parts = [f"x{digits[at : at + 3]}" for at in range(0, len(digits), 3)]
        path = self.folder / "tile" / str(kind) / "/".join(parts[:-1]) / parts[-1][1:]
        return path.read_bytes() if path.is_file() else b""

    def entries(self) -> Iterator[bytes]:
        """Yield the entries; refuses where there is none left."""
        for number in itertools.count():
            bundle, at = self.read("entries", number), 0
            for leaf in range(number * 256, number * 256 + 256):
                end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
                if at + 2 > len(bundle) or end > len(bundle):
                    raise Refused("BAD_ENTRY", f"leaf {leaf} is missing")
                if leaf % 256 == 255 and end != len(bundle):
                    raise Refused("BAD_ENTRY", f"leaf {leaf} is not the last of its bundle")
                yield bundle[at + 2 : end]
                at = end

    def rounds(self, origin: str) -> Iterator[tuple[int, tuple[int, ...], bytes]]:
        """Yield size, end offsets and root of each round."""
        head = (self.folder / "rounds.head").read_bytes().decode(errors="surrogateescape")  # in its one spelling
        said = re.fullmatch('{\n "origin": (".*"),\n "partitions": ([1-9][0-9]{0,3}),\n "first_round": 1\n}\n', head)
        if not said or said[1] != json.dumps(origin) or (partitions := int(said[2])) > 4096:
            raise Refused("BAD_ROUND", "rounds.head is not that of this log")
        form = struct.Struct(f">{partitions + 1}Q32s")
        with (self.folder / "rounds").open("rb") as index:
            while len(record := index.read(form.size)) == form.size:
                size, *cut, root = form.unpack(record)
                yield size, tuple(cut), root

    def add(self, hashed: bytes, level: int = 0) -> None:
        """Take the next hash of a level, held against the tile; a full tile becomes a hash of the next level."""
        if level == len(self.levels):
            self.levels.append(Level())
        at = self.levels[level]
        if not at.hashes:
            at.tile = self.read(level, at.number)
        place = len(at.hashes)
        if at.tile[32 * place : 32 * place + 32] != hashed:
            raise Refused("BAD_TILE", f"level {level}, hash {at.number * 256 + place}")
        at.hashes.append(hashed)
        if len(at.hashes) == 256:
            must(len(at.tile) == 8192, "BAD_TILE", f"level {level}, tile {at.number} is too long")
            self.levels[level] = Level(at.number + 1)
            self.add(over(at.hashes), level + 1)

    def root(self) -> bytes:
        """Return the root over what was taken."""
        row: list[bytes] = []
        for level in self.levels:
            row = [over(level.hashes + row)] if level.hashes or row else []
        return row[0] if row else hashlib.sha256().digest()

    def take(self, cut: tuple[int, ...], ends: tuple[int, ...], leaves: Iterator[bytes]) -> None:
        """Take the leaves of a round: every offset of each partition up to the cut."""
        for partition, (start, end) in enumerate(zip(ends, cut, strict=True)):
            for offset in range(start, end):
                entry = next(leaves)
                if len(entry) < 37 or entry[:13] != struct.pack(">BIQ", 1, partition, offset):
                    raise Refused("BAD_ENTRY", f"leaf {self.size} is not offset {offset} of partition {partition}")
                self.add(leaf_of(entry))
                self.size += 1

    def check(self, policy: Policy, kept: Iterable[bytes] = ()) -> str:
        """Return one line of what holds; raises Refused at the first place where something does not.

        The log must have been through every checkpoint that was `kept` elsewhere, by a witness or a citizen.
        """
        origin, size, root, seen = check_checkpoint((self.folder / "checkpoint").read_bytes(), policy)
        wanted = {size: root}
        for note in kept:
            other, then, had, _ = check_checkpoint(note, policy, enough=False)
            same = other == origin and then <= size and wanted.setdefault(then, had) == had
            must(same, "KEPT_CHECKPOINT", f"the log has no tree of {then} leaves as it was kept")
        wanted.pop(0, None)  # the empty tree has one root
        leaves, number = self.entries(), 0
        ends: tuple[int, ...] = ()
        for number, (end, cut, agreed) in enumerate(self.rounds(origin), 1):
            ends = ends or (0,) * len(cut)
            grows = end == sum(cut) and all(now >= before for now, before in zip(cut, ends, strict=True))
            must(grows, "BAD_ROUND", f"record {number}: its cut goes back or is not its size")
            self.take(cut, ends, leaves)
            ends = cut
            must(self.root() == agreed, "BAD_ROUND", f"record {number}: its {end} leaves have another root")
            signed = wanted.pop(end, agreed) == agreed
            must(signed, "BAD_CHECKPOINT", f"the {end} leaves have another root than was signed")
        must(not wanted, "BAD_CHECKPOINT", f"no round ends at {min(wanted, default=0)} leaves")
        return f"{self.size} entries, {number} rounds; checkpoint of {size} seen by {seen}"


def main(arguments: list[str]) -> int:
    """Print the verdict; 0 holds, 1 does not, 2 wrong usage."""
    try:
        match arguments:
            case ["--export", folder, trusted, *kept]:
                found = Export(Path(folder)).check(_policy(trusted), [Path(one).read_bytes() for one in kept])
            case [receipt, trusted] if receipt != "--export":
                found = check_receipt(Path(receipt).read_bytes(), _policy(trusted))
            case _:
                print(
                    "usage: verify_receipt.py RECEIPT POLICY | --export FOLDER POLICY [KEPT CHECKPOINT]...",
                    file=sys.stderr,
                )
                return 2
    except Refused as reason:
        print(f"REFUSED {reason}")
        return 1
    except OSError as fault:
        print(f"cannot be read: {fault}", file=sys.stderr)
        return 2
    print(f"HOLDS {found}")
    return 0


def _policy(file: str) -> Policy:
    return Policy(Path(file).read_bytes().decode(errors="surrogateescape"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
