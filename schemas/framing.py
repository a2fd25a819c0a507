"""The frame before each value, 00 and a 4-byte schema id, and what bytes without meaning are called.

Knows the lock file's ids; must not know what follows the frame.
"""

import struct
from collections.abc import Callable
from typing import Generic, TypeVar

from schemas import contract
from schemas.contract import WriterSchema

Made = TypeVar("Made")

FRAME = struct.Struct(">bI")
FRAME_LENGTH = FRAME.size


class Undecodable(ValueError):
    """Bytes that are no record of the contract; `code` says why, and never quotes the bytes."""

    def __init__(self, code: str, explanation: str) -> None:
        super().__init__(f"{code}: {explanation}")
        self.code = code


def schema_id_of(framed: bytes) -> int:
    """Return the schema id in the frame; raises Undecodable when there is no frame or the lock doesn't know the id."""
    if len(framed) < FRAME_LENGTH or framed[0] != 0:
        raise Undecodable("NO_AVRO_FRAME", "a value begins with 00 and a 4-byte schema id")
    schema_id = int.from_bytes(framed[1:FRAME_LENGTH], "big")
    if schema_id not in contract.writer_schemas():
        raise Undecodable("UNKNOWN_SCHEMA_ID", f"schema id {schema_id} is not in the lock file")
    return schema_id


class ByFrame(dict[bytes, Made], Generic[Made]):
    """What is made of a schema, by the frame of its values; kept for the newest version of each record only.

    A frame that is none, or that the lock doesn't know, is Undecodable.
    """

    def __init__(self, make: Callable[[WriterSchema], Made]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, frame: bytes) -> Made:
        schema = contract.writer_schemas()[schema_id_of(frame)]
        made = self._make(schema)
        if contract.current_ids()[schema.name] == schema.entry.schema_id:
            self[frame] = made
        return made
