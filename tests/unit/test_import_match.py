"""A file beside one sent earlier: new, known, changed, conflicting, and what is gone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from producers.matching import Matching
from tests.unit.import_files import EXAMPLES, Example, read, written

if TYPE_CHECKING:
    from pathlib import Path

FAMILIES = EXAMPLES["sik-ng"]


def compared(folder: Path, earlier: Example, now: Example) -> tuple[dict[tuple[int, str], str], Matching]:
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    matching = Matching()
    before, after = read(written(folder / "a", earlier), now.source), read(written(folder / "b", now), now.source)
    return {(one.row, one.record): one.match for one in matching.matches(before, after)}, matching


@pytest.mark.parametrize("source", sorted(EXAMPLES))
def test_the_same_file_again_is_known_in_every_row(tmp_path: Path, source: str) -> None:
    found, matching = compared(tmp_path, EXAMPLES[source], EXAMPLES[source])
    assert set(found.values()) == {"known"}
    assert matching.gone == 0


@pytest.mark.parametrize("source", sorted(EXAMPLES))
def test_a_first_file_is_new_in_every_row(tmp_path: Path, source: str) -> None:
    found, _ = compared(tmp_path, EXAMPLES[source].with_rows([]), EXAMPLES[source])
    assert set(found.values()) <= {"new", "conflicting"}  # a forum's total is another once there are rows
    assert Counter(found.values())["new"] >= 4


def test_what_is_true_since_a_later_day_is_changed_and_of_the_same_day_conflicting(tmp_path: Path) -> None:
    later = FAMILIES
    for row in (0, 1):
        later = later.changed(row, "Tgl Pendataan", "2025-06-01")
    now = later.changed(1, "Status Perkawinan", "2").changed(3, "Status Perkawinan", "2")

    found, matching = compared(tmp_path, FAMILIES, now)

    assert found[3, "MembershipClaimed"] == "changed"
    assert found[5, "MembershipClaimed"] == "conflicting"
    assert found[2, "MembershipClaimed"] == found[4, "FamilyRegistered"] == "known"
    assert matching.counts == Counter(known=4, changed=1, conflicting=1)


def test_a_row_that_came_no_more_is_gone_and_a_refused_one_is_told(tmp_path: Path) -> None:
    now = FAMILIES.with_rows(list(FAMILIES.rows[:3])).changed(1, "NIK", "1")

    found, matching = compared(tmp_path, FAMILIES, now)

    assert found[3, ""] == "refused"
    assert matching.gone == 2


def test_the_same_rank_in_a_later_run_is_known_and_another_is_changed(tmp_path: Path) -> None:
    earlier = EXAMPLES["ranking"]
    above = [("Run", "DTSEN-2025-T3") if line[0] == "Run" else line for line in earlier.above]
    above = [("Tanggal", "20-08-2025") if line[0] == "Tanggal" else line for line in above]
    now = Example("ranking", tuple(above), earlier.head, earlier.rows, "", "").changed(0, "Desil", "1")
    now = now.changed(0, "Persentil", "9,5")

    _, matching = compared(tmp_path, earlier, now)

    assert matching.counts == Counter(known=3, changed=1)
