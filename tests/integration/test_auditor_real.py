"""The auditor over what a real sequencer made on a real broker, and against its topics."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from consumers.auditor import published, receipt, verify, verify_receipt
from consumers.auditor.source import Directory
from consumers.auditor.topics import Broker
from consumers.auditor.verify import Wishes
from schemas.quorum import parse_policy
from tests.integration.sequencing_rig import Rig
from tests.unit.sequencer_rig import SIGNER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumers.auditor.verdict import Verdict
    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

POLICY = f"log {SIGNER.verifier_key.vkey()}\nquorum none\n"


@pytest.fixture
def rig(stack: Endpoints, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(stack.kafka, tmp_path)
    yield made
    made.end_all()


def audited(rig: Rig, folder: str) -> Verdict:
    broker = Broker(rig.bootstrap, rig.audit, rig.checkpoints)
    return verify.verify(
        Directory(rig.folder / folder), parse_policy(POLICY.encode()), Wishes(decode=False, broker=broker)
    )


def test_a_sequencers_log_holds_against_its_topics_and_an_older_copy_of_it_does_not(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a log of several rounds, still being written, and a copy of its earlier state
    rig.start("only")
    rig.feed(400)
    rig.wait_covered()
    shutil.copytree(rig.folder / "log", rig.folder / "backup")
    rig.feed(300)
    rig.wait_covered()
    # then it holds for the auditor, with the broker's records beside it, and for the script
    found = audited(rig, "log")
    assert found.broken is None
    assert (found.figures.entries, found.figures.checkpoints >= 2) == (700, True)
    script = verify_receipt.Policy(POLICY)
    assert verify_receipt.Export(rig.folder / "log").check(script).startswith("700 entries")
    # and each entry has a receipt
    made = receipt.make(Directory(rig.folder / "log"), 1, 99)
    assert isinstance(made, receipt.Receipt)
    assert "partition 1, offset 99" in verify_receipt.check_receipt(made.format().encode(), script)
    # but the copy, sound in itself, is older than what was published
    monkeypatch.setattr(published, "SERVED_WITHIN_SECONDS", 0.0)
    behind = audited(rig, "backup")
    assert behind.broken is not None
    assert behind.broken.code == "NOT_PUBLISHED"
    # and an entry that the broker has otherwise is named, though every hash fits it
    other = Rig(rig.bootstrap, rig.folder / "other")
    other.folder.mkdir()
    other.feed(700)
    elsewhere = Broker(rig.bootstrap, other.audit, rig.checkpoints)
    wishes = Wishes(decode=False, broker=elsewhere)
    differs = verify.verify(Directory(rig.folder / "log"), parse_policy(POLICY.encode()), wishes).broken
    assert differs is not None
    assert (differs.code, differs.where) == ("TOPIC_DIFFERS", "leaf 0 (partition 0, offset 0)")
