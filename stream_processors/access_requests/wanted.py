"""What may be asked for, and what may be granted of it: papers, purposes, fields, regions, persons, time, notes.

Source: domain guide 4.F (four papers) and 4.G (a reason is never null); the longest time is ours. Which codes of
purposes and fields there are is the policies' to know, not this module's.
"""

import re
import unicodedata
from typing import Final

from schemas.records import AccessGranted, AccessRequestDrafted, AccessRequestState
from stream_processors.access_requests import parties
from stream_processors.registry.decision import Refused

LONGEST_MICROS: Final = 366 * 86_400_000_000
LONGEST_NOTE: Final = 1_000
PAPERS: Final = ("letter_digest", "terms_digest", "integrity_digest", "confidentiality_digest")
_MOST_LISTED: Final = 64
# As many digits as a NIK has, each with at most one sign after it.
_NUMBER: Final = re.compile(r"(?:[0-9][ ./-]?){16,}")


def refused_note(note: str) -> Refused | None:
    """Refuse a note that says nothing, too much, or a person's number."""
    if not note.strip():
        return Refused("NOTE_MISSING", "/note", "a return, refusal or suspension says why")
    if len(note) > LONGEST_NOTE:
        return Refused("NOTE_TOO_LONG", "/note", f"a note has at most {LONGEST_NOTE} characters")
    if _NUMBER.search(unicodedata.normalize("NFKC", note)):
        return Refused("NOTE_NAMES_PERSON", "/note", "a note holds no person's number")
    return None


def refused_draft(record: AccessRequestDrafted) -> Refused | None:
    """Refuse a draft without its four papers, or one that asks for what nobody can grant."""
    papers = [getattr(record, name) for name in PAPERS]
    for name, paper in zip(PAPERS, papers, strict=True):
        if not any(paper):
            return Refused("PAPER_MISSING", f"/{name}", "a request comes with four papers")
    if len(set(papers)) < len(papers):
        return Refused("PAPER_TWICE", "/letter_digest", "one paper stands for two")
    return _refused_terms(record)


def refused_grant(record: AccessGranted, state: AccessRequestState) -> Refused | None:
    """Refuse a grant to another agency, or of more than was asked for."""
    if record.agency != state.agency:
        return Refused("NOT_REQUESTER", "/agency", "another agency asked")
    for name in ("purposes", "fields", "regions"):
        if not set(getattr(record, name)) <= set(getattr(state, name)):
            return Refused("MORE_THAN_ASKED", f"/{name}", "a grant is no wider than its request")
    if record.most_persons > state.most_persons:
        return Refused("MORE_THAN_ASKED", "/most_persons", "a grant is no wider than its request")
    if record.valid_from < state.valid_from or record.valid_until > state.valid_until:
        return Refused("MORE_THAN_ASKED", "/valid_until", "a grant is no longer than its request")
    return _refused_terms(record)


def _refused_terms(record: AccessRequestDrafted | AccessGranted) -> Refused | None:
    for name in ("purposes", "fields", "regions"):
        listed = getattr(record, name)
        if not listed or len(listed) > _MOST_LISTED or len(set(listed)) < len(listed):
            return Refused("LIST_UNSOUND", f"/{name}", f"1 to {_MOST_LISTED}, each once")
    if parties.regency_of(record.regions) is None:
        return Refused("REGION_UNKNOWN", "/regions", "all regions exist and lie in one kabupaten or kota")
    if record.most_persons < 1:
        return Refused("PERSONS_UNSOUND", "/most_persons", "at least one person")
    if not 0 < record.valid_until - record.valid_from <= LONGEST_MICROS:
        return Refused("TIME_UNSOUND", "/valid_until", "it ends after it begins, and within 366 days")
    return None
