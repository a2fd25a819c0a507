"""The parts of a workbook's package (XLSX): which there are, which sheets are shown, which formats are dates.

Refuses what would fill the machine before it is opened. Must not know cells or rows.
"""

import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from producers.tables.markup import Attributes, Damaged, Markup

_MOST_BYTES: Final = 2 << 30
_MOST_DIRECTORY: Final = 4 << 20
_MOST_PARTS: Final = 10_000
_MOST_SMALL: Final = 16 << 20
_MOST_FORMATS: Final = 100_000
_NO_TABLE: Final = frozenset({"chartsheet", "dialogsheet", "xlMacrosheet"})
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x06"
_TAIL: Final = 66_000
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})  # ECMA-376, 18.8.30
_NOT_THE_FORM: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DAY_OR_TIME: Final = re.compile(r"[dmyhs]", re.IGNORECASE)


class TooLarge(Exception):
    """The workbook would fill the machine, or its cells stand too far apart."""


@dataclass(frozen=True, slots=True)
class Package:
    """A workbook's parts: its shown sheets in their order, where its shared texts are, which cell formats are dates."""

    file: zipfile.ZipFile = field(repr=False)
    sheets: tuple[zipfile.ZipInfo, ...]
    strings: zipfile.ZipInfo | None
    dates: frozenset[str]
    since_1904: bool


def opened(path: Path) -> Package:
    """Return the package; raises Damaged, TooLarge, or what zipfile raises for an archive it can't read."""
    if _directory_bytes(path) > _MOST_DIRECTORY:
        raise TooLarge
    file = zipfile.ZipFile(path)
    members = _members(file)
    main = _main(file, members)
    related = _related(file, members, main)
    book = _Book()
    _read(file, members.get(main), book.markup())
    sheets = [part for one in book.shown if (part := _sheet(members, related, one)) is not None]
    if len({one.filename for one in sheets}) < len(sheets):
        raise Damaged("two sheets are one part")
    strings = next((target for kind, target in related.values() if kind == "sharedStrings"), None)
    styles = next((target for kind, target in related.values() if kind == "styles"), None)
    formats = _Formats()
    _read(file, members.get(styles) if styles else None, formats.markup())
    text = members.get(strings) if strings else None
    return Package(file, tuple(sheets), text, formats.dates(), book.since_1904)


def _directory_bytes(path: Path) -> int:
    """Return how large the archive says its directory is, which is held as a whole when it is opened."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL))
        tail = file.read()
    at, at_64 = tail.rfind(_END), tail.rfind(_END_64)
    found = [struct.unpack_from("<L", tail, at + 12)[0]] if 0 <= at <= len(tail) - 16 else []
    found += [struct.unpack_from("<Q", tail, at_64 + 40)[0]] if 0 <= at_64 <= len(tail) - 48 else []
    return int(found[-1]) if found else 0


def _members(file: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the parts by their names as a package compares them; two of one name would be read as either."""
    infos = [one for one in file.infolist() if not one.is_dir()]
    if len(infos) > _MOST_PARTS or sum(one.file_size for one in infos) > _MOST_BYTES:
        raise TooLarge
    found = {_named(one.filename): one for one in infos}
    if len(found) < len(infos):
        raise Damaged("two parts of one name")
    return found


def _named(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()


def _main(file: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> str:
    related = _relations(file, members.get("_rels/.rels"), "")
    found = next((target for kind, target in related.values() if kind == "officeDocument"), "xl/workbook.xml")
    if found not in members or not found.endswith(".xml"):
        raise Damaged("no workbook in the package")
    return found


def _related(file: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], part: str) -> dict[str, tuple[str, str]]:
    at = PurePosixPath(part)
    return _relations(file, members.get(f"{at.parent}/_rels/{at.name}.rels"), str(at.parent))


def _relations(file: zipfile.ZipFile, part: zipfile.ZipInfo | None, folder: str) -> dict[str, tuple[str, str]]:
    """Return what a part is related to: by id, the kind and the name of the other part."""
    found: dict[str, tuple[str, str]] = {}

    def relation(said: Attributes) -> None:
        kind = said.get("Type", "").rpartition("/")[2]
        target = said.get("Target", "").replace("\\", "/")
        whole = target if target.startswith("/") else f"{folder}/{target}"
        found[said.get("Id", "")] = (kind, _named(_plain(whole)))

    _read(file, part, Markup({"Relationship": relation}, {}))
    return found


def _plain(path: str) -> str:
    """Return a path within the package without `.` and `..`."""
    kept: list[str] = []
    for one in path.split("/"):
        if one == "..":
            del kept[-1:]
        elif one not in {"", "."}:
            kept.append(one)
    return "/".join(kept)


def _sheet(
    members: Mapping[str, zipfile.ZipInfo], related: Mapping[str, tuple[str, str]], one: str
) -> zipfile.ZipInfo | None:
    """Return a sheet's part by its id; None for a sheet that is a chart or a dialog."""
    kind, target = related.get(one, ("", ""))
    if kind in _NO_TABLE:
        return None
    if kind != "worksheet" or target not in members:
        raise Damaged("a sheet that isn't there")
    return members[target]


def _read(file: zipfile.ZipFile, part: zipfile.ZipInfo | None, markup: Markup) -> None:
    """Read a small part to its end; one that isn't there says nothing."""
    if part is None:
        return
    if part.file_size > _MOST_SMALL:
        raise TooLarge
    with file.open(part) as opened_part:
        for _ in markup.read(opened_part):
            pass


class _Book:
    """The workbook's own part: the ids of the sheets that are shown, and from which year its days count."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.since_1904 = False

    def markup(self) -> Markup:
        return Markup({"sheet": self._sheet, "workbookPr": self._about}, {})

    def _sheet(self, said: Attributes) -> None:
        if said.get("state", "visible") == "visible":
            ids = [value for name, value in said.items() if name.endswith(":id")]
            self.shown.append(ids[0] if ids else "")

    def _about(self, said: Attributes) -> None:
        self.since_1904 = said.get("date1904", "0") in {"1", "true", "on"}


class _Formats:
    """The formats of cells: which of them show a day or a time."""

    def __init__(self) -> None:
        self._own: dict[str, bool] = {}
        self._cells: list[str] = []
        self._within = False

    def markup(self) -> Markup:
        starts = {"numFmt": self._format, "cellXfs": lambda _: self._in(within=True), "xf": self._cell}
        return Markup(starts, {"cellXfs": lambda: self._in(within=False)})

    def dates(self) -> frozenset[str]:
        return frozenset(str(place) for place, one in enumerate(self._cells) if self._is_date(one))

    def _in(self, *, within: bool) -> None:
        self._within = within

    def _format(self, said: Attributes) -> None:
        form = _NOT_THE_FORM.sub("", said.get("formatCode", "").partition(";")[0])
        self._own[said.get("numFmtId", "")] = bool(_DAY_OR_TIME.search(form)) and "General" not in form
        self._bounded(len(self._own))

    def _cell(self, said: Attributes) -> None:
        if self._within:
            self._cells.append(said.get("numFmtId", "0"))
            self._bounded(len(self._cells))

    def _is_date(self, one: str) -> bool:
        return self._own[one] if one in self._own else one.isdigit() and int(one) in _DATES

    @staticmethod
    def _bounded(count: int) -> None:
        if count > _MOST_FORMATS:
            raise TooLarge
