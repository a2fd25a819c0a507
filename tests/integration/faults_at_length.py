"""The faults that take minutes, on a pair of servers of their own; `make faults` names this file, `make test` doesn't.

Every process of the system is killed in turn (kill -9) while changes flow and workers join and leave; the broker is
slow; transactions are aborted one after another. What is left equals an unbroken run, record by record and row by row.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from jejak import stack as local
from tests.integration import fault_report
from tests.integration import registry_rig as rigs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints
    from tests.integration.registry_rig import Rig

pytestmark = pytest.mark.real

SEED = int(os.environ.get("JEJAK_FAULT_SEED") or 20_261_121)
KILLS = int(os.environ.get("JEJAK_FAULT_BLOWS", "50"))
CHANGES = int(os.environ.get("JEJAK_FAULT_FLOW", "10000"))
FOLD, MODEL, BROKER, DATABASE, JOIN_OR_LEAVE = "fold", "read model", "broker", "database", "join or leave"
# Of ten kills; three joins or leaves come to them.
OF_TEN = {FOLD: 4, MODEL: 3, BROKER: 2, DATABASE: 1}


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Endpoints]]:
    """A pair of servers that only these tests harm."""
    data = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as without:
        without.delenv("JEJAK_KAFKA", raising=False)
        without.delenv("JEJAK_CASSANDRA", raising=False)
        yield data, local.up(data, quick=True, tied_to=os.getpid())
        local.down(data)


@pytest.fixture
def rig(own_stack: tuple[Path, Endpoints], tmp_path: Path) -> Iterator[Rig]:
    with rigs.rigged(own_stack[1], tmp_path) as made:
        yield made


# --- everything killed in turn ---


@dataclass
class Havoc:
    """Kills, joins and leaves in an order that follows from the seed."""

    rig: Rig
    data: Path
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def plan(self) -> list[str]:
        """Return what is to be killed, in order, with workers joining and leaving in between."""
        plan = [what for what, share in OF_TEN.items() for _ in range(KILLS * share // 10)]
        plan += [FOLD] * (KILLS - len(plan)) + [JOIN_OR_LEAVE] * (KILLS * 3 // 10)
        self.rng.shuffle(plan)
        return plan

    def strike(self, what: str) -> None:
        self.rig.revive()
        match what:
            case "fold":
                name = self.rng.choice(self._folds())
                self.done["amid a transaction"] += self.rig.has_open_transaction()
                self.rig.kill(name)
                self.rig.start_fold(name)
            case "read model":
                self.rig.kill(rigs.READ_MODEL)
                self.rig.start_read_model()
            case "broker":
                self._fell(local.KAFKA)
            case "database":
                self._fell(local.CASSANDRA)
            case _:
                self._join_or_leave()
        self.done[what] += 1

    def _folds(self) -> list[str]:
        return sorted(name for name in self.rig.running if not name.startswith(rigs.READ_MODEL))

    def _join_or_leave(self) -> None:
        folds = self._folds()
        if len(folds) > 1:
            self.rig.stop(self.rng.choice(folds))
        else:
            self.rig.start_fold("two" if folds == ["one"] else "one")

    def _fell(self, server: str) -> None:
        local.kill_server(self.data, server)
        local.start_server(self.data, server)
        rigs.wait_until(self.rig.answers, "the broker answers")

    def wait(self, fresh: int) -> None:
        """Let some of the fresh changes be decided, so that the blow falls amid work, at any point of it."""
        wanted = self.rig.written() + self.rng.uniform(0.05, 0.9) * fresh
        rigs.wait_until(lambda: self.rig.written() >= wanted or self._all_decided(), "progress")

    def _all_decided(self) -> bool:
        self.rig.revive()
        return self.rig.undecided() == 0


@pytest.mark.timeout(1_200)
def test_fold_read_model_broker_and_database_killed_in_turn_leave_what_an_unbroken_run_leaves(
    own_stack: tuple[Path, Endpoints], rig: Rig
) -> None:
    started = time.monotonic()
    havoc = Havoc(rig, own_stack[0], random.Random(SEED))  # noqa: S311  chance, not a secret
    plan = havoc.plan()
    rig.activate(rigs.PKH)
    rig.start_fold("one")
    rig.start_fold("two")
    rig.start_read_model()
    for number, share in enumerate(rigs.shares(rigs.simulated(CHANGES, SEED), len(plan) + 1)):
        if number == len(plan) // 2:
            rig.activate(rigs.SEMBAKO)
        with rig.sending() as put:
            for message in share:
                put(message)
            if number < len(plan):
                havoc.wait(len(share))
                havoc.strike(plan[number])
    rig.settle(300)
    compared = rig.compare()
    assert compared.changes == CHANGES
    assert sum(havoc.done[what] for what in OF_TEN) == KILLS
    fault_report.tell(
        "kill -9 of everything, rebalances while busy",
        seconds=time.monotonic() - started,
        compared=[compared],
        kills=KILLS,
        blows=dict(havoc.done),
        started_again_after_a_fault=rig.revived,
    )


# --- a broker that is slow ---


@pytest.mark.timeout(600)
def test_a_broker_that_stands_still_again_and_again_costs_time_and_nothing_else(
    own_stack: tuple[Path, Endpoints], rig: Rig
) -> None:
    # Given pauses shorter than any limit, and two beyond the session's and the transaction's
    started = time.monotonic()
    pauses = [0.2, 0.5, 1.0, 2.0, 0.2, 4.0, 0.5, 13.0, 0.2, 1.0, 3.0, 0.5, 16.0, 0.2, 0.5]
    pid = local.status(own_stack[0]).servers[local.KAFKA].pid
    assert pid is not None
    changes = rigs.simulated(4_000, SEED)
    for name in ("one", "two"):
        rig.start_fold(name, batch=50)
    rig.start_read_model()
    for pause, share in zip(pauses, rigs.shares(changes, len(pauses)), strict=True):
        before = rig.written()
        with rig.sending() as put:
            for message in share:
                put(message)
            rigs.wait_until(lambda low=before: rig.written() > low + 20, "the folds are busy")  # type: ignore[misc]  # bound now
            os.kill(pid, signal.SIGSTOP)
            time.sleep(pause)
            os.kill(pid, signal.SIGCONT)
        rigs.wait_until(rig.answers, "the broker answers")
        rig.revive()
    rig.settle(240)
    compared = rig.compare()
    assert compared.changes == len(changes)
    fault_report.tell(
        "slow broker",
        seconds=time.monotonic() - started,
        compared=[compared],
        pauses=len(pauses),
        paused_s=sum(pauses),
        aborts=sum(rig.log(name).count("transaction aborted") for name in ("one", "two")),
    )


# --- transactions that are aborted ---


@pytest.mark.timeout(400)
def test_transactions_aborted_one_after_another_leave_nothing_that_a_reader_sees(rig: Rig) -> None:
    started = time.monotonic()
    rig.start_read_model()
    changes, aborted = rigs.simulated(2_000, SEED), 5
    for number, share in enumerate(rigs.shares(changes, aborted)):
        rig.send(share)
        rig.start_fold("one", batch=20, commit_interval_s=3.0)
        rigs.freeze_amid_a_transaction(rig, "one")
        rig.kill("one")
        if number % 2:
            # An heir under another name: what is open is nobody's until it times out.
            rig.start_fold("heir")
            rigs.wait_until(lambda: rig.undecided() == 0, "the heir decides everything")
            rig.stop("heir")
    rig.start_fold("one")
    rig.settle()
    compared = rig.compare()
    assert compared.changes == len(changes)
    fault_report.tell(
        "aborted transactions", seconds=time.monotonic() - started, compared=[compared], transactions=aborted
    )
