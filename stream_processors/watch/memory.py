"""What the watch remembers between two entries, in any mapping of bytes to plain values: open intents, windows, chains.

An entry that comes twice is seen once: a gateway numbers its entries, and what is not beyond its last number is known.
What it keeps of an entry must not be there before the alerts of it are (`marks` holds it back).
Must not know what keeps the mapping.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from typing import Any, Final, assert_never

from schemas import records
from schemas.records import UnusualUseDetected
from stream_processors.watch.running import Running
from stream_processors.watch.unusual import Accessor, Seen, Watch, Windows

_INTENT: Final = b"i/"
_ACCESSOR: Final = b"a/"
_GATEWAY: Final = b"g/"
_ANSWERED_KEPT: Final = 60_000_000  # its disclosures follow within a second
_SIGN_OF_LIFE: Final = 10_000_000  # not each of a million disclosures is worth a write
_UNANSWERED_KEPT: Final = 86_400_000_000
_TOLD: Final = -1
_SPEAKS, _ENDED = 0, 1
_OF_LINES: Final = frozenset({"AUDIT_READ", "LIST"})
_BREAK_GLASS: Final = "BREAK_GLASS"
_ALLOWED: Final = "ALLOW"
_AS_THE_OUTCOME_SAYS: Final = -1
_GATEWAY_KEPT: Final = 30 * 86_400_000_000

Entry = records.AccessIntent | records.AccessOutcome | records.SubjectDisclosure | records.GatewayHeartbeat
Kept = list[Any]
"""An intent: agency, actor, append time (its own or its latest disclosure's), when it was answered (0 not yet, -1 told
of), the persons it shows at most.

A gateway: its last number, when that came, and whether it speaks (0), said that it ended (1) or was told of (-1); and,
of looks that it did not end yet, how many persons each has shown. The number and the counts are one value: what is read
again after a crash is in both or in neither. The windows follow the counts (`Running` says when); how far they have
followed is theirs to say.
"""
Shows = dict[str, int]
"""How many persons each look has shown, by its intent."""


class Memory:
    """The watch over a stream of entries; values are what JSON can say."""

    def __init__(self, kept: MutableMapping[bytes, Any], watch: Watch, honey: frozenset[bytes]) -> None:
        self._kept = kept
        self._watch = watch
        self._honey = honey
        self._intents: set[bytes] | None = None
        self._speaking: set[bytes] = set()
        self._running: dict[bytes, Running] = {}

    def watch_over(self, honey: frozenset[bytes]) -> None:
        """Take these for the records that nobody has a reason to look at, from the next entry on."""
        self._honey = honey

    def begin_anew(self) -> None:
        """Forget all but what is kept, as after a start: some of it was not."""
        self._intents = None
        self._speaking.clear()
        self._running.clear()

    def seen(self, entry: Entry, at: int, now: int) -> tuple[UnusualUseDetected, ...]:
        """Return the alerts of an entry appended `at`, read `now` (µs, UTC); none of one that was seen before."""
        gateway = _GATEWAY + entry.gateway_id.encode()
        known = self._kept.get(gateway)
        if known is not None and entry.gateway_seq <= known[0]:
            return ()
        shows = {} if known is None else self._still_shown(known)
        found = [*self._of(entry, shows, at, now)]
        found += self._of_gateway(entry, 0 if known is None else known[0], at)
        ended = isinstance(entry, records.GatewayHeartbeat) and entry.closing
        self._speaking.add(gateway)
        # Last: a crash before this has the entry seen again.
        self._kept[gateway] = _gateway(entry.gateway_seq, at, _ENDED if ended else _SPEAKS, shows)
        return tuple(found)

    def _of_gateway(self, entry: Entry, last: int, at: int) -> Iterator[UnusualUseDetected]:
        """Yield the alerts about who wrote the entry: numbers that are missing before it, and a clock that differs."""
        if entry.gateway_seq > last + 1:
            yield self._watch.hole(entry.gateway_id, last, entry.gateway_seq, at)
        clock = self._watch.clock(entry.gateway_id, entry.occurred_at, at)
        if clock is not None:
            yield from self._raised(Accessor("", entry.gateway_id), clock, at)

    def _of(self, entry: Entry, shows: Shows, at: int, now: int) -> Iterator[UnusualUseDetected]:
        match entry:
            case records.AccessIntent():
                yield from self._begun(entry, at)
            case records.AccessOutcome():
                yield from self._ended(entry, shows, at, now)
            case records.SubjectDisclosure():
                yield from self._goes_on(entry.intent_id, shows, at)
                if entry.subject_ref in self._honey:
                    yield self._watch.honey(self._who(entry.intent_id), entry.intent_id, at)
            case records.GatewayHeartbeat():
                return
            case _:
                assert_never(entry)

    def _begun(self, intent: records.AccessIntent, at: int) -> Iterator[UnusualUseDetected]:
        who = Accessor(intent.agency_id, intent.actor_ref)
        # Of a trail or of refusals an outcome counts the lines: it shows one person, officers alone, or nobody.
        most = int(intent.subject_ref is not None) if intent.action in _OF_LINES else _AS_THE_OUTCOME_SAYS
        self._kept[_INTENT + intent.event_id] = [who.agency, who.actor, at, 0, most]
        if self._intents is not None:
            self._intents.add(_INTENT + intent.event_id)
        if {intent.subject_ref, intent.household_ref} & self._honey:
            yield self._watch.honey(who, intent.event_id, at)
        if intent.action == _BREAK_GLASS and intent.decision == _ALLOWED:
            yield self._watch.break_glass(who, intent.event_id, intent.review_due_at or at, at)
        windows = self._windows(who)
        yield from self._after(who, windows, self._watch.begun(windows, who, intent.actor_role, intent.event_id, at))

    def _ended(self, outcome: records.AccessOutcome, shows: Shows, at: int, now: int) -> Iterator[UnusualUseDetected]:
        shown = shows.pop(outcome.intent_id.hex(), 0)
        self._running.pop(outcome.intent_id, None)
        intent: Kept | None = self._kept.get(_INTENT + outcome.intent_id)
        if intent is None:
            return
        self._kept[_INTENT + outcome.intent_id] = [*intent[:3], now, intent[4]]
        persons = _at_most(intent, max(outcome.result_count, shown))
        who = Accessor(intent[0], intent[1])
        windows = self._windows(who)
        if shown or outcome.intent_id.hex() in windows.counted:
            seen = self._watch.goes_on(windows, who, outcome.intent_id, persons, at)
        elif persons:
            seen = self._watch.ended(windows, who, persons, at)
        else:
            seen = self._watch.refused(windows, who, outcome.reason or "", outcome.intent_id, at)
        yield from self._after(who, windows, seen)

    def _goes_on(self, intent_id: bytes, shows: Shows, at: int) -> Iterator[UnusualUseDetected]:
        """Count a person of a look of which nobody knows yet what became: an export, chunk after chunk."""
        intent: Kept | None = self._kept.get(_INTENT + intent_id)
        if intent is None or intent[3] > 0:  # what an outcome said is counted already
            return
        if at - intent[2] > _SIGN_OF_LIFE:
            self._kept[_INTENT + intent_id] = [*intent[:2], at, *intent[3:]]
        about = intent_id.hex()
        shows[about] = shows.get(about, 0) + 1
        running = self._running.setdefault(intent_id, Running())
        running.shows(shows[about], at)
        if running.is_due():
            yield from self._counted(intent_id, running)

    def _counted(self, intent_id: bytes, running: Running) -> tuple[UnusualUseDetected, ...]:
        """Have the windows follow to what a look has shown; return the alerts of it."""
        intent: Kept | None = self._kept.get(_INTENT + intent_id)
        if intent is None:
            return ()
        who = Accessor(intent[0], intent[1])
        windows = self._windows(who)
        running.counted()
        persons = _at_most(intent, running.persons)
        return self._after(who, windows, self._watch.goes_on(windows, who, intent_id, persons, running.at))

    def _still_shown(self, gateway: Kept) -> Shows:
        """Return what the looks of a gateway have shown that are not forgotten."""
        return {one: count for one, count in _shows(gateway).items() if _INTENT + bytes.fromhex(one) in self._kept}

    def unanswered(self, now: int) -> tuple[UnusualUseDetected, ...]:
        """Return the alerts of intents that nobody answered in time, each once; forget those long answered.

        Also those of persons that an open look showed last, after which nothing came that had them counted.
        """
        if self._intents is None:
            self._intents = self._looked_through(now)
        waiting = [one for one in self._running.items() if one[1].waits(now)]
        found = [alert for intent_id, running in waiting for alert in self._counted(intent_id, running)]
        for key in [*self._intents]:
            agency, actor, began_at, answered, most = self._kept[key]
            if answered:
                until = began_at + _UNANSWERED_KEPT if answered == _TOLD else answered + _ANSWERED_KEPT
                if now > until:
                    self._forget(key, Accessor(agency, actor))
                    self._intents.discard(key)
                continue
            alert = self._watch.unanswered(Accessor(agency, actor), key.removeprefix(_INTENT), began_at, now)
            if alert is not None:
                found.append(alert)
                self._kept[key] = [agency, actor, began_at, _TOLD, most]
        return tuple(found)

    def _forget(self, key: bytes, who: Accessor) -> None:
        about = key.removeprefix(_INTENT)
        self._running.pop(about, None)
        windows = self._windows(who)
        left = {one: count for one, count in windows.counted.items() if one != about.hex()}
        self._after(who, windows, (replace(windows, counted=left), ()))
        del self._kept[key]  # last: without it, what comes again is counted no more

    def silent(self, now: int) -> tuple[UnusualUseDetected, ...]:
        """Return the alerts of gateways that say nothing any more and never said that they ended, each once.

        What such a gateway did last may be on no record: its numbers show a hole only once another one comes.
        """
        if self._intents is None:
            self._intents = self._looked_through(now)
        found = []
        for key in [*self._speaking]:
            number, at, state = self._kept[key][:3]
            alert = self._watch.silent(key.removeprefix(_GATEWAY).decode(), at, now) if state == _SPEAKS else None
            if alert is not None:
                found.append(alert)
                self._kept[key] = _gateway(number, at, _TOLD, _shows(self._kept[key]))
            if alert is not None or state != _SPEAKS:
                self._speaking.discard(key)
        return tuple(found)

    def _looked_through(self, now: int) -> set[bytes]:
        """Return the keys of all intents, once after a start; forget gateways that ended long ago, note the others.

        What open looks have shown is noted too: the windows may not have followed yet.
        """
        kept = [*self._kept.items()]
        for key, value in kept:
            if key.startswith(_GATEWAY):
                for about, count in self._still_shown(value).items():
                    self._running.setdefault(bytes.fromhex(about), Running(count, value[1]))
        self._speaking |= {key for key, value in kept if key.startswith(_GATEWAY) and value[2] == _SPEAKS}
        for key, value in kept:
            if key.startswith(_GATEWAY) and value[2] != _SPEAKS and now - value[1] > _GATEWAY_KEPT:
                del self._kept[key]
        return {key for key, _ in kept if key.startswith(_INTENT)}

    def _who(self, intent_id: bytes) -> Accessor:
        intent: Kept | None = self._kept.get(_INTENT + intent_id)
        return Accessor("", "") if intent is None else Accessor(intent[0], intent[1])

    def _windows(self, who: Accessor) -> Windows:
        kept = self._kept.get(_key(who))
        return Windows() if kept is None else Windows.parse(kept)

    def _after(self, who: Accessor, before: Windows, seen: Seen) -> tuple[UnusualUseDetected, ...]:
        windows, alerts = seen
        if windows != before:
            self._kept[_key(who)] = windows.plain()
        return alerts

    def _raised(self, who: Accessor, alert: UnusualUseDetected, at: int) -> tuple[UnusualUseDetected, ...]:
        """Return the alert unless it was raised for this accessor lately."""
        windows = self._windows(who)
        return self._after(who, windows, self._watch.once(windows, (alert,), at))


def _at_most(intent: Kept, persons: int) -> int:
    return persons if intent[4] == _AS_THE_OUTCOME_SAYS else min(intent[4], persons)


def _gateway(number: int, at: int, state: int, shows: Shows) -> Kept:
    return [number, at, state, shows] if shows else [number, at, state]


def _shows(gateway: Kept) -> Shows:
    return gateway[3] if len(gateway) > 3 else {}  # noqa: PLR2004  most have nothing to say there


def _key(who: Accessor) -> bytes:
    return _ACCESSOR + who.agency.encode() + b"\0" + who.actor.encode()
