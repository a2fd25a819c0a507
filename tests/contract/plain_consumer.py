"""A consumer that has nothing of this project but the folder of schemas: what any other system can do with a topic."""

import io
import json
from pathlib import Path
from typing import Any

from fastavro import schemaless_reader
from fastavro.schema import load_schema


class PlainDecoder:
    """Decodes framed values by the schema ids of lock.json; every value is one record and nothing more."""

    def __init__(self, avro_folder: Path) -> None:
        entries = json.loads((avro_folder / "lock.json").read_text(encoding="utf-8"))["schemas"]
        self._schemas = {entry["id"]: (entry["subject"], load_schema(avro_folder / entry["file"])) for entry in entries}

    def decode(self, framed: bytes) -> tuple[str, dict[str, Any]]:
        """Return the full record name and the fields; times and dates come as Python's own."""
        if framed[:1] != b"\0":
            raise ValueError("a value begins with 00 and a 4-byte schema id")
        name, schema = self._schemas[int.from_bytes(framed[1:5], "big")]
        source = io.BytesIO(framed[5:])
        value: Any = schemaless_reader(source, schema, None)
        if source.read(1):
            raise ValueError("bytes are left after the record")
        return name, value
