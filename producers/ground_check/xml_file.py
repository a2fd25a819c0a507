"""A submission as the XML instance that ODK Collect writes and every server of its family gives back.

A document type, an entity or too deep a nesting is refused before it is looked into. Must not know questionnaires.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from producers.ground_check import columns, names
from producers.ground_check.submission import Submission, instance_of
from producers.messages import Fault

_LARGEST: Final = 4 << 20
_DEEPEST: Final = 12
_META: Final = "meta"
Leaf = tuple[str, str]


class _TooDeep(Exception):
    """An element lies deeper than any form nests."""


def read(path: Path, row: int) -> Submission:
    """Return the submission of a file; one that can't be read has a fault that says why."""
    if path.stat().st_size > _LARGEST:
        return Submission(row, faults=(Fault("SUBMISSION_TOO_LARGE", "", {"most": _LARGEST}),))
    return parsed(path.read_bytes(), row, path.parent)


def parsed(content: bytes, row: int, beside: Path | None = None) -> Submission:
    """Return the submission that the bytes say, its photos in the folder `beside`."""
    try:
        root = fromstring(content, forbid_dtd=True)
        top = list(_leaves(root, stop=names.MEMBERS))
        members = [list(_leaves(one)) for one in root.iter() if _local(one) == names.MEMBERS]
    except (ParseError, DefusedXmlException, LookupError, ValueError, _TooDeep):
        # LookupError and ValueError: an encoding that is none, or that the parser doesn't take.
        return Submission(row, faults=(Fault("XML_BROKEN"),))
    answers, wrong = _answers(top, "")
    if names.QUESTIONNAIRE not in answers and (version := root.get("version", "")):
        answers[names.QUESTIONNAIRE] = version
    persons = []
    for number, leaves in enumerate(members, 1):
        person, more = _answers(leaves, f"{names.MEMBERS}[{number}]")
        persons.append(person)
        wrong += more
    return Submission(row, _instance(root), answers, tuple(persons), beside, tuple(wrong))


def _local(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""  # a comment's tag is no text


def _leaves(root: Any, stop: str = "") -> Iterator[Leaf]:
    """Yield the names and texts of the elements without elements of their own, except the form's meta."""
    waiting = [(child, 1) for child in reversed(root)]
    while waiting:
        element, depth = waiting.pop()
        if depth > _DEEPEST:
            raise _TooDeep
        name = _local(element)
        if name in {_META, stop} or not name:
            continue
        if len(element):
            waiting += [(child, depth + 1) for child in reversed(element)]
        else:
            yield name, (element.text or "").strip()


def _answers(leaves: list[Leaf], at: str) -> tuple[dict[str, str], list[Fault]]:
    found: dict[str, str] = {}
    wrong: list[Fault] = []
    heads = [columns.question(name) for name, _ in leaves]
    wrong += columns.faults((head if text else "" for head, (_, text) in zip(heads, leaves, strict=True)), at)
    for head, (_, text) in zip(heads, leaves, strict=True):
        if not head or not text or head.split(":")[0] not in columns.known():
            continue
        if head in found:
            wrong.append(Fault("QUESTION_TWICE", f"{at}/{head}".strip("/")))
        found[head] = text
    return found, wrong


def _instance(root: Any) -> str:
    printed = [one.text or "" for one in root.iter() if _local(one) == "instanceID"]
    return instance_of(printed[0] if printed else root.get("instanceID", ""))
