"""Sequencers as processes on a real broker: one log, through restarts, takeovers, a zombie and a lost directory."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.engine_rig import wait_until
from tests.integration.sequencing_rig import Rig, files, freeze, thaw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real


@pytest.fixture
def rig(stack: Endpoints, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(stack.kafka, tmp_path)
    yield made
    made.end_all()


def test_entries_of_several_gateways_become_one_tree_that_is_rebuilt_when_its_directory_is_lost(rig: Rig) -> None:
    # given a log of several rounds
    first = rig.start("first")
    rig.feed(700)
    rig.wait_covered()
    rig.feed(1_300)
    rig.wait_covered()
    rig.stop(first)
    rig.require_one_log()
    before = files(rig.folder / "log")
    # when its directory is lost, and the next sequencer opens but the one round with which it begins
    shutil.rmtree(rig.folder / "log")
    second = rig.start("second", round_s=600.0, idle_round_s=600.0)
    wait_until(lambda: rig.served() == rig.fed, "the log is rebuilt")
    rig.stop(second)
    # then what was there is there again, byte for byte
    after = files(rig.folder / "log")
    assert {name: after[name] for name in before if name.startswith("tile")} == {
        name: data for name, data in before.items() if name.startswith("tile")
    }
    assert after["rounds"].startswith(before["rounds"])
    rig.require_one_log()


def test_a_standby_takes_over_from_one_that_is_killed(rig: Rig) -> None:
    active = rig.start("active")
    rig.feed(500)
    rig.wait_covered()
    rig.start("standby")
    rig.feed(300)
    active.kill()
    active.wait()
    rig.feed(300)
    rig.wait_covered()
    # and one that is started again on the same folder
    rig.start("again")
    rig.feed(100)
    rig.wait_covered()
    rig.require_one_log()


@pytest.mark.parametrize("own", ["log", "other"], ids=["one folder", "a folder each"])
def test_a_zombie_that_wakes_up_after_a_takeover_does_no_harm(rig: Rig, own: str) -> None:
    # given a sequencer that is frozen at work, and another that took over meanwhile
    zombie = rig.start("zombie")
    rig.feed(400)
    rig.wait_covered()
    rig.start("successor", own)
    rig.feed(50)
    freeze(zombie)
    rig.feed(400)
    rig.wait_covered(own)
    # when it wakes up, and entries go on coming
    thaw(zombie)
    for _ in range(10):
        rig.feed(40)
    rig.wait_told("zombie", ("sequencer_lost_the_lock", "TAKEN_OVER"))
    rig.wait_covered(own)
    # then there is one log
    rig.require_one_log(own)
