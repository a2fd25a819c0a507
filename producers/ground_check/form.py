"""A questionnaire as an XLSForm, for ODK, Kobo and what else reads one: skips, ranges, codes and rules as they stand.

A skip becomes `relevant`, a range or rule a `constraint` with the rule's code in its message, a list of codes choices.
Must not know submissions, nor who is visited.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from openpyxl import Workbook

from producers.ground_check.names import (
    AGE,
    CARD,
    COUNTED,
    FAMILY,
    FORM_ID,
    HEAD,
    HEADS,
    MEMBERS,
    NAME,
    NIK,
    PHOTO,
    PRESENCE,
    QUESTIONNAIRE,
    REGION,
    RESULT,
    VISITED_AT,
)
from schemas.questionnaire import Questionnaire, Rule, Variable
from schemas.questionnaire.asked import OLDEST, Way
from schemas.questionnaire.definition import RuleKind

Row = dict[str, str]
SURVEY: Final = (
    "type", "name", "label", "hint", "required", "relevant", "constraint", "constraint_message",
    "calculation", "parameters", "appearance",
)  # fmt: skip
_RESULTS: Final = "hasil"
_FILLED: Final = f"${{{RESULT}}} = '1' or ${{{RESULT}}} = '2'"
_COMPLETE: Final = f"${{{RESULT}}} = '1'"
_TYPES: Final = {
    "whole": "integer",
    "date": "date",
    "month": "date",
    "text": "text",
    "digits": "text",
    "geopoint": "geopoint",
}
_DIGITS: Final = "regex(., '^[0-9]{16}$')"
_DESA: Final = "regex(., '^[0-9]{2}[.][0-9]{2}[.][0-9]{2}[.][0-9]{4}$')"
_BORN: Final = ". >= date('1900-01-01') and . <= today()"
_MONTHS: Final = "(number(format-date({0}, '%Y')) * 12 + number(format-date({0}, '%m')))"
_BESIDE: Final = "Di luar 39 variabel"
_ALWAYS_DUE: Final = frozenset({NIK, NAME})


def survey(version: Questionnaire) -> list[Row]:
    """Return the rows of the survey sheet, in the order in which they are asked."""
    card = next(one for one in version.family if one.name == CARD)
    return [
        {"type": "start", "name": "start"},
        {"type": "end", "name": "end"},
        {"type": "calculate", "name": QUESTIONNAIRE, "calculation": f"'{version.version}'"},
        _plain("dateTime", VISITED_AT, "Waktu kunjungan", ". <= now()", "Kunjungan tidak terjadi di masa depan."),
        {**_question(card, version), "required": "yes"},
        _plain(f"select_one {_RESULTS}", RESULT, "205. Hasil kunjungan"),
        {
            **_plain("text", REGION, "Kode desa/kelurahan tempat kunjungan", _DESA, "Kode Kemendagri: 35.71.01.1001."),
            "required": "",
            "hint": "Hanya jika berbeda dari data.",
        },
        {"type": "begin group", "name": FAMILY, "label": "Keluarga", "relevant": _FILLED},
        *(_question(one, version) for one in version.family if one.name != CARD),
        {"type": "image", "name": PHOTO, "label": "Foto rumah", "required": _COMPLETE, "parameters": "max-pixels=1024"},
        {"type": "end group", "name": FAMILY},
        {"type": "begin repeat", "name": MEMBERS, "label": "Anggota keluarga", "relevant": _FILLED},
        *_members(version),
        {"type": "end repeat", "name": MEMBERS},
        *_heads(version),
    ]


def choices(version: Questionnaire) -> list[Row]:
    """Return the rows of the choices sheet: each list once, its codes in their order."""
    lists = {one.list_name: one.codes for one in (*version.family, *version.individual) if one.list_name}
    return [
        {"list_name": name, "name": str(code), "label": label}
        for name, codes in {_RESULTS: version.results, **lists}.items()
        for code, label in codes.items()
    ]


def write(version: Questionnaire, to: Path) -> None:
    """Write the form as XLSX with its three sheets; a file that is there is replaced."""
    book = Workbook()
    book.remove(book.active)
    settings = {"form_title": version.title, "form_id": FORM_ID, "version": version.version, "default_language": "id"}
    for title, heads, rows in (
        ("survey", SURVEY, survey(version)),
        ("choices", ("list_name", "name", "label"), choices(version)),
        ("settings", tuple(settings), [settings]),
    ):
        sheet = book.create_sheet(title)
        sheet.append(heads)
        for row in rows:
            sheet.append([row.get(head, "") for head in heads])
    book.save(to)


def _plain(kind: str, name: str, label: str, constraint: str = "", message: str = "") -> Row:
    return {
        "type": kind,
        "name": name,
        "label": label,
        "required": "yes",
        "constraint": constraint,
        "constraint_message": message,
    }


def _question(one: Variable, version: Questionnaire, relevant: str = "") -> Row:
    """Return the row of a question, `relevant` being what it hangs on beside its own skip."""
    rules = [rule for rule in version.rules if one.name in rule.fields]
    limits = [*(_constraint(rule) for rule in rules if rule.kind != "at_most_one"), *_limits(one)]
    return {
        "type": _type(one),
        "name": one.name,
        "label": f"{one.number}. {one.label}",
        "hint": one.id or _BESIDE,
        "required": "yes" if one.name in _ALWAYS_DUE else _COMPLETE if one.due else "",
        "relevant": _all([text for text in (_relevant(one), relevant) if text]),
        "constraint": _all([text for text, _ in limits if text]),
        "constraint_message": " ".join(message for _, message in limits),
        "appearance": "month-year" if one.kind == "month" else "",
    }


def _type(one: Variable) -> str:
    match one.kind:
        case "code":
            return f"select_one {one.list_name}"
        case "flags":
            return f"select_multiple {one.list_name}"
        case plain:
            return _TYPES.get(plain, plain)


def _all(texts: Sequence[str]) -> str:
    return " and ".join(f"({text})" if len(texts) > 1 else text for text in texts)


def _relevant(one: Variable) -> str:
    ways = [_way(way) for way in one.asked.ways] if one.asked is not None else []
    return " or ".join(f"({way})" if " and " in way else way for way in ways)


def _way(way: Way) -> str:
    gates = [_among(name, codes) for name, codes in way.where]
    texts = [f"({gate})" if " or " in gate and (way.of_age or len(gates) > 1) else gate for gate in gates]
    if way.from_age:
        texts.append(f"${{{AGE}}} >= {way.from_age}")
    if way.to_age < OLDEST:
        texts.append(f"${{{AGE}}} <= {way.to_age}")
    return " and ".join(texts)


def _among(name: str, codes: frozenset[int]) -> str:
    return " or ".join(f"${{{name}}} = '{code}'" for code in sorted(codes))


def _limits(one: Variable) -> Iterator[tuple[str, str]]:
    """Yield the constraint on the answer by itself, and what is said where it doesn't hold."""
    match one.kind:
        case "whole":
            yield f". >= {one.first} and . <= {one.last}", f"{one.number}: {one.first} sampai {one.last}."
        case "digits":
            yield _DIGITS, "V1: 16 digit."
        case "date":
            yield _BORN, "V3: lahir sejak 1900 dan tidak sesudah kunjungan."
        case "flags":
            yield _together(one), "Pilihan itu tidak dapat digabung."
        case "code" | "month" | "text" | "geopoint":
            return


def _together(one: Variable) -> str:
    """Return that codes which stand alone do, and that no two are chosen whose sum is beyond the last."""
    pairs = [(low, high) for low in one.flags for high in one.flags if low < high and low + high not in one.values]
    alone = [f"not(selected(., '{code}')) or count-selected(.) = 1" for code in sorted(one.alone)]
    return _all([*alone, *(f"not(selected(., '{low}') and selected(., '{high}'))" for low, high in pairs)])


def _constraint(rule: Rule) -> tuple[str, str]:
    message = f"{rule.code}: {rule.sentence['id']}"
    match rule.kind:
        case "none_where":
            return f". = 0 or not({_among(rule.of, rule.codes)})", message
        case "present_if_and_only_if":
            return f"(. > 0) = ({_among(rule.of, rule.codes)})", message
        case "within_last_months":
            since = f"{_MONTHS.format(f'${{{VISITED_AT}}}')} - {_MONTHS.format('.')}"
            return f"{since} >= 0 and {since} <= {rule.months}", message
        case "no_more_than_counted":  # asked before the persons are: it is held once they are there
            return f". >= sum(${{{COUNTED}}})", message
        case "at_most_one" | "born_by_the_visit":
            return "", message


def _members(version: Questionnaire) -> Iterator[Row]:
    """Yield the questions of a person; the age, by year and month, follows the date of birth.

    Nothing that follows field 404 is asked of who no longer lives there, where the version says so.
    """
    here = ""
    for one in version.individual:
        yield _question(one, version, here)
        if one.name == PRESENCE and version.gone:
            here = f"not({_among(PRESENCE, version.gone)})"
        if one.kind == "date":
            visit, birth = _MONTHS.format(f"${{{VISITED_AT}}}"), _MONTHS.format(f"${{{one.name}}}")
            yield {"type": "calculate", "name": AGE, "calculation": f"int(({visit} - {birth}) div 12)"}
    for rule in _rules(version, "at_most_one"):
        yield {"type": "calculate", "name": HEAD, "calculation": f"if({_among(rule.of, rule.codes)}, 1, 0)"}
    for rule in _rules(version, "no_more_than_counted"):
        yield {"type": "calculate", "name": COUNTED, "calculation": f"if({_among(rule.of, rule.codes)}, 0, 1)"}


def _heads(version: Questionnaire) -> Iterator[Row]:
    for rule in _rules(version, "at_most_one"):
        yield {"type": "calculate", "name": HEADS, "calculation": f"sum(${{{HEAD}}})"}
        said = {"label": f"{rule.code}: {rule.sentence['id']}", "relevant": f"({_COMPLETE}) and ${{{HEADS}}} != 1"}
        yield {"type": "note", "name": "heads_note", **said}


def _rules(version: Questionnaire, kind: RuleKind) -> Iterator[Rule]:
    return (rule for rule in version.rules if rule.kind == kind)
