"""The log as an auditor finds it: its directory, or the address that serves it (C2SP tlog-tiles; consumers/log).

Reads bytes and vouches for none of them; must not know what they prove.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

TILE: Final = 256
HASH: Final = 32
MOST_PARTITIONS: Final = 4_096
FIRST_ROUND: Final = 1
LARGEST_BUNDLE: Final = TILE * (2 + 65_535)
OVERSIGHT: Final = "PENGAWASAN_EKSTERNAL"
"""Why an auditor reads entries, where nothing else is said: a code of the registry's purposes."""
_SECONDS: Final = 30.0
_MISSING: Final = 404
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")

Token = str | Callable[[], str]
"""An access token, or what returns the one of this moment: it lives five minutes, an audit may take hours."""


class Unreadable(Exception):
    """The log can't be read from here: no such directory, no answer, or entries that aren't open to this reader."""


class Malformed(Exception):
    """The head of the rounds index isn't one."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the rounds index is of."""

    origin: str
    partitions: int


class LogReader(Protocol):
    """The files of a log; what isn't there is empty."""

    def checkpoint(self) -> bytes:
        """Return the newest published signed note."""

    def head(self) -> Head:
        """Return what the rounds index is of; raises Malformed."""

    def rounds_length(self) -> int:
        """Return how many bytes the rounds index has."""

    def rounds(self, start: int, end: int) -> bytes:
        """Return bytes of the rounds index, the end not included."""

    def tile(self, level: int, number: int, width: int) -> bytes:
        """Return at least the first `width` hashes of a tile, as wide as it is published."""

    def bundle(self, number: int, width: int) -> bytes:
        """Return at least the first `width` entries of a bundle, as wide as published, each after its length."""


def tile_name(number: int) -> str:
    """Return a tile's number as the path of it: groups of three digits, all but the last after an x."""
    digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


@dataclass(frozen=True, slots=True)
class Directory:
    """A log's directory, its own or a copy."""

    folder: Path

    def checkpoint(self) -> bytes:
        """Return the newest published signed note."""
        return self._file("checkpoint")

    def head(self) -> Head:
        """Return what the rounds index is of; raises Malformed."""
        return _head(self._file("rounds.head"))

    def rounds_length(self) -> int:
        """Return how many bytes the rounds index has."""
        path = self.folder / "rounds"
        return path.stat().st_size if path.is_file() else 0

    def rounds(self, start: int, end: int) -> bytes:
        """Return bytes of the rounds index."""
        with (self.folder / "rounds").open("rb") as index:
            index.seek(start)
            return index.read(end - start)

    def tile(self, level: int, number: int, width: int) -> bytes:  # noqa: ARG002  one file grows: whatever is in it
        """Return the hashes of a tile."""
        return self._file(f"tile/{level}/{tile_name(number)}")

    def bundle(self, number: int, width: int) -> bytes:  # noqa: ARG002  one file grows: whatever is in it
        """Return the entries of a bundle."""
        return self._file(f"tile/entries/{tile_name(number)}")

    def _file(self, name: str) -> bytes:
        path = self.folder / name
        try:
            with path.open("rb") as file:
                return file.read(LARGEST_BUNDLE + 1)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            if not self.folder.is_dir():
                raise Unreadable(f"no log at {self.folder}") from None
            return b""


@dataclass(frozen=True)
class Address:
    """A log served over HTTP; `token` opens its entries, asked for at each bundle. The token is shown nowhere.

    Each reading of entries is on record there, for this purpose.
    """

    url: str
    token: Token = field(default="", repr=False)
    purpose: str = OVERSIGHT

    def checkpoint(self) -> bytes:
        """Return the newest published signed note."""
        return self._get("checkpoint")

    def head(self) -> Head:
        """Return what the rounds index is of; raises Malformed."""
        return _head(self._get("rounds.head"))

    def rounds_length(self) -> int:
        """Return how many bytes the rounds index has."""
        answer = self._ask("rounds", {"Range": "bytes=0-0"})
        said = answer.headers.get("Content-Range", "").rpartition("/")[2]
        return int(said) if said.isascii() and said.isdigit() else len(answer.content)

    def rounds(self, start: int, end: int) -> bytes:
        """Return bytes of the rounds index."""
        if end <= start:
            return b""
        answer = self._ask("rounds", {"Range": f"bytes={start}-{end - 1}"})
        return answer.content if answer.status_code == httpx.codes.PARTIAL_CONTENT else answer.content[start:end]

    def tile(self, level: int, number: int, width: int) -> bytes:
        """Return the hashes of a tile."""
        return self._get(f"tile/{level}/{tile_name(number)}{_width(width)}")

    def bundle(self, number: int, width: int) -> bytes:
        """Return the entries of a bundle; raises Unreadable where they are not open to this reader."""
        token = self.token() if callable(self.token) else self.token
        headers = {"Jejak-Purpose": self.purpose} | ({"Authorization": f"Bearer {token}"} if token else {})
        return self._ask(f"tile/entries/{tile_name(number)}{_width(width)}", headers).content

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url.rstrip('/')}/", timeout=_SECONDS)

    def __getstate__(self) -> dict[str, Any]:
        # Another process connects by itself.
        return {"url": self.url, "token": self.token, "purpose": self.purpose}

    def _get(self, name: str) -> bytes:
        return self._ask(name, {}).content

    def _ask(self, name: str, headers: dict[str, str]) -> httpx.Response:
        try:
            answer = self._client.get(name, headers=headers)
        except httpx.HTTPError as fault:
            raise Unreadable(f"{self.url} does not answer: {type(fault).__name__}") from fault
        if answer.status_code == _MISSING:
            return httpx.Response(_MISSING, content=b"")
        if not answer.is_success:
            raise Unreadable(f"{self.url}/{name} answers {answer.status_code}{_why(answer)}")
        return answer


def found_at(where: str, token: Token = "", purpose: str = OVERSIGHT) -> Directory | Address:
    """Return the log of a folder or of an http(s) address."""
    return Address(where, token, purpose) if where.startswith(("http://", "https://")) else Directory(Path(where))


def entries(log: LogReader, first: int, end: int, size: int) -> Iterator[bytes]:
    """Yield the entries of leaves from `first` up to `end` of a log of `size`; fewer where its bundles end early."""
    for number in range(first // TILE, -(-end // TILE)):
        bundle, at = log.bundle(number, min(TILE, size - number * TILE)), 0
        for leaf in range(number * TILE, min(end, number * TILE + TILE)):
            after = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
            if at == len(bundle) or after > len(bundle):
                return
            if leaf >= first:
                yield bundle[at + 2 : after]
            at = after


def _why(answer: httpx.Response) -> str:
    """Return the code of a problem (RFC 9457), where the answer is one that names it."""
    try:
        code = answer.json()["code"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" ({code})" if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _width(width: int) -> str:
    return "" if width == TILE else f".p/{width}"


def _head(content: bytes) -> Head:
    try:
        said = json.loads(content)
        origin, partitions = said["origin"], said["partitions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Malformed("rounds.head is no head of an index") from None
    if not isinstance(origin, str) or type(partitions) is not int or not 1 <= partitions <= MOST_PARTITIONS:
        raise Malformed("rounds.head names no origin, or partitions that can't be")
    written = {"origin": origin, "partitions": partitions, "first_round": FIRST_ROUND}
    # No signature covers it: a head that may be spelled in two ways could be changed unseen.
    if content != json.dumps(written, indent=1).encode() + b"\n":
        raise Malformed("rounds.head is not spelled as the sequencer writes it")
    return Head(origin, partitions)
