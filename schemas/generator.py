"""Writes schemas/records.py, the frozen dataclasses of the .avsc files; the contract tests hold the two together.

Run by maintainers: `python -m schemas.generator`. Nothing at run time imports it.
"""

import textwrap
from pathlib import Path
from typing import Any

from schemas import contract

TARGET = Path(__file__).parent / "records.py"
LINE = 110
SCALARS = {"string": "str", "bytes": "bytes", "int": "int", "long": "int", "boolean": "bool"}
HEAD = '''"""Frozen dataclasses of every record of the contract; written by schemas/generator.py, never by hand.

Times are microseconds since 1970 (UTC), dates are days since then, ids are 16 bytes, sealed fields are ciphertext.
"""

from dataclasses import dataclass

from schemas.parts import Part

__all__ = [
{names}
]
'''


def python_type(node: Any) -> str:
    """Return the annotation for an Avro type of the contract; an unknown kind of type is a fault."""
    match node:
        case ["null", inner]:
            return f"{python_type(inner)} | None"
        case str() if node in SCALARS:
            return SCALARS[node]
        case str():
            target = contract.sources()[node]
            return "bytes" if target["type"] == "fixed" else str(target["name"])
        case {"type": "array", "items": items}:
            return f"tuple[{python_type(items)}, ...]"
        case {"type": str(inner)} if inner in SCALARS:
            return SCALARS[inner]
        case _:
            raise TypeError(f"the contract doesn't use this kind of type: {node}")


def _field(field: dict[str, Any]) -> str:
    return f"    {field['name']}: {python_type(field['type'])}{_default(field)}"


def _default(field: dict[str, Any]) -> str:
    match field:
        case {"default": None}:
            return " = None"
        case {"default": []}:
            return " = ()"
        case {"default": str(text)}:
            return f' = "{text}"'
        case {"default": int(number)}:
            return f" = {number}"
        case _:
            return ""


def _doc(text: str) -> str:
    first, _, rest = text.partition(". ")
    if not rest and len(text) <= LINE:
        return f'    """{text}"""'
    first = first.rstrip(".") + "."
    lines = textwrap.wrap(rest, 112)
    return (
        "\n".join([f'    """{first}', "", *("    " + line for line in lines), '    """'])
        if lines
        else f'    """{first}"""'
    )


def _ordered(name: str, done: list[str]) -> None:
    if name in done:
        return
    for field in contract.sources()[name].get("fields", []):
        for used in _names(field["type"]):
            _ordered(used, done)
    done.append(name)


def _names(node: Any) -> list[str]:
    match node:
        case str():
            return [node] if node in contract.sources() else []
        case list():
            return [name for item in node for name in _names(item)]
        case {"items": items}:
            return _names(items)
        case _:
            return []


def render() -> str:
    """Return the text of records.py for the current .avsc files."""
    order: list[str] = []
    for name in contract.records():
        _ordered(name, order)
    chosen = [contract.sources()[name] for name in order if contract.sources()[name]["type"] == "record"]
    names = "\n".join(f'    "{name}",' for name in sorted(schema["name"] for schema in chosen))
    parts = [HEAD.format(names=names)]
    for schema in chosen:
        fields = "\n".join(_field(field) for field in schema["fields"])
        base = "(Part)" if f"{contract.NAMESPACE}.{schema['name']}" in contract.parts() else ""
        head = f"@dataclass(frozen=True, slots=True, kw_only=True)\nclass {schema['name']}{base}:"
        parts.append(f"{head}\n{_doc(schema['doc'])}\n\n{fields}\n")
    return "\n\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(render())
