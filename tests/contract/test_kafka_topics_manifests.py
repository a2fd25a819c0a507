"""The topics a cluster gets are the topics of the catalogue, in every detail, and nothing else."""

from __future__ import annotations

import copy
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from schemas.catalogue import AUDIT_TOPIC, TOPICS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "k8s" / "base" / "kafka"
SHARED = Path(os.environ.get("JEJAK_SHARED", str(ROOT.parent / "shared")))
DEFINITION = SHARED / "crds" / "strimzi-043-Crd-kafkatopic.yaml"
REPLICAS = 3
MOST_UNAVAILABLE = 1
# Those with the families' key: a family is in the same partition of each.
TOGETHER = ("changes", "events", "families", "eligibility", "indicators")
# RFC 1123 subdomain, which an object's name in the cluster must be.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

# The fields of spec that the operator knows (Strimzi 1.2), for where its own definition is not at hand.
OWN_DEFINITION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "kafka.strimzi.io/v1"},
        "kind": {"const": "KafkaTopic"},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "labels"],
            "properties": {
                "name": {"type": "string"},
                "labels": {"type": "object", "required": ["strimzi.io/cluster"]},
            },
        },
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["partitions", "replicas", "config"],
            "properties": {
                "partitions": {"type": "integer", "minimum": 1},
                "replicas": {"type": "integer", "minimum": 1, "maximum": 32767},
                "config": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
}


def manifests() -> dict[str, Any]:
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("kafkatopic-*.yaml"))}


def by_topic() -> dict[str, Any]:
    return {manifest["metadata"]["name"]: manifest for manifest in manifests().values()}


def definitions() -> list[dict[str, Any]]:
    """Our own statement of the kind, and the operator's where it is at hand."""
    found = [OWN_DEFINITION]
    if DEFINITION.exists():
        versions = yaml.safe_load(DEFINITION.read_text())["spec"]["versions"]
        served = next(each for each in versions if each["name"] == "v1")
        found.append(closed(served["schema"]["openAPIV3Schema"]))
    return found


def closed(schema: Any) -> Any:
    """The schema with every object closed that lists its properties: a misspelt field is an error."""
    match schema:
        case {"properties": properties} if not schema.get("x-kubernetes-preserve-unknown-fields"):
            inner = {name: closed(value) for name, value in properties.items()}
            # The metadata of an object is the cluster's to define.
            inner = {name: {} if name == "metadata" else value for name, value in inner.items()}
            return {**schema, "properties": inner, "additionalProperties": False}
        case _:
            return schema


def test_the_manifests_are_the_topics_of_the_catalogue_both_ways() -> None:
    assert sorted(by_topic()) == sorted(topic.name for topic in TOPICS)
    assert len(by_topic()) == len(manifests())


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_manifest_says_what_the_catalogue_says(topic: Any) -> None:
    spec = by_topic()[topic.name]["spec"]
    assert spec["partitions"] == topic.partitions
    assert spec["replicas"] == REPLICAS
    assert spec["config"] == {**topic.config, "min.insync.replicas": str(REPLICAS - MOST_UNAVAILABLE)}


@pytest.mark.parametrize("file", sorted(manifests()))
def test_a_manifest_is_a_topic_to_the_operator(file: str) -> None:
    for definition in definitions():
        jsonschema.validate(manifests()[file], definition)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("spec", "partition"), 12),
        (("spec", "replicas"), 0),
        (("spec", "partitions"), "12"),
        (("specification",), {}),
    ],
)
def test_a_misspelt_or_impossible_field_is_caught(place: tuple[str, ...], value: object) -> None:
    broken = copy.deepcopy(next(iter(manifests().values())))
    *above, last = place
    target = broken
    for name in above:
        target = target[name]
    target[last] = value
    for definition in definitions():
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, definition)


@pytest.mark.parametrize("file", sorted(manifests()))
def test_a_file_is_named_after_its_topic_and_the_name_needs_no_translation(file: str) -> None:
    name = manifests()[file]["metadata"]["name"]
    assert NAME.fullmatch(name)
    assert file == f"kafkatopic-{name.removeprefix('jejak.').removesuffix('.v1')}.yaml"


def test_every_manifest_is_built_and_nothing_that_is_not_there() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert [name for name in listed if name.startswith("kafkatopic-")] == sorted(manifests())
    assert all((FOLDER / name).exists() for name in listed)


def test_topics_that_share_the_familys_key_have_the_same_partitions() -> None:
    counts = {by_topic()[f"jejak.{name}.v1"]["spec"]["partitions"] for name in TOGETHER}
    assert len(counts) == 1


def test_what_proves_is_kept_for_ever_and_never_compacted() -> None:
    for name in ("jejak.events.v1", "jejak.eligibility.v1", "jejak.rules.v1", AUDIT_TOPIC):
        config = by_topic()[name]["spec"]["config"]
        assert (config["cleanup.policy"], config["retention.ms"]) == ("delete", "-1")
