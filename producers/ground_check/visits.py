"""From a submission to the visit that it tells of: checked in full, then its changes, or every fault of it.

A person whom the form calls new (404 is 5) is claimed before the visit, so that the visit speaks of nobody unknown.
Photos are known by their SHA-256 alone. Must not know files of submissions, keys or Kafka.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from identity.rules import check_nik, check_nik_birth
from producers import places
from producers.draft import Channel, Draft
from producers.ground_check import answers, names
from producers.ground_check.answers import Sheet
from producers.ground_check.submission import Submission
from producers.messages import Fault
from schemas.bounds import MOST_MEMBERS
from schemas.questionnaire import Questionnaire, Variable, questionnaire
from schemas.regions import Region

_ZONED: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}.*(?:Z|[+-][0-9]{2}:?[0-9]{2})")
_NEW_MEMBER: Final = 5
_HEAD: Final = 1
_YES: Final = 1
_PREGNANT_MONTHS: Final = 9  # a pregnancy that began in the month of the visit ends by then: our design
_NOT_TOLD: Final = 0
_CLAIMED: Final = (names.NAME, names.BORN, names.SEX, names.PRESENCE, "relationship", names.MARRIED)
_SEXES: Final = {1: "male", 2: "female"}
_LARGEST_PHOTO: Final = 64 << 20


@dataclass(slots=True)
class Visit:
    """A submission as read: its version and values, and the faults and warnings that were found."""

    submission: Submission
    version: Questionnaire | None = None
    visited_at: datetime | None = None
    result: int = 0
    family: Sheet = field(default_factory=lambda: Sheet(""))
    members: list[Sheet] = field(default_factory=list)
    region: Region | None = None
    photo: bytes | None = None
    faults: list[Fault] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """Every fault, those of the visit first, then of the family, then of each person."""
        sheets = [self.family, *self.members]
        return (*self.faults, *(fault for sheet in sheets for fault in sheet.faults))

    @property
    def findings(self) -> tuple[str, ...]:
        """Every warning's code, once."""
        sheets = [self.family, *self.members]
        return tuple(dict.fromkeys([*self.warned, *(code for sheet in sheets for code in sheet.warned)]))


def read(submission: Submission, photos: Path | None = None) -> Visit:
    """Return the visit with every rule held that its answers let one hold; photos lie in `photos`, or beside it."""
    visit = Visit(submission, faults=list(submission.faults))
    if submission.faults and not submission.answers:
        return visit
    told = submission.answers
    visit.version = questionnaire(told.get(names.QUESTIONNAIRE, ""))
    if not submission.instance:
        visit.faults.append(Fault("INSTANCE_MISSING"))
    if visit.version is None:
        visit.faults.append(Fault("QUESTIONNAIRE_UNKNOWN", names.QUESTIONNAIRE))
        return visit
    _when(visit, told)
    _result(visit, visit.version, told)
    _place(visit, told)
    _sheets(visit, visit.version)
    _photo(visit, told.get(names.PHOTO, ""), photos)
    return visit


def _when(visit: Visit, told: Mapping[str, str]) -> None:
    text = told.get(names.VISITED_AT)
    if text is None:
        visit.faults.append(Fault("ANSWER_MISSING", names.VISITED_AT))
        return
    try:
        visit.visited_at = datetime.fromisoformat(text) if _ZONED.fullmatch(text) else None
    except ValueError:
        visit.visited_at = None
    if visit.visited_at is None:
        visit.faults.append(Fault("TIME_FORMAT", names.VISITED_AT))


def _result(visit: Visit, version: Questionnaire, told: Mapping[str, str]) -> None:
    text = told.get(names.RESULT)
    if text is None:
        visit.faults.append(Fault("ANSWER_MISSING", names.RESULT))
    elif not (text.isascii() and text.isdigit() and len(text) == 1 and int(text) in version.results):
        listed = ", ".join(map(str, version.results))
        visit.faults.append(Fault("CODE_UNKNOWN_WORD", names.RESULT, {"codes": listed}))
    else:
        visit.result = int(text)


def _place(visit: Visit, told: Mapping[str, str]) -> None:
    code = told.get(names.REGION)
    if code is not None:
        found = places.desa("KEMENDAGRI", code, names.REGION)
        if isinstance(found, Fault):
            visit.faults.append(found)
        else:
            visit.region = found


def _sheets(visit: Visit, version: Questionnaire) -> None:
    told, day = visit.submission.answers, _day(visit)
    own = {names.QUESTIONNAIRE, names.VISITED_AT, names.RESULT, names.REGION, names.PHOTO}
    visit.family = answers.read(version, version.family, told, "", day)
    _strangers(visit.family, version.family, told.keys() - own)
    if names.CARD not in told:
        visit.family.fault("ANSWER_MISSING", names.CARD)
    for number, person in enumerate(visit.submission.members, 1):
        sheet = answers.read(version, version.individual, person, f"{names.MEMBERS}[{number}]", day)
        _strangers(sheet, version.individual, person.keys())
        _identity(sheet, person)
        visit.members.append(sheet)
    if visit.result not in names.FILLED:
        _not_filled(visit, told.keys() - own - {names.CARD})
    elif visit.result == names.COMPLETE:
        _complete(visit, version)
    _persons(visit)
    _counted(visit, version)


def _day(visit: Visit) -> date | None:
    return visit.visited_at.date() if visit.visited_at is not None else None


def _strangers(sheet: Sheet, asked: Sequence[Variable], told: Any) -> None:
    listed = {one.name for one in asked}
    for name in sorted(told):
        if name not in listed:
            sheet.fault("NOT_IN_QUESTIONNAIRE", name)


def _identity(sheet: Sheet, person: Mapping[str, str]) -> None:
    """Note what a person's row lacks of what names them, and warn where the NIK states another birth or sex (V15)."""
    if names.NIK not in person:
        sheet.fault("ANSWER_MISSING", names.NIK)
        return
    if sheet.values.get(names.PRESENCE) == _NEW_MEMBER:
        for name in _CLAIMED:
            if name not in person:
                sheet.fault("ANSWER_MISSING", name)
    born, sex = sheet.values.get(names.BORN), _SEXES.get(sheet.values.get(names.SEX) or 0)
    nik = sheet.values[names.NIK]
    if born is not None and sex is not None and not check_nik(nik):
        sheet.warned += [found.code for found in check_nik_birth(nik, born, sex)]  # type: ignore[arg-type]  # one of two


def _not_filled(visit: Visit, told: Any) -> None:
    for name in sorted(told):
        visit.family.fault("FORM_NOT_DUE", name)
    if visit.members:
        visit.family.fault("FORM_NOT_DUE", names.MEMBERS)


def _complete(visit: Visit, version: Questionnaire) -> None:
    told = visit.submission.answers
    listed = [one for one in version.family if one.name != names.CARD]
    answers.missing(visit.family, listed, told, _day(visit))
    if names.PHOTO not in told:
        visit.family.fault("ANSWER_MISSING", names.PHOTO)
    if not visit.members:
        visit.family.fault("ANSWER_MISSING", names.MEMBERS)
    for sheet, person in zip(visit.members, visit.submission.members, strict=True):
        left = sheet.values.get(names.PRESENCE) in version.gone
        listed = [one for one in version.individual if one.name not in {names.NIK, *_already(sheet)}]
        answers.missing(sheet, [] if left else listed, person, _day(visit))


def _already(sheet: Sheet) -> tuple[str, ...]:
    return _CLAIMED if sheet.values.get(names.PRESENCE) == _NEW_MEMBER else ()


def _persons(visit: Visit) -> None:
    """Note a person told of twice, and a family with no head or several (V14)."""
    niks: dict[str, int] = {}
    for number, sheet in enumerate(visit.members, 1):
        nik = sheet.values.get(names.NIK)
        if nik and niks.setdefault(nik, number) != number:
            sheet.fault("MEMBER_TWICE", names.NIK, {"number": niks[nik]})
    heads = sum(sheet.values.get("relationship") == _HEAD for sheet in visit.members)
    if heads > 1 or (heads == 0 and visit.result == names.COMPLETE and visit.members):
        visit.family.fault("V14", f"{names.MEMBERS}/relationship", {"heads": heads})
    if len(visit.members) > MOST_MEMBERS:
        visit.family.fault("MEMBERS_TOO_MANY", names.MEMBERS, {"most": MOST_MEMBERS})


def _counted(visit: Visit, version: Questionnaire) -> None:
    """Note more members (401) than the family counts (112, V14); an answer that can't be read counts nobody."""
    for rule in version.rules:
        if rule.kind == "no_more_than_counted":
            codes = [sheet.values.get(rule.of, _NOT_TOLD) for sheet in visit.members]
            listed = sum(code is not None and code not in rule.codes for code in codes)
            for name in rule.fields:
                count = visit.family.values.get(name)
                if count is not None and listed > count:
                    visit.family.fault("V14_MEMBERS", name, {"count": count, "listed": listed})


def _photo(visit: Visit, name: str, photos: Path | None) -> None:
    """Take the photo's SHA-256 where the file is at hand; its name alone says where, never a path."""
    folder = photos or visit.submission.beside
    if not name:
        return
    if Path(name).name != name or name in {".", ".."} or "\\" in name or "\0" in name:
        visit.faults.append(Fault("PHOTO_NAME", names.PHOTO))
        return
    file = folder / name if folder is not None else None
    try:
        if file is None or not file.is_file() or file.is_symlink() or file.stat().st_size > _LARGEST_PHOTO:
            visit.warned.append("PHOTO_MISSING")
            return
        with file.open("rb") as content:
            visit.photo = file_digest(content, "sha256").digest()
    except OSError:  # a name that the file system doesn't take, or a file that can't be read: it isn't at hand
        visit.warned.append("PHOTO_MISSING")


def drafts(visit: Visit, channel: Channel) -> Iterator[Draft]:
    """Yield the changes of a visit without faults: a claim for each new person, the visit, who is pregnant (410)."""
    if visit.version is None or visit.visited_at is None:
        raise TypeError("a visit with faults becomes no change")
    submission, sheet = visit.submission, visit.family.values
    said = replace(channel, document=submission.instance)
    since = visit.visited_at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    at = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    card = sheet[names.CARD]
    for person in visit.members:
        if person.values.get(names.PRESENCE) == _NEW_MEMBER:
            yield Draft(said, "MembershipClaimed", at, card, _claim(person.values), row=submission.row)
    region = visit.region
    body = {
        "result": visit.result,
        "questionnaire": visit.version.version,
        "region": region and {"system": region.system, "edition": region.edition, "code": region.code},
        "family": {name: value for name, value in sheet.items() if name != names.CARD}
        if visit.result in names.FILLED
        else None,
        "individuals": [_individual(person.values) for person in visit.members],
        "photo_digest": visit.photo,
    }
    yield Draft(said, "GroundCheckRecorded", at, card, body, row=submission.row, findings=visit.findings)
    for person in visit.members:
        if person.values.get("pregnant") == _YES:
            condition = _pregnancy(person.values[names.NIK], visit.visited_at.date())
            yield Draft(said, "PersonConditionRecorded", at, card, condition, row=submission.row)


def _pregnancy(nik: str, visited: date) -> dict[str, Any]:
    """Return the condition that rules of programmes ask for; the form doesn't say which pregnancy it is."""
    year, month = divmod(visited.year * 12 + visited.month - 1 + _PREGNANT_MONTHS, 12)
    until = year * 100 + month + 1
    return {"person_ref": nik, "condition": "HAMIL", "holds": True, "ordinal": 0, "until": until}


def _individual(values: Mapping[str, Any]) -> dict[str, Any]:
    answered = {name: value for name, value in values.items() if name != names.BORN}
    return {"person_ref": values[names.NIK], **answered, **_birth(values)}


def _birth(values: Mapping[str, Any]) -> dict[str, Any]:
    born = values.get(names.BORN)
    if born is None:
        return {}
    return {"birth_year": born.year, "birth_month": born.month, "birth_day": f"{born.day:02}"}


def _claim(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: values[name] for name in (names.SEX, "relationship", "marital_status", "presence")}
    who = {"person_ref": values[names.NIK], "national_id": values[names.NIK], "name": values[names.NAME]}
    return {**who, **plain, **_birth(values)}
