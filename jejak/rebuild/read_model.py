"""The read model rebuilt beside: built, compared, switched to, rolled back, dropped. Never wiped first.

Knows the tables' versions and who feeds them; a row's meaning is the projection's.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from consumers.read_model import settled, tables
from consumers.read_model.compare import Comparison, MayLack, TableCompared
from consumers.read_model.projector import Topics, group_of
from consumers.read_model.rebuild import Progress, begins, carry, catch_up, ends, feeding
from jejak.composition import Registry
from jejak.rebuild import groups, pointer
from jejak.rebuild.pointer import READ_MODEL, STATE, RebuildRefused, Serving
from jejak.rebuild.serving import choose
from schemas import catalogue

Look = Callable[[Progress], None]
FOLLOWED_SECONDS: Final = 30.0
SERVING_SECONDS: Final = 60.0


def topics(registry: Registry) -> Topics:
    """Return the topics that are projected now."""
    families = catalogue.families_topic(registry.serving.now(STATE).version)
    return replace(Topics(), families=families)


def chosen(registry: Registry, version: str) -> str:
    """Return the version that is meant: the given one, else the one being built beside, else the next."""
    now = registry.serving.now(READ_MODEL)
    return version or pointer.candidate(now, tables.versions(registry.session))


def start(registry: Registry, version: str, look: Look, stopping: Callable[[], bool]) -> Progress:
    """Build the version, on from where an earlier build was ended, until it is caught up or `stopping` says so."""
    now = registry.serving.now(READ_MODEL)
    pointer.may_build(now, version)
    bootstrap, session, read = registry.endpoints.kafka, registry.session, topics(registry)
    if version not in tables.versions(session):
        # What is left of a version of this name that was dropped: offsets that would skip, rows that would stay.
        groups.forget(bootstrap, group_of(version))
        tables.drop(session, version)
    tables.create(session, registry.settings.replication(), version)
    with feeding(bootstrap, session, version, read) as feeder:
        progress = catch_up(bootstrap, version, read, look, feeder.check, stopping)
    if not stopping():
        carry(session, now.version, version)
    return progress


def compare(registry: Registry, version: str, look: Look = lambda _: None) -> tuple[TableCompared, ...]:
    """Compare the version with the one that serves, table by table, once both hold what was committed a moment ago."""
    now = registry.serving.now(READ_MODEL)
    _there(registry, version)
    bootstrap, session, read = registry.endpoints.kafka, registry.session, topics(registry)
    with feeding(bootstrap, session, version, read) as feeder:
        catch_up(bootstrap, version, read, look, feeder.check)
        try:
            catch_up(bootstrap, now.version, read, lambda _: None, feeder.check, seconds=SERVING_SECONDS)
        except TimeoutError as late:
            text = f"{now.version} serves and is behind: is `jejak run read-model` running?"
            raise RebuildRefused("SERVING_BEHIND", text) from late
        refused = [place for place in ends(bootstrap, read) if place[0] == read.refusals]
        may_lack = MayLack({partition: begin for (_, partition), begin in begins(bootstrap, refused).items()})
        return tuple(Comparison(session, now.version, version, may_lack).every(feeder.check))


def switch(registry: Registry, version: str, look: Look, *, accept_differences: bool) -> tuple[Serving, bool]:
    """Have the version serve once it is caught up and equal; return what serves and whether that is new."""
    now = registry.serving.now(READ_MODEL)
    after = pointer.switched(now, version)
    if after is now:
        return now, False
    _there(registry, version)
    if accept_differences:
        bootstrap, read = registry.endpoints.kafka, topics(registry)
        with feeding(bootstrap, registry.session, version, read) as feeder:
            catch_up(bootstrap, version, read, look, feeder.check)
    elif differing := [one for one in compare(registry, version, look) if one.differing]:
        found = "; ".join(f"{one.table}: {one.differing}, the first {one.first}" for one in differing)
        raise RebuildRefused("DIFFERS", f"{found}: say --accept-differences if they are meant")
    carry(registry.session, now.version, version)
    return choose(registry.endpoints.kafka, READ_MODEL, after, registry.settings.actor), True


def roll_back(registry: Registry) -> tuple[Serving, bool]:
    """Have the previous version serve again, which was fed all along; return what serves and whether that is new."""
    now = registry.serving.now(READ_MODEL)
    after = pointer.rolled_back(now)
    if after is now:
        return now, False
    _there(registry, after.version)
    return choose(registry.endpoints.kafka, READ_MODEL, after, registry.settings.actor), True


def drop(registry: Registry, version: str, *, really: bool) -> bool:
    """Remove a version that nobody relies on; tell whether there was anything to remove."""
    now = registry.serving.now(READ_MODEL)
    after = pointer.dropped(now, version, really=really)
    if after is not now:
        choose(registry.endpoints.kafka, READ_MODEL, after, registry.settings.actor)
    group, found = group_of(version), version in tables.versions(registry.session)
    groups.until_left(registry.endpoints.kafka, group, FOLLOWED_SECONDS, f"who feeds {version} must be stopped")
    groups.forget(registry.endpoints.kafka, group)
    tables.drop(registry.session, version)
    return found


def behind(registry: Registry, version: str) -> int:
    """Return how many offsets the version has not taken in yet."""
    return settled.lag(registry.endpoints.kafka, group_of(version), topics(registry).sources)


def _there(registry: Registry, version: str) -> None:
    pointer.number_of(version)
    if version not in tables.versions(registry.session):
        raise RebuildRefused("NO_SUCH_VERSION", f"there are no tables of {version}: build them with rebuild start")
