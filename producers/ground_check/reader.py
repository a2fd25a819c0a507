"""Reads submissions of ODK or Kobo, XML files or one export (CSV, XLSX): each is changes or a line of the report.

Must not know keys, Kafka or databases.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from producers.draft import Channel, refused
from producers.ground_check import export, names, visits, xml_file
from producers.ground_check.export_table import WORKBOOK
from producers.ground_check.submission import Submission
from producers.messages import Fault
from producers.reading import Item, Reading, digest_of

COLUMNS: Final = {"kk": names.CARD, "nik": names.NIK, "name": names.NAME}
ROW_RECORDS: Final = frozenset({"GroundCheckRecorded"})
_XML, _CSV = ".xml", ".csv"


class MixedFiles(Exception):
    """XML files and an export were named together, or neither: which row is meant would not be told."""


def files_of(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files, those of each folder and the folders in it; raises MixedFiles unless all are of one kind."""
    named = [path for path in paths if not path.is_dir()]
    inside = [file for path in paths if path.is_dir() for file in sorted(path.rglob("*")) if _kind(file)]
    found = tuple(dict.fromkeys([*named, *inside]))
    if len({_kind(path) for path in found}) != 1 or not all(_kind(path) for path in found):
        raise MixedFiles
    return found


def read(files: Sequence[Path], channel: Channel, photos: Path | None = None) -> Reading:
    """Return what the files say on this channel, their kind told by `files_of`; each visit is a document of its own.

    A row is the place of an XML file among `files`, or the line (in a workbook, the row) of a visit in the export.
    """
    digest = sha256("".join(digest_of(path) for path in files).encode()).hexdigest()
    return Reading(digest, None, None, lambda: _items(files, channel, photos))


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    return suffix if suffix in {_XML, _CSV, WORKBOOK} else ""


def _submissions(files: Sequence[Path]) -> Iterator[Submission]:
    if _kind(files[0]) == _XML:
        return (xml_file.read(path, number) for number, path in enumerate(files, 1))
    return export.read(files)


def _items(files: Sequence[Path], channel: Channel, photos: Path | None) -> Iterator[Item]:
    seen: dict[str, int] = {}
    for submission in _submissions(files):
        visit = visits.read(submission, photos)
        first = seen.setdefault(submission.instance, submission.row)
        if submission.instance and first != submission.row:
            visit.faults.insert(0, Fault("SUBMISSION_TWICE", "", {"row": first}))
        faults = visit.all_faults
        if faults:
            yield refused(channel, submission.row, faults)
        else:
            yield from visits.drafts(visit, channel)
