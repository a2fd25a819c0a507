"""When nothing is on its way any more: every group has read its topics to the end, and nothing new has come since.

Knows groups and topics; must not know what they carry.
"""

import time
from collections.abc import Callable

from consumers.read_model.projector import Topics, group_of
from consumers.read_model.settled import committed, lag
from jejak.composition import FOLD_GROUP, PERSONS_GROUP
from schemas import catalogue
from transport import kafka

QUIET_SECONDS = 2.5  # longer than the deadlines agent's timer, which may say something new
LOOK_SECONDS = 1.0
GROUPS = {
    FOLD_GROUP: (catalogue.CHANGES_TOPIC,),
    PERSONS_GROUP: (catalogue.CLAIMS_TOPIC,),
    group_of(): Topics().sources,
}


class NotSettled(TimeoutError):
    """Something was still on its way at the deadline; the text names the groups behind."""


def behind(bootstrap: str) -> dict[str, int]:
    """Return how many offsets each group is behind, of those that are."""
    found = {group: lag(bootstrap, group, topics) for group, topics in GROUPS.items()}
    if not any(found.values()):  # the agents' input grows as long as the fold is behind
        found[catalogue.AGENTS] = _unread_deadlines(bootstrap)
    return {group: count for group, count in found.items() if count}


def _unread_deadlines(bootstrap: str) -> int:
    """Return how many partitions hold a due date that the agents have not read.

    Faust commits after the last record, never past a transaction's marker, so ends of partitions don't tell.
    """
    last = {m.partition() or 0: m.offset() or 0 for m in kafka.read_all(bootstrap, catalogue.DEADLINES_TOPIC)}
    done = committed(bootstrap, catalogue.AGENTS, ((catalogue.DEADLINES_TOPIC, partition) for partition in last))
    return sum(done[catalogue.DEADLINES_TOPIC, partition] <= offset for partition, offset in last.items())


def wait(bootstrap: str, deadline_seconds: float, look: Callable[[dict[str, int]], None]) -> None:
    """Return once nothing is on its way; `look` is shown what is behind. Raises NotSettled at the deadline."""
    deadline = time.monotonic() + deadline_seconds
    quiet_since: float | None = None
    ends: dict[int, int] = {}
    while True:
        still = behind(bootstrap)
        newest = kafka.end_offsets(bootstrap, catalogue.CHANGES_TOPIC)
        if still or newest != ends:
            quiet_since, ends = None, newest
            look(still)
        elif quiet_since is None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since >= QUIET_SECONDS:
            return
        if time.monotonic() > deadline:
            raise NotSettled(f"still behind after {deadline_seconds:.0f} s: {still}")
        time.sleep(LOOK_SECONDS)
