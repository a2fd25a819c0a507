"""Policies on the real broker: the newest serves everywhere, and a past look is decided again by those of its day."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumers.gateway import audit_log, policy, policy_feed
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.break_glass import NoReviews
from consumers.gateway.disclosure import Door
from consumers.gateway.policy import Policies
from consumers.gateway.policy_feed import FollowedPolicies
from consumers.gateway.request import Caller, FamilyAsked, FamilyDisclosed, Purpose, Withheld
from identity.audit_reference import load_or_create_epoch_key
from identity.keys import InMemoryKeyStore
from identity.open import Opener
from jejak.audit import admission, explaining
from jejak.audit.entries import AuditTopic
from jejak.settings import Settings
from schemas import catalogue, codec, records
from schemas.catalogue import AUDIT_TOPIC, POLICIES_TOPIC, Topic, topic
from tests.integration.test_gateway_real import FAMILY, FIELDS, OneFamily
from transport import kafka

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

PURPOSE, SECURITY = Purpose("VERIFIKASI_VALIDASI"), Purpose("KEAMANAN_INFORMASI")
SECONDS = 30


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def changed(purposes: str = "") -> Policies:
    files = dict(policy.shipped().files)
    files["purposes.toml"] += f"\n# {uuid.uuid4()}\n{purposes}"
    return Policies(files)


def policies_topic(endpoints: Endpoints) -> str:
    name = f"policies.{uuid.uuid4().hex[:10]}"
    kafka.create_topics(endpoints.kafka, [Topic(name, 1, "", (), "", (), topic(POLICIES_TOPIC).config)])
    return name


def test_a_gateway_serves_the_newest_set_and_none_where_the_newest_is_not_valid(stack: Endpoints) -> None:
    name, first, second = policies_topic(stack), changed(), changed()

    def activate(record: records.PolicySetActivated) -> None:
        policy_feed.activate(stack.kafka, record, name)

    with FollowedPolicies(stack.kafka, name) as running:
        assert (running.current(), running.activations) == (None, 0)
        activate(policy_feed.activation(first, "operator", 1))
        eventually(lambda: getattr(running.current(), "hash", None) == first.hash)
        activate(policy_feed.activation(second, "operator", 2))
        eventually(lambda: getattr(running.current(), "hash", None) == second.hash)
        broken = policy_feed.activation(first, "operator", 3)
        activate(replace(broken, files=broken.files[1:]))
        eventually(lambda: running.current() is None)
    with FollowedPolicies(stack.kafka, name) as started_later:
        assert (started_later.current(), started_later.activations) == (None, 3)
    kept = policy_feed.set_of_hash(stack.kafka, second.hash, name)
    assert kept is not None
    assert kept.files == second.files
    assert policy_feed.set_of_hash(stack.kafka, bytes(32), name) is None


class NoIndex:
    """A read model that has seen nothing yet."""

    def place_of(self, intent_id: bytes) -> None:
        del intent_id

    def look(self, intent: records.AccessIntent) -> None:
        del intent


def test_a_past_look_is_decided_again_by_the_policies_of_its_day(stack: Endpoints, tmp_path: Path) -> None:
    wanted = (AUDIT_TOPIC, POLICIES_TOPIC, catalogue.REQUEST_STATES_TOPIC)
    kafka.create_topics(stack.kafka, [topic(name) for name in wanted])
    settings = Settings(data=tmp_path, environment="development", gateway=f"uji-{uuid.uuid4().hex[:8]}")
    caller, keys = admission.operator(settings), InMemoryKeyStore()
    assert isinstance(caller, Caller)
    with (
        AuditLog(
            audit_log.producer(stack.kafka), settings.gateway, folder=tmp_path / "wal", deadline_seconds=10
        ) as log,
        admission.gate(settings, stack.kafka, NoReviews()) as gate,
    ):
        door = Door(OneFamily(keys), Opener(keys), log, load_or_create_epoch_key(tmp_path, 2025), gate=gate)

        def explained(ref: Any) -> Any:
            looks = explaining.Looks(AuditTopic(stack.kafka), NoIndex())
            return explaining.explain(stack.kafka, looks, door, caller, SECURITY, ref)

        before = door.look_family(caller, PURPOSE, FamilyAsked(FAMILY), FIELDS)
        assert isinstance(before, FamilyDisclosed)
        admission.activate(stack.kafka, closing := _without_verification(), "operator")
        eventually(lambda: getattr(gate.policies(), "hash", None) == closing.hash)
        assert door.look_family(caller, PURPOSE, FamilyAsked(FAMILY), FIELDS) == Withheld("PURPOSE_NOT_OF_AGENCY")

        intent, outcome, disclosure, *_ = before.receipts
        by_place = explained(explaining.At(intent.partition, intent.offset))
        assert [(one["verdict"], one["again"][0]) for one in by_place] == [("SAME", "ALLOW"), ("SAME", "ALLOW")]
        assert by_place[0]["policy_set_hash"] != closing.hash.hex()
        for receipt in (intent, outcome, disclosure):
            assert explained(uuid.UUID(bytes=receipt.event_id)) == by_place
        assert explained(uuid.uuid4()) == ()
        assert explained(explaining.At(0, 10**9)) == ()
        admission.activate(stack.kafka, changed(), "operator")
    readings = [one for one in _entries(stack) if isinstance(one, records.AccessIntent) and one.action == "AUDIT_READ"]
    assert len([one for one in readings if one.gateway_id.startswith(settings.gateway)]) == 6


def _without_verification() -> Policies:
    files = dict(policy.shipped().files)
    kinds = 'agencies = ["desa", "dinsos", "pendamping", "kemensos"]'
    without = files["purposes.toml"].replace(kinds, kinds.replace(', "kemensos"', ""), 1)
    assert without != files["purposes.toml"]
    return Policies({**files, "purposes.toml": f"{without}\n# {uuid.uuid4()}\n"})


def _entries(endpoints: Endpoints) -> list[Any]:

    return [codec.decode(message.value() or b"") for message in kafka.read_all(endpoints.kafka, AUDIT_TOPIC)]
