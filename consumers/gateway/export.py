"""An export to an agency under its grant: families chunk by chunk through the door, into a file marked for it.

Each person is on record before the chunk's bytes are returned. The file keeps a name of its own until the hand-over is
on record; an export that was killed goes on where its journal stands. Must not know how a door is made.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from consumers.gateway import export_rows
from consumers.gateway.export_journal import Journal, Reached, opened
from consumers.gateway.export_rows import ROW_ID, Format, Row
from consumers.gateway.honey import Honey
from consumers.gateway.request import Caller, ChunkDisclosed, ExportAsked, ExportStream, FamilyRow, Purpose, Withheld
from consumers.read_model.queries import FamilyInRegion, FamilyPage
from identity.export_mark import MarkKey
from schemas import regions

ERASED_SINCE: Final = "ERASED_SINCE"
CHUNK: Final = 100  # families; their disclosures fit the audit trail's queue many times over


class Exporting(Protocol):
    """What is used of the door."""

    def open_export(
        self, caller: Caller, purpose: Purpose, asked: ExportAsked, second: Caller | None = None
    ) -> ExportStream | Withheld:
        """Lend the stream of an export, its intent on record."""


class Lists(Protocol):
    """Where families are listed by region, without any data of persons."""

    def families_in(
        self, region: regions.Region, decile: int | None = ..., after: FamilyInRegion | None = ..., limit: int = ...
    ) -> FamilyPage:
        """Return up to `limit` families that live in the region, after `after`."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported to whom: the terms of a grant, and how the file is written."""

    request_id: str
    purpose: str
    fields: tuple[str, ...]
    regions: tuple[str, ...]
    most_persons: int
    kind: Format
    began_at: int

    @property
    def terms(self) -> str:
        """What an interrupted export must share with the one that goes on."""
        return json.dumps([self.purpose, self.fields, self.regions, self.kind])


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is whole, under its name in the making: its digest, and what the manifest and hand-over tell."""

    digest: bytes
    reached: Reached
    mark: str
    intents: tuple[str, ...]


def export(  # noqa: PLR0913, PLR0917  the parts that it joins
    door: Exporting,
    lists: Lists,
    key: MarkKey,
    caller: Caller,
    wanted: Export,
    target: Path,
    second: Caller | None = None,
) -> Made | Withheld:
    """Return the whole file, made durable beside `target`; a Withheld leaves the part that was disclosed so far.

    Where somebody in that part was erased since, it is dropped and made anew, everybody in it disclosed again; where
    that is found at the end, the answer is ERASED_SINCE, and the same export begins anew when asked for again.
    `second` is the officer who approved, by their own token, where the policies want one for so many persons.
    Raises JournalRefused where another export lies there.
    """
    beginning = Reached(wanted.request_id, wanted.terms, wanted.began_at)
    with opened(target, beginning) as (journal, stood):
        begun = _begun(lambda at: _asked(door, caller, wanted, at, second), journal, stood, beginning)
        if isinstance(begun, Withheld):
            return begun
        stream, reached = begun
        running = _Running(stream, key, wanted, journal, reached)
        why = running.run(lists) or _outdated(stream, journal)
        if why is not None:
            return stream.abandon(why.code)
        ended = stream.close()
        if isinstance(ended, Withheld):
            return ended
        return Made(journal.digest(), running.reached, key.mark(wanted.request_id), (stream.intent.event_id.hex(),))


def _asked(
    door: Exporting, caller: Caller, wanted: Export, reached: Reached, second: Caller | None
) -> ExportStream | Withheld:
    left = wanted.most_persons - reached.persons
    asked = ExportAsked(wanted.request_id, wanted.fields, wanted.regions, left)
    return door.open_export(caller, Purpose(wanted.purpose, None, wanted.request_id), asked, second)


def _begun(
    ask: Callable[[Reached], ExportStream | Withheld], journal: Journal, stood: Reached, beginning: Reached
) -> tuple[ExportStream, Reached] | Withheld:
    """Return the stream and where it goes on: at the beginning, where somebody of an earlier run was erased since."""
    stream = ask(stood)
    if isinstance(stream, Withheld):
        return stream
    why = _outdated(stream, journal)
    if why is None:
        return stream, stood
    ended = stream.abandon(why.code)
    if ended.code != ERASED_SINCE:
        return ended
    anew = ask(beginning)
    return anew if isinstance(anew, Withheld) else (anew, beginning)


def _outdated(stream: ExportStream, journal: Journal) -> Withheld | None:
    """Drop a file with rows of somebody who was erased since, and say so; None where there is nobody."""
    erased = stream.erased_among(journal.owners())
    if isinstance(erased, Withheld):
        return erased
    if not erased:
        return None
    journal.drop()
    return Withheld(ERASED_SINCE)


def refused(door: Exporting, caller: Caller, wanted: Export, code: str, second: Caller | None = None) -> Withheld:
    """Return the refusal of an export that may not begin here, once the attempt is on record with an empty outcome."""
    asked = ExportAsked(wanted.request_id, wanted.fields, wanted.regions, wanted.most_persons)
    stream = door.open_export(caller, Purpose(wanted.purpose, None, wanted.request_id), asked, second)
    return stream if isinstance(stream, Withheld) else stream.abandon(code)


class _Running:
    """One run of an export: from where it stands to its end."""

    def __init__(self, stream: ExportStream, key: MarkKey, wanted: Export, journal: Journal, reached: Reached) -> None:
        self._stream = stream
        self._key = key
        self._wanted = wanted
        self._journal = journal
        self.reached = reached
        self._heads = export_rows.columns(wanted.fields)
        self._pending = reached  # what the chunk in the making adds to

    def run(self, lists: Lists) -> Withheld | None:
        """Write every chunk that is left; a Withheld says why it broke off."""
        for region, page in self._pages(lists):
            answer = self._stream.disclose_chunk([one.family_id for one in page.families], self._render)
            if isinstance(answer, Withheld):
                return answer
            last = page.families[-1]
            self._written(answer, region, (last.kecamatan, last.region_code, last.family_id))
        if not self.reached.honey:  # nobody lives there: the file names its recipient all the same
            self._pending = self.reached
            body = self._render(())
            self._journal.write(body, replace(self._pending, bytes=self.reached.bytes + len(body)))
            self.reached = replace(self._pending, bytes=self.reached.bytes + len(body))
        return None

    def _pages(self, lists: Lists) -> Iterator[tuple[int, FamilyPage]]:
        for number in range(self.reached.region, len(self._wanted.regions)):
            region = regions.kemendagri(self._wanted.regions[number])
            held = self.reached.after if number == self.reached.region else None
            after = FamilyInRegion(*held, 0, "") if held is not None else None
            while True:
                page = lists.families_in(region, after=after, limit=CHUNK)
                if page.families:
                    yield number, page
                after = page.after
                if after is None:
                    break

    def _render(self, families: Sequence[FamilyRow]) -> bytes:
        """Return the chunk's bytes; the mark's own person stands somewhere among its first rows."""
        found: list[Row] = list(export_rows.rows(families))
        pending = self.reached
        start = b"" if pending.bytes else export_rows.heading(self._heads, self._wanted.kind)
        if not pending.honey:
            place = self._key.draw(self._wanted.request_id, "place", len(found) + 1)
            found.insert(place, self._honey())
        for number, row in enumerate(found, pending.rows):
            row[ROW_ID] = self._key.row(self._wanted.request_id, number)
        owners = export_rows.owners(families)
        self._pending = replace(pending, rows=pending.rows + len(found), honey=True, owners=owners)
        return start + export_rows.written(found, self._heads, self._wanted.kind)

    def _honey(self) -> dict[str, Any]:
        return Honey(self._key, self._wanted.request_id, self._wanted.regions[0]).row(self._wanted.fields)

    def _written(self, chunk: ChunkDisclosed, region: int, after: tuple[str, str, str]) -> None:
        reached = replace(
            self._pending,
            bytes=self.reached.bytes + len(chunk.body),
            persons=self.reached.persons + chunk.persons,
            left_out=self.reached.left_out + len(chunk.left_out),
            chunks=self.reached.chunks + 1,
            region=region,
            after=after,
        )
        self._journal.write(chunk.body, reached)
        self.reached = reached


def recipient_of(text: str, key: MarkKey, requests: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    """Yield the requests whose file a leaked text is of: by an id of its rows, or by the person invented for it.

    `requests` are those handed over: their ids, first region and number of rows at most.
    """
    for request_id, region_code, most_rows in requests:
        honey = Honey(key, request_id, region_code)
        if honey.in_text(text) or any(key.row(request_id, number) in text for number in range(most_rows)):
            yield request_id
