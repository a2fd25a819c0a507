"""Which code folded: the fold's version, and a digest over everything that the result of a replay can depend on.

Knows packaged files as bytes; must not know what is in them.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

_PACKAGES = ("consumers.replay", "schemas", "stream_processors.indicators", "stream_processors.registry")
_SUFFIXES = (".py", ".avsc", ".json", ".toml", ".csv")


@cache
def build() -> str:
    """Return the SHA-256, in hex, over name and content of the sources, rules and schemas that a replay runs on."""
    whole = hashlib.sha256()
    for package in _PACKAGES:
        for name, content in _files(resources.files(package), package):
            whole.update(f"{name}\n{len(content)}\n".encode())
            whole.update(content)
    return whole.hexdigest()


def _files(folder: Any, path: str) -> Iterator[tuple[str, bytes]]:
    for item in sorted(folder.iterdir(), key=lambda item: str(item.name)):
        name = f"{path}/{item.name}"
        if item.is_dir():
            yield from _files(item, name)
        elif item.name.endswith(_SUFFIXES):
            yield name, item.read_bytes()
