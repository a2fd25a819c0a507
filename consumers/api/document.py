"""The OpenAPI 3.1 document of the API: made of the code, committed as docs/openapi.json, tested as current.

`python -m consumers.api.document` writes it. Must not need a running service.
"""

import json
from pathlib import Path
from typing import Any, Final

from consumers.api.app import application
from consumers.api.problems import MEDIA_TYPE, PROBLEMS

PLACE: Final = Path(__file__).parents[2] / "docs" / "openapi.json"
_SCHEMA: Final = "#/components/schemas/Problem"


def document() -> dict[str, Any]:
    """Return the document, with the problems that any route may answer with."""
    nothing: Any = None  # routes are described without the service that they would answer with
    found = application(nothing).openapi()
    schemas = found["components"]["schemas"]
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    schemas["Problem"] = _problem()
    content = {MEDIA_TYPE: {"schema": {"$ref": _SCHEMA}}}
    told = {str(one.status): {"description": one.title, "content": content} for one in PROBLEMS}
    for path in found["paths"].values():
        for operation in path.values():
            answers = {code: one for code, one in operation["responses"].items() if code != "422"}
            operation["responses"] = {**answers, **told}
    return found


def written() -> str:
    """Return the document as it is committed."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _problem() -> dict[str, Any]:
    wrong = {"type": "object", "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}}}
    return {
        "title": "Problem",
        "type": "object",
        "required": ["type", "title", "status", "instance"],
        "properties": {
            "type": {"type": "string", "enum": [one.type for one in PROBLEMS]},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "instance": {"type": "string", "description": "The request as it is on record."},
            "code": {"type": "string"},
            "errors": {"type": "array", "items": wrong},
        },
    }


if __name__ == "__main__":
    PLACE.write_text(written())
