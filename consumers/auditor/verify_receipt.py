#!/usr/bin/env python3
"""Check a receipt, or a whole export of the log, with Python 3.11 or newer and nothing else.

A receipt proves that one entry stands in the log that the named keys vouch for; it holds or it is refused with a
reason. This file stands alone on purpose: it shares no line with the project, so that nobody has to trust the project
to check it. Formats: C2SP tlog-proof, tlog-checkpoint, tlog-cosignature, tlog-tiles, tlog-policy; RFC 6962; RFC 8032.
"""

import base64
import hashlib
import itertools
import json
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]


class Refused(Exception):
    """What was checked does not hold. `code` is stable, the text is for people."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code = code


# --- Ed25519 (RFC 8032 section 5.1), verification alone, in plain integers ------------------------------------------


def _add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    w, x, y, z = f - e, h - g, h + g, f + e
    return w * x % P, y * z % P, x * y % P, w * z % P


def _point(encoded: bytes) -> Point:
    """Return the point of 32 bytes; refuses y >= p, an x that is no square root, and a negative zero."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        raise Refused("BAD_KEY", "not a canonical point")
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (not x and sign):
        raise Refused("BAD_KEY", "not a point of the curve")
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
    over = pow(found[2], -1, P)
    x, y = found[0] * over % P, found[1] * over % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]  # no other encoding of R is taken


# --- keys and quorum (tlog-policy) ----------------------------------------------------------------------------------

Key = tuple[str, bytes, int, bytes]  # name, key id, type (1 of a log, 4 of a witness), public key


def _bytes(text: str) -> bytes:
    """Return what base64 text says; refuses any text that isn't the one text of its bytes."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("MALFORMED", "base64") from None
    if base64.b64encode(found).decode() != text:
        raise Refused("MALFORMED", "base64 of another form")
    return found


def _number(text: str) -> int:
    """Return a decimal number below 2^63, without sign, space or leading zero."""
    if not re.fullmatch("0|[1-9][0-9]{0,18}", text) or int(text) >= 1 << 63:
        raise Refused("MALFORMED", "a number")
    return int(text)


def _is_name(name: str) -> bool:
    return bool(name) and not any(letter < " " or letter == "+" or letter.isspace() for letter in name)


def _key(text: str, kind: int) -> Key:
    name, _, rest = text.partition("+")
    shown, _, encoded = rest.partition("+")
    raw = _bytes(encoded)
    if len(raw) != 33 or raw[0] != kind or not _is_name(name):
        raise Refused("BAD_POLICY", "a key of another type")
    if hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != shown:
        raise Refused("BAD_POLICY", f"the key id of {name}")
    y = int.from_bytes(raw[1:], "little") % (1 << 255)
    if y >= P or y in SMALL_ORDER:
        raise Refused("BAD_POLICY", f"the key of {name} is no point, or one of small order")
    return name, bytes.fromhex(shown), kind, raw[1:]


class Policy:
    """Whose signatures count: the log's keys, the witnesses, and how many of them are enough."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        if len(text.encode(errors="surrogateescape")) > 65_536 or re.search("[\x00-\x08\x0b-\x1f\x7f]", text):
            raise Refused("BAD_POLICY", "too large, or with control characters")
        for line in text.split("\n"):
            words = re.split("[ \t]+", line.strip(" \t"))
            if words[0] and not words[0].startswith("#"):
                try:
                    self._take(words)
                except (Refused, ValueError, IndexError):
                    raise Refused("BAD_POLICY", " ".join(words[:2])) from None
        if not self.quorum:
            raise Refused("BAD_POLICY", "no quorum")

    def _take(self, words: list[str]) -> None:
        named, free = {*self.witnesses, *self.groups}, words[1] not in {*self.witnesses, *self.groups, "none"}
        used = {member for _, members in self.groups.values() for member in members}
        match words:
            case ["log", vkey, *url] if len(url) < 2 and self._is_new(key := _key(vkey, 1), self.logs):
                self.logs.append(key)
            case ["witness", name, vkey, *url] if (
                free and len(url) < 2 and self._is_new(key := _key(vkey, 4), self.witnesses.values())
            ):
                self.witnesses[name] = key
            case ["group", name, least, *members] if (
                free and members and named - used >= set(members) and len(set(members)) == len(members)
            ):
                enough = {"any": 1, "all": len(members)}.get(least) or _number(least)
                if not 1 <= enough <= len(members):
                    raise Refused("BAD_POLICY", name)
                self.groups[name] = (enough, members)
            case ["quorum", name] if not self.quorum and name in {*named, "none"}:
                self.quorum = name
            case _:
                raise Refused("BAD_POLICY", words[0])

    @staticmethod
    def _is_new(key: Key, others: Iterable[Key]) -> bool:
        return all(key[3] != other[3] for other in others)

    def met(self, seen: set[str], name: str) -> bool:
        """Return whether these witnesses are enough for the group or witness of this name."""
        least, members = self.groups.get(name, (1, []))
        return name in {*seen, "none"} or sum(self.met(seen, one) for one in members) >= least


# --- checkpoint (tlog-checkpoint, tlog-cosignature) -----------------------------------------------------------------


def check_checkpoint(note: bytes, policy: Policy, *, enough: bool = True) -> tuple[str, int, bytes, set[str]]:
    """Return origin, size, root and witnesses of a checkpoint that holds, seen by `enough` witnesses unless told."""
    try:
        text, _, tail = note.decode().rpartition("\n\n")
    except UnicodeDecodeError:
        raise Refused("MALFORMED", "not UTF-8") from None
    lines, signatures = text.split("\n"), tail.split("\n")
    if len(lines) != 3 or not _is_name(lines[0]) or signatures.pop() or not signatures:
        raise Refused("MALFORMED", "checkpoint")
    if len(note) > 262_144 or len(signatures) > 64:
        raise Refused("MALFORMED", "too large")
    size, root = _number(lines[1]), _bytes(lines[2])
    if len(root) != 32 or (not size and root != hashlib.sha256().digest()):
        raise Refused("MALFORMED", "root")
    held = _signers(f"{text}\n", [_signature(line) for line in signatures], policy)
    seen = {name for name, key in policy.witnesses.items() if key in held}
    if not any(key in held and key[0] == lines[0] for key in policy.logs):
        raise Refused("NOT_SIGNED", f"no log of the policy signed as {lines[0]}")
    if enough and not policy.met(seen, policy.quorum):
        raise Refused("NO_QUORUM", f"seen by {', '.join(sorted(seen)) or 'nobody'} alone")
    return lines[0], size, root, seen


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    raw = _bytes(encoded)
    if dash != "\u2014" or not _is_name(name) or len(raw) < 5:
        raise Refused("MALFORMED", "signature line")
    return name, raw[:4], raw[4:]


def _signers(text: str, lines: list[tuple[str, bytes, bytes]], policy: Policy) -> set[Key]:
    """Return the keys whose signatures hold; one that fails or comes twice refuses the whole."""
    held: set[Key] = set()
    for name, key_id, signed in lines:
        known = [key for key in [*policy.logs, *policy.witnesses.values()] if key[:2] == (name, key_id)]
        if not known:
            raise Refused("UNKNOWN_KEY", name)
        for key in known:
            message = text.encode()
            if key[2] == 4:
                message = f"cosignature/v1\ntime {int.from_bytes(signed[:8], 'big')}\n".encode() + message
            if key in held:
                raise Refused("DOUBLED_SIGNATURE", name)
            form = len(signed) == 64 if key[2] == 1 else len(signed) == 72 and signed[0] < 128
            if not form or not ed25519_holds(key[3], message, signed[-64:]):
                raise Refused("BAD_SIGNATURE", name)
            held.add(key)
    return held


# --- tree (RFC 6962) and receipt (tlog-proof) -----------------------------------------------------------------------


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
    """Return the root that a path leads to; refuses a path that has another length than the tree asks for."""
    fn, sn, found = index, size - 1, leaf
    for step in path:
        if not sn:
            raise Refused("NOT_INCLUDED", "the path is too long")
        if fn & 1 or fn == sn:
            found = _node(step, found)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = _node(found, step)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise Refused("NOT_INCLUDED", "the path is too short")
    return found


def check_receipt(receipt: bytes, policy: Policy) -> str:
    """Return one line of what is proved; raises Refused with the reason."""
    head, _, note = receipt.partition(b"\n\n")
    try:
        first, extra, index_line, *path_lines = head.decode("ascii").split("\n")
    except ValueError:  # UnicodeDecodeError is one
        raise Refused("MALFORMED", "receipt") from None
    if first != "c2sp.org/tlog-proof@v1" or extra[:6] != "extra " or index_line[:6] != "index ":
        raise Refused("MALFORMED", "a receipt names its form, entry and index")
    entry, index, path = _bytes(extra[6:]), _number(index_line[6:]), [_bytes(line) for line in path_lines]
    if len(entry) < 37 or entry[0] != 1 or any(len(step) != 32 for step in path):
        raise Refused("MALFORMED", "entry or path")
    origin, size, root, seen = check_checkpoint(note, policy)
    if index >= size or root_by(path, index, size, leaf_of(entry)) != root:
        raise Refused("NOT_INCLUDED", "the path does not lead from the entry to the root")
    partition, offset, milliseconds = struct.unpack(">IQQ", entry[1:21])
    value = hashlib.sha256(entry[37:]).hexdigest()
    return (
        f"entry {index} of {size} in {origin}: partition {partition}, offset {offset}, broker time {milliseconds} ms,"
        f" value {value}; seen by {', '.join(sorted(seen)) or 'no witness'}"
    )


# --- a whole export: entries, tiles, rounds, checkpoint -------------------------------------------------------------


class Export:
    """A copy of the log's directory, read from front to back; one tile of each level is held at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.size = 0
        self.levels: list[tuple[list[bytes], bytes]] = []  # of each level: hashes of the open tile, and that tile

    def read(self, kind: str, number: int) -> bytes:
        """Return a tile or bundle; nothing where there is none."""
        digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
        parts = [f"x{digits[at : at + 3]}" for at in range(0, len(digits), 3)]
        path = self.folder / "tile" / kind / "/".join(parts[:-1]) / parts[-1][1:]
        return path.read_bytes() if path.is_file() else b""

    def entries(self) -> Iterator[bytes]:
        """Yield the entries; refuses where there is none left."""
        for number in itertools.count():
            bundle, at = self.read("entries", number), 0
            for place in range(256):
                end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
                if at + 2 > len(bundle) or end > len(bundle):
                    raise Refused("BAD_ENTRY", f"leaf {number * 256 + place} is missing")
                if place == 255 and end != len(bundle):
                    raise Refused("BAD_ENTRY", f"leaf {number * 256 + place} is not the last of its bundle")
                yield bundle[at + 2 : end]
                at = end

    def rounds(self, origin: str) -> Iterator[tuple[int, tuple[int, ...], bytes]]:
        """Yield size, end offsets and root of each round."""
        try:
            head = json.loads((self.folder / "rounds.head").read_bytes())
            named, partitions = head["origin"], head["partitions"]
        except (ValueError, KeyError, TypeError):
            raise Refused("BAD_ROUND", "rounds.head") from None
        if named != origin or not isinstance(partitions, int) or not 1 <= partitions <= 4096:
            raise Refused("BAD_ROUND", "rounds.head is of another log")
        form = struct.Struct(f">{partitions + 1}Q32s")
        with (self.folder / "rounds").open("rb") as index:
            while len(record := index.read(form.size)) == form.size:
                size, *cut, root = form.unpack(record)
                yield size, tuple(cut), root

    def add(self, hashed: bytes, level: int = 0) -> None:
        """Take the next hash of a level, held against the tile; a full tile becomes a hash of the next level."""
        number = (self.size >> 8 * level + 8) if level == 0 else ((self.size >> 8 * level) - 1) // 256
        if level == len(self.levels):
            self.levels.append(([], b""))
        hashes, tile = self.levels[level]
        if not hashes:
            tile = self.read(str(level), number)
            self.levels[level] = (hashes, tile)
        if tile[32 * len(hashes) : 32 * len(hashes) + 32] != hashed:
            raise Refused("BAD_TILE", f"level {level}, hash {number * 256 + len(hashes)}")
        hashes.append(hashed)
        self.size += not level
        if len(hashes) == 256:
            if len(tile) != 8192:
                raise Refused("BAD_TILE", f"level {level}, tile {number} is too long")
            self.levels[level] = ([], b"")
            self.add(over(hashes), level + 1)

    def root(self) -> bytes:
        """Return the root over what was taken."""
        found = None
        for hashes, _ in self.levels:
            slots = hashes if found is None else [*hashes, found]
            found = over(slots) if slots else None
        return found or hashlib.sha256().digest()

    def take(self, cut: tuple[int, ...], ends: list[int], leaves: Iterator[bytes]) -> None:
        """Take the leaves of a round: every offset of each partition up to the cut."""
        for partition, end in enumerate(cut):
            for offset in range(ends[partition], end):
                entry = next(leaves)
                if len(entry) < 37 or entry[:13] != struct.pack(">BIQ", 1, partition, offset):
                    raise Refused("BAD_ENTRY", f"leaf {self.size} is not offset {offset} of partition {partition}")
                self.add(leaf_of(entry))

    def check(self, policy: Policy, kept: Iterable[bytes] = ()) -> str:
        """Return one line of what holds; raises Refused at the first place where something does not.

        The log must have been through every checkpoint that was `kept` elsewhere, by a witness or a citizen.
        """
        note = (self.folder / "checkpoint").read_bytes()
        origin, size, root, seen = check_checkpoint(note, policy)
        wanted = {size: root}
        for other in kept:
            known = check_checkpoint(other, policy, enough=False)
            if known[0] != origin or known[1] > size or wanted.setdefault(known[1], known[2]) != known[2]:
                raise Refused("KEPT_CHECKPOINT", f"the log has no tree of {known[1]} leaves as it was kept")
        leaves, ends, number = self.entries(), [0] * 4096, 0
        wanted.pop(0, None)  # the empty tree has one root
        for number, (end, cut, agreed) in enumerate(self.rounds(origin), 1):
            if end != sum(cut) or any(now < before for now, before in zip(cut, ends, strict=False)):
                raise Refused("BAD_ROUND", f"record {number}: its cut goes back or is not its size")
            self.take(cut, ends, leaves)
            ends = list(cut)
            if self.root() != agreed:
                raise Refused("BAD_ROUND", f"record {number}: its {end} leaves have another root")
            if wanted.pop(end, agreed) != agreed:
                raise Refused("BAD_CHECKPOINT", f"the {end} leaves have another root than was signed")
        if wanted:
            raise Refused("BAD_CHECKPOINT", f"no round ends at {min(wanted)} leaves")
        return f"{self.size} entries, {number} rounds; checkpoint of {size} seen by {', '.join(sorted(seen))}"


USAGE = "usage: verify_receipt.py RECEIPT POLICY | verify_receipt.py --export FOLDER POLICY [KEPT CHECKPOINT]..."


def main(arguments: list[str]) -> int:
    """Print the verdict; 0 holds, 1 does not, 2 wrong usage."""
    whole = arguments[:1] == ["--export"]
    if (len(arguments) < 3) if whole else (len(arguments) != 2):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        subject, trusted, *kept = [Path(argument) for argument in arguments[whole:]]
        policy = Policy(trusted.read_bytes().decode(errors="surrogateescape"))
        if whole:
            found = Export(subject).check(policy, [path.read_bytes() for path in kept])
        else:
            found = check_receipt(subject.read_bytes(), policy)
    except Refused as reason:
        print(f"REFUSED {reason}")
        return 1
    except OSError as fault:
        print(f"cannot be read: {fault}", file=sys.stderr)
        return 2
    print(f"HOLDS {found}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
