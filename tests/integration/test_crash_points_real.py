"""A worker that dies at any point of its life leaves nothing lost and nothing counted twice.

Each death is a real one (SIGKILL, or SIGSTOP where it is to wake up later) of a process that runs the product's fold
on the product's engine, at a point named beforehand; that it was reached is checked for each. In between and at the end
all that was left is compared with an unbroken run, record by record. JEJAK_FAULT_POINTS bounds how many are tried.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration import fault_report
from tests.integration.crash_points import PROFILES, chosen
from tests.integration.crash_run import Tried

if TYPE_CHECKING:
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

POINTS = int(os.environ.get("JEJAK_FAULT_POINTS", "60"))
AT_LENGTH = POINTS > 200
ROUNDS = 4 if AT_LENGTH else 1  # after each, everything is compared
TIMEOUT_S = 1_200 if AT_LENGTH else 180


@pytest.mark.timeout(TIMEOUT_S)
def test_a_worker_that_dies_at_any_point_of_its_life_leaves_what_an_unbroken_run_leaves(
    stack: Endpoints, tmp_path: Path
) -> None:
    started = time.monotonic()
    tried = [Tried(stack, tmp_path, profile, chosen(profile, POINTS), ROUNDS) for profile in range(len(PROFILES))]
    with ThreadPoolExecutor(len(tried)) as lanes:
        for outcome in [lanes.submit(one.run) for one in tried]:
            outcome.result()
    assert [one.unfired() for one in tried] == [[]] * len(tried)
    fired = Counter(told["scenario"] for one in tried for told in one.told if "fired" in told)
    assert fired.total() == sum(len(one.lives) for one in tried)
    if AT_LENGTH:
        for one in tried:
            one.read()
    fault_report.tell(
        "crash points by injection",
        seconds=time.monotonic() - started,
        compared=[one.compared for one in tried if one.compared is not None],
        crash_points=fired.total(),
        by_what_befell_them=dict(fired),
    )
