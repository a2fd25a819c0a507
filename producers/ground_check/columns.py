"""Which column or node of a collecting software's export is which question: its name without the groups around it.

ODK writes `family-floor` or a node within a node, Kobo `family/floor`; both add columns of their own, which are no
answers. A name that is neither is a fault: nothing that was answered is left out. Must not know questionnaires.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from producers.ground_check import names
from producers.messages import Fault
from schemas.questionnaire import all_versions

INSTANCE: Final = ("meta-instanceID", "meta/instanceID", "instanceID", "KEY", "_uuid")
PARENT: Final = ("PARENT_KEY", "_submission__uuid")
VERSION: Final = ("FormVersion", "__version__", "_version_", "_version")
# Of the software, and of the form for itself.
_SOFTWARE: Final = frozenset(
    {
        *(
            "start",
            "end",
            "today",
            "deviceid",
            "username",
            "phonenumber",
            "subscriberid",
            "simserial",
            "email",
            "audit",
        ),
        *("SubmissionDate", "SubmitterID", "SubmitterName", "AttachmentsPresent", "AttachmentsExpected", "Status"),
        *(
            "ReviewState",
            "DeviceID",
            "Edits",
            "instanceName",
            "deprecatedID",
            "uuid",
            "formhub",
            "timeStart",
            "timeEnd",
        ),
        *(names.AGE, names.HEAD, names.HEADS, names.COUNTED, "heads_note", f"{names.PHOTO}_URL"),
        *(*INSTANCE, *PARENT, *VERSION),
    }
)
_GEOTAG_PARTS: Final = {"Latitude": 0, "Longitude": 1, "Altitude": 2, "Accuracy": 3}
_KOBO_PARTS: Final = re.compile(r"_[a-z_]+_(latitude|longitude|altitude|precision)")
_UNNAMED: Final = "?"
_GROUP: Final = re.compile(r"^(?:(?:family|members)(?:\[[0-9]+\])?[-/])+")
_OWN: Final = frozenset({names.QUESTIONNAIRE, names.VISITED_AT, names.RESULT, names.REGION, names.PHOTO, names.CARD})


def question(column: str) -> str:
    """Return the question that a column is of, empty for one of the software's own.

    `geotag-Latitude` and its like are `geotag` with the place of the part after a colon, and so is the column of one
    code of several that may be chosen: its code. An unknown name is returned as it stands, and no name is one.
    """
    bare = _GROUP.sub("", column.strip()) or _UNNAMED
    chosen, slash, code = bare.rpartition("/")
    if slash and code.isdecimal() and chosen in flags():
        return f"{chosen}:{code}"
    stem, dash, part = bare.rpartition("-")
    if dash and part in _GEOTAG_PARTS:
        return f"{stem}:{_GEOTAG_PARTS[part]}"
    if bare in _SOFTWARE or bare.startswith(("_", "SET-OF-")) or _KOBO_PARTS.fullmatch(bare):
        return ""
    return bare


@cache
def flags() -> frozenset[str]:
    """Return every question of any version that several codes may answer."""
    asked = (one for version in all_versions().values() for one in (*version.family, *version.individual))
    return frozenset(one.name for one in asked if one.kind == "flags")


@cache
def known() -> frozenset[str]:
    """Return every question that a form of any version asks."""
    asked = (one.name for version in all_versions().values() for one in (*version.family, *version.individual))
    return _OWN.union(asked)


def faults(heads: Iterable[str], at: str = "") -> tuple[Fault, ...]:
    """Return a fault for each head that is no question of any form, by its place: a name may be somebody's."""
    unknown = [number for number, head in enumerate(heads, 1) if head and head.split(":")[0] not in known()]
    return tuple(Fault("QUESTION_UNKNOWN", at, {"place": number}) for number in unknown)
