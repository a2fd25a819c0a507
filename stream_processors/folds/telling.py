"""What every fold tells beside its events: how far its partition is, and what it refused.

Must not know what is folded, nor any rule.
"""

from typing import Final

from schemas import catalogue, cloudevents, codec
from schemas.identifiers import derived_id
from schemas.records import ChangeRefused, FoldPosition
from stream_processors.access_requests.said import Change as RequestChange
from stream_processors.engine.contract import Output
from stream_processors.registry.decision import Change, Refused

POSITION_PREFIX: Final = b"position/"


def position(states_topic: str, said: FoldPosition) -> Output:
    """Return the record of a partition's position, under a key of its own among the states."""
    return Output(states_topic, POSITION_PREFIX + str(said.partition).encode(), codec.encode(said))


def refusal(change: Change | RequestChange, refused: Refused, place: tuple[str, int, int], source: str) -> Output:
    """Return what tells the agency why its change, read at this topic, partition and offset, was refused.

    Its id follows from the change and its offset: refused again it is the same refusal.
    """
    topic, partition, offset = place
    record = ChangeRefused(
        header=change.record.header,
        record=codec.name_of(change.record),
        rule=refused.rule,
        pointer=refused.pointer,
        explanation=refused.explanation,
        source_topic=topic,
        source_partition=partition,
        source_offset=offset,
    )
    refusal_id = derived_id(change.prefix.change_id, f"refused/{offset}")
    headers = cloudevents.headers(codec.name_of(record), refusal_id, source)
    key = change.prefix.family_id.encode()
    return Output(catalogue.REFUSALS_TOPIC, key, codec.encode(record), headers, change.recorded_at // 1000)
