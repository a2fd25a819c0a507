"""The accounts of the demo: a lost change, one with two fates and one never reported are all found."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from jejak.demo import accounts
from jejak.demo.accounts import Changes, Events, Refusals, unaccounted
from schemas import catalogue, codec, records

IDS = [uuid.UUID(int=number).bytes for number in range(1, 6)]
PLACES = [(0, offset) for offset in range(5)]


@dataclass
class World:
    """Five changes: three accepted, one refused, one of them told twice; one value that is none."""

    said: Changes = field(
        default_factory=lambda: Changes(ids=dict(zip(PLACES, [*IDS[:3], IDS[0], IDS[4]], strict=True)), unread={(1, 0)})
    )
    became: Events = field(default_factory=lambda: Events(accepted_ids=set(IDS[:3])))
    refused: Refusals = field(default_factory=lambda: Refusals(places={PLACES[4]}))
    dead: dict[tuple[int, int], str] = field(default_factory=lambda: {(1, 0): "NOT_AVRO"})

    def wrong(self) -> int:
        return unaccounted(self.said, self.became, self.refused, self.dead)


def test_where_every_change_has_one_fate_nothing_is_wrong() -> None:
    assert World().wrong() == 0


def test_a_lost_change_is_found() -> None:
    world = World()
    world.became.accepted_ids.discard(IDS[1])
    assert world.wrong() == 1


def test_a_lost_change_that_was_told_twice_is_found_twice() -> None:
    world = World()
    world.became.accepted_ids.discard(IDS[0])
    assert world.wrong() == 2


def test_a_change_accepted_and_refused_is_found() -> None:
    world = World()
    world.refused.places.add(PLACES[1])
    assert world.wrong() == 1


def test_a_change_accepted_and_dead_is_found() -> None:
    world = World()
    world.dead[PLACES[2]] = "KEY_IS_NOT_FAMILY"
    assert world.wrong() == 2  # no fate of its own, and no unread value behind the dead letter


def test_a_refusal_that_was_lost_is_found() -> None:
    world = World()
    world.refused.places.clear()
    assert world.wrong() == 1


def test_a_value_that_is_no_change_and_no_dead_letter_is_found() -> None:
    world = World()
    world.dead.clear()
    assert world.wrong() == 1


def test_a_dead_letter_of_nothing_is_found() -> None:
    world = World()
    world.dead[1, 7] = "NOT_AVRO"
    assert world.wrong() == 1


def test_a_due_date_that_no_longer_mattered_leaves_nothing_and_is_no_loss() -> None:
    world = World()
    world.became.accepted_ids.discard(IDS[1])
    world.said.hasty.add(PLACES[1])
    assert world.wrong() == 0


def test_a_due_date_that_was_refused_has_that_one_fate() -> None:
    world = World()
    world.said.hasty.add(PLACES[4])
    assert world.wrong() == 0


@dataclass
class Message:
    """One record as the client gives it."""

    bytes_: bytes
    place: tuple[int, int]
    told: list[tuple[str, bytes]] = field(default_factory=list)

    def value(self) -> bytes:
        return self.bytes_

    def partition(self) -> int:
        return self.place[0]

    def offset(self) -> int:
        return self.place[1]

    def headers(self) -> list[tuple[str, bytes]]:
        return self.told


def holding(monkeypatch: pytest.MonkeyPatch, messages: Iterable[Message]) -> None:
    kept = list(messages)
    monkeypatch.setattr("jejak.demo.accounts.kafka.read_all", lambda _bootstrap, _topic: iter(kept))


def header(change: bytes) -> records.Header:
    return records.Header(
        sequence=0,
        recorded_at=0,
        occurred_at=1,
        change_id=change,
        family_id="f" * 26,
        agency="bps",
        actor="a",
        document="d",
    )


def test_changes_are_read_by_place_and_what_is_none_is_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = records.ProposalSubmitted(header=header(IDS[0]), proposal_id=IDS[1])
    due = records.DeadlineReached(header=header(IDS[2]), kind="PROPOSAL_CUT_OFF.USULAN", subject_id=IDS[3], due_at=1)
    holding(
        monkeypatch,
        [Message(codec.encode(ended), (0, 0)), Message(codec.encode(due), (0, 1)), Message(b"{}", (0, 2))],
    )
    found = accounts.changes("")
    assert found.ids == {(0, 0): IDS[0], (0, 1): IDS[2]}
    assert (found.unread, found.hasty, found.total) == ({(0, 2)}, {(0, 1)}, 3)


def test_refusals_of_producers_are_not_the_fold_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(topic: str, rule: str, offset: int) -> bytes:
        return codec.encode(
            records.ChangeRefused(
                header=header(IDS[0]),
                record="jejak.FamilyMoved",
                rule=rule,
                pointer="",
                explanation="",
                source_topic=topic,
                source_partition=3,
                source_offset=offset,
            )
        )

    by_fold, by_producers = refusal(catalogue.CHANGES_TOPIC, "ORDER", 9), refusal("file", "V1", 2)
    holding(monkeypatch, [Message(by_fold, (0, 0)), Message(by_producers, (0, 1))])
    found = accounts.refusals("")
    assert (dict(found.by_fold), dict(found.by_producers), found.places) == ({"ORDER": 1}, {"V1": 1}, {(3, 9)})


def test_dead_letters_of_other_topics_are_not_counted_against_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(topic: str, offset: bytes) -> list[tuple[str, bytes]]:
        place = [("dl_topic", topic.encode()), ("dl_partition", b"3"), ("dl_offset", offset)]
        return [*place, ("dl_code", b"NOT_AVRO"), ("dl_consumer", b"fold")]

    ours, other = told(catalogue.CHANGES_TOPIC, b"5"), told(catalogue.EVENTS_TOPIC, b"6")
    holding(monkeypatch, [Message(b"x", (0, 0), ours), Message(b"y", (0, 1), other)])
    assert accounts.dead_places("") == {(3, 5): "NOT_AVRO"}
