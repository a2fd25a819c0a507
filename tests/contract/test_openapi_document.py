"""The committed OpenAPI document is the one that the code makes, and every answer and problem is in it."""

import json

from consumers.api.document import PLACE, document, written
from consumers.api.problems import MEDIA_TYPE, PROBLEMS


def test_the_committed_document_is_current() -> None:
    assert PLACE.read_text() == written()


def test_the_document_is_openapi_3_1_and_names_every_problem() -> None:
    found = document()
    assert found["openapi"].startswith("3.1")
    for path in found["paths"].values():
        for operation in path.values():
            for problem in PROBLEMS:
                assert MEDIA_TYPE in operation["responses"][str(problem.status)]["content"]
            assert "422" not in operation["responses"]


def test_every_reference_in_the_document_leads_somewhere() -> None:
    text = json.dumps(document())
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= document()["components"]["schemas"].keys()
