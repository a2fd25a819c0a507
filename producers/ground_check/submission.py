"""One submission as its file says it: answers by name, in plain text, and what was not to be read of it.

Must not know questionnaires, nor what an answer means.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from producers.messages import Fault

Answers = Mapping[str, str]
_INSTANCE: Final = re.compile(r"(?:uuid:)?([0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})")


@dataclass(frozen=True, slots=True)
class Submission:
    """What one visit's form says. `row` is its place: the number of its file, or its line in a CSV export.

    `instance` is the id that the collecting software gave it, empty where it has none that names nobody. `beside` is
    the folder its photos lie in. `faults` are of the form as a whole: answers may be missing then.
    """

    row: int
    instance: str = ""
    answers: Answers = field(default_factory=dict, repr=False)
    members: tuple[Answers, ...] = field(default=(), repr=False)
    beside: Path | None = field(default=None, repr=False)
    faults: tuple[Fault, ...] = ()


Submissions = Callable[[], Iterator[Submission]]
"""The submissions of some files, from the beginning each time."""


def instance_of(printed: str) -> str:
    """Return the id of a submission, 32 hex digits; empty for a text that is no such id: it travels in clear."""
    found = _INSTANCE.fullmatch(printed.strip())
    return found.group(1).replace("-", "").lower() if found else ""
