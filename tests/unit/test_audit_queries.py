"""An agency's day is 24 partitions: asked for some at a time, told in order, and no further than the page goes."""

from __future__ import annotations

from typing import Any

from consumers.read_model.audit_queries import NEWEST, Access, Accesses
from consumers.read_model.audit_rows import hours_of

DAY, AGENCY = "2025-06-15", "dinsos/35.71"
AT_ONCE = 8
Key = tuple[Any, ...]


def line(at: int, event: int) -> tuple[Any, ...]:
    """Return a row of a table of looks at that time; all but its order is left empty."""
    return (at, event.to_bytes(16, "big"), *("" for _ in range(len(Access._fields) - 2)))


class Answer:
    def __init__(self, session: Session, rows: list[Any]) -> None:
        self._session, self._rows = session, rows

    def result(self) -> list[Any]:
        self._session.under_way -= 1
        return self._rows


class Session:
    """A database of a few rows, that counts how many questions wait for their answers at once."""

    def __init__(self, rows: dict[Key, list[Any]]) -> None:
        self._rows = rows
        self.asked: list[Key] = []
        self.under_way = self.most = 0

    def prepare(self, query: str) -> Any:
        return type("Prepared", (), {"query": query})()

    def execute_async(self, statement: Any, place: Key) -> Answer:
        self.asked.append(place)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return Answer(self, self._rows.get(place[: statement.query.count("= ?")], []))


def tables(rows: dict[Key, list[Any]]) -> tuple[Accesses, Session]:
    session = Session(rows)
    return Accesses(session), session


def day_of_hours(*hours: int) -> dict[Key, list[Any]]:
    return {(AGENCY, f"{DAY}T{hour:02d}"): [line(hour * 100 + minute, hour) for minute in (2, 1, 0)] for hour in hours}


def test_an_agencys_day_is_told_newest_first_whichever_hours_it_lies_in() -> None:
    found, session = tables(day_of_hours(0, 8, 9, 23))
    page = found.of_agency(AGENCY, DAY)
    assert [row.occurred_at for row in page.lines] == [2302, 2301, 2300, 902, 901, 900, 802, 801, 800, 2, 1, 0]
    assert page.after is None
    assert [place[1] for place in session.asked] == list(hours_of(DAY))


def test_hours_are_asked_for_some_at_a_time_and_none_is_left_waiting() -> None:
    found, session = tables(day_of_hours(*range(24)))
    assert len(found.of_agency(AGENCY, DAY).lines) == 72
    assert (session.most, session.under_way) == (AT_ONCE, 0)


def test_a_page_that_is_full_asks_for_no_more_hours_and_the_next_one_goes_on_after_it() -> None:
    found, session = tables(day_of_hours(*range(24)))
    page = found.of_agency(AGENCY, DAY, NEWEST, 4)
    assert [row.occurred_at for row in page.lines] == [2302, 2301, 2300, 2202]
    assert page.after == page.lines[-1][:2]
    assert len(session.asked) <= 2 + AT_ONCE
    found.of_agency(AGENCY, DAY, page.after or NEWEST, 4)
    assert session.asked[-1][2:] == page.after


def test_lines_of_a_person_and_of_their_home_are_asked_for_at_once_and_told_apart() -> None:
    found, session = tables({(b"p1",): [line(2, 1)], (b"p2",): [line(1, 2)], (b"h",): [line(3, 3)]})
    person, home = found.of_subjects([b"p1", b"p2"], [b"h", b"none"])
    assert [row.occurred_at for row in person] == [2, 1]
    assert [row.occurred_at for row in home] == [3]
    assert session.most == 4
