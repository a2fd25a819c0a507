"""What a gateway told its callers is on the topic once, in a whole chain, wherever the gateway or its broker died."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from jejak import stack as local
from tests.integration.gateway_rig import Gateways, points

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jejak.stack import Endpoints
    from tests.integration.gateway_rig import Judged

pytestmark = pytest.mark.real

POINTS = int(os.environ.get("JEJAK_AUDIT_POINTS", "21"))
KILLS = int(os.environ.get("JEJAK_AUDIT_KILLS", "3"))
BROKER_KILLS = int(os.environ.get("JEJAK_AUDIT_BROKER_KILLS", "1"))
LIVES_A_REPLAY = 25
LANES = 8 if POINTS > 100 else 1  # gateways wait for the broker and the disk for most of their lives
REACHED_SECONDS = 120.0  # by a life that gets to its point in a second, on a machine that does much else


def say(what: str, gateways: Gateways, judged: Judged) -> None:
    print(  # noqa: T201  the figures of a run at length
        f"{what}: {judged.chains} chains, {judged.entries:,} entries, {judged.told:,} acknowledged, {judged.shown:,}"
        f" shown, {gateways.replayed:,} replayed, lost {len(judged.lost)}, doubled {len(judged.doubled)},"
        f" holes {len(judged.holes)}, open chains {len(judged.open_ended)}, without intent {len(judged.unasked)}"
    )


def test_a_gateway_that_dies_at_any_step_of_an_append_loses_and_doubles_nothing(
    stack: Endpoints, tmp_path: Path
) -> None:
    lanes = [points(POINTS)[lane::LANES] for lane in range(LANES)]
    with ThreadPoolExecutor(LANES) as pool:
        found = list(pool.map(partial(died_at, stack.kafka, tmp_path), range(LANES), lanes))
    print(f"{POINTS} crash points in {LANES} lanes, each of a folder and a topic of its own")  # noqa: T201  as above
    for judged in found:
        assert judged.sound, judged
    assert sum(judged.shown for judged in found)


def died_at(bootstrap: str, folder: Path, lane: int, steps: Sequence[tuple[str, int]]) -> Judged:
    """Have gateways of one folder die at each of these points, one after the other; return what their topic holds."""
    wal = folder / f"wal-{lane}"
    with Gateways(bootstrap, wal) as gateways:
        for number, (step, passage) in enumerate(steps, 1):
            # Nothing is removed before the chain is closed: that point is reached only by a life that ends.
            seconds = 0.2 if step.startswith("unlink") else REACHED_SECONDS
            assert gateways.lives(step, passage, seconds=seconds), f"{step} {passage} was not reached"
            if number % LIVES_A_REPLAY == 0:
                gateways.replay()
        gateways.replay()
        judged = gateways.judged()
        say(f"{len(steps)} crash points", gateways, judged)
    assert not list(wal.iterdir())
    return judged


def test_a_gateway_killed_at_random_while_it_appends_loses_and_doubles_nothing(
    stack: Endpoints, tmp_path: Path
) -> None:
    chance = random.Random(5)  # noqa: S311  no secret
    with Gateways(stack.kafka, tmp_path / "wal") as gateways:
        for _ in range(KILLS):
            assert gateways.lives(seconds=30.0, kill_after=chance.uniform(0.3, 1.5))
            gateways.replay()
        judged = gateways.judged()
        say(f"{KILLS} kills of the gateway", gateways, judged)
    assert judged.sound, judged
    assert judged.shown


def test_a_broker_killed_while_a_gateway_appends_costs_no_entry_and_the_chain_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JEJAK_KAFKA", raising=False)
    monkeypatch.setenv("JEJAK_CASSANDRA", "127.0.0.1:1")  # not needed, so none is started
    monkeypatch.setattr("jejak.stack.local.READY_SECONDS", 300.0)
    folder = tmp_path / "stack"
    endpoints = local.up(folder, quick=True, tied_to=os.getpid())
    try:
        with Gateways(endpoints.kafka, tmp_path / "wal") as gateways:
            for _ in range(BROKER_KILLS):
                before = gateways.shown()
                gateways.begin(seconds=10.0)
                gateways.until_shown(before)
                local.kill_server(folder, local.KAFKA)
                local.start_server(folder, local.KAFKA)
                assert gateways.ended() == 0
            gateways.replay()
            judged = gateways.judged()
            say(f"{BROKER_KILLS} kills of the broker", gateways, judged)
    finally:
        local.down(folder)
    assert judged.sound, judged
    assert judged.shown
