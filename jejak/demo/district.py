"""The demo itself: start, publish, kill, wait, read back, compare, show.

Every figure it prints was read from Kafka or Cassandra after everything had settled.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from consumers.gateway.request import FamilyAsked, HistoryDisclosed, Purpose, Withheld
from jejak import composition, publishing, stack
from jejak.cli import output
from jejak.cli.read import caller
from jejak.composition import Registry
from jejak.demo import accounts, proof, settling, show
from jejak.processes import Children
from jejak.settings import Settings
from producers.ledger import CassandraLedger
from producers.publish import Published
from producers.simulation.nation import Nation
from schemas import catalogue, codec, regions
from stream_processors.indicators.counts import Cell
from stream_processors.indicators.definitions import NO_DECILE
from transport import kafka

WORKERS = ("fold", "persons", "read-model", "deadlines")
FIRST_DISTRICT = "35.71"  # Kota Kediri, one of the five documents' places
RULES_SINCE = 1_735_689_600_000_000  # 2025-01-01, before the first simulated month
SETTLE_SECONDS = 240.0
FOLD_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    families: int
    seed: int
    district: str | None


def run(settings: Settings, wishes: Wishes, progress: Callable[[str], None]) -> bool:
    """Show the system at work; return whether every comparison held."""
    started = time.monotonic()
    if stack.endpoints(settings.data) is None:
        stack.up(settings.data, progress=progress, quick=True)
    with composition.connected(settings) as registry:
        came_back = _live(registry, wishes, progress)
        progress("reading everything back")
        holds = _read_back(registry, came_back, progress)
    output.OUT.print(f"\n{time.monotonic() - started:.0f} s. {_where_next(settings)}")
    return holds


def _live(registry: Registry, wishes: Wishes, progress: Callable[[str], None]) -> bool | None:
    """Return whether the fold was killed and came back; None where nothing was new and it had nothing to be amid."""
    settings = registry.settings
    publishing.rules(registry, RULES_SINCE)
    district = wishes.district or _next_district(registry, wishes)
    nation = Nation(families=wishes.families, seed=wishes.seed, district=district, answered=False)
    with Children(settings.data.resolve() / "logs", _addresses(registry)) as workers, workers.watching():
        for name in WORKERS:
            workers.start(name, "run", name)
        progress("workers started: " + ", ".join(WORKERS))
        tables = publishing.tables(registry)
        progress(f"seeds' tables: {tables.sent} rows published, {tables.skipped} known")
        killed = _publish_and_kill(registry, nation, workers, progress)
        settling.wait(registry.endpoints.kafka, SETTLE_SECONDS, _telling(progress))
        progress(f"settled; workers started again by their watch: {workers.restarts()}")
        return workers.restarts()["fold"] > 0 if killed else killed


def _publish_and_kill(
    registry: Registry, nation: Nation, workers: Children, progress: Callable[[str], None]
) -> bool | None:
    """Return whether the fold was killed; None where everything was published before."""
    killed: list[int] = []

    def kill_amid() -> None:
        if not killed and _folding(registry):
            killed.append(workers.kill("fold"))
            progress(f"fold {killed[0]} killed with -9 in the middle of its work")

    def watch(done: Published) -> None:
        progress(f"{nation.district}: {done.sent:,} changes acknowledged")
        if done.sent:
            kill_amid()

    published = publishing.nation(registry, nation, watch)
    if not published.sent:
        progress(f"{nation.district}: published before, nothing added")
        return None
    deadline = time.monotonic() + FOLD_SECONDS
    while not killed and time.monotonic() < deadline:  # a small district is published before the fold begins
        kill_amid()
        time.sleep(_LOOK_SECONDS)
    return bool(killed)


def _folding(registry: Registry) -> bool:
    """Tell whether the fold has begun and is not done: the middle of its work."""
    return sum(kafka.end_offsets(registry.endpoints.kafka, catalogue.EVENTS_TOPIC).values()) > 0


def _telling(progress: Callable[[str], None]) -> Callable[[dict[str, int]], None]:
    last = [0.0]

    def look(behind: dict[str, int]) -> None:
        if behind and time.monotonic() - last[0] > 5.0:  # noqa: PLR2004  seconds between two lines
            last[0] = time.monotonic()
            progress("waiting for " + ", ".join(f"{group} ({count:,} behind)" for group, count in behind.items()))

    return look


def _addresses(registry: Registry) -> dict[str, str]:
    endpoints, settings = registry.endpoints, registry.settings
    return {
        "JEJAK_KAFKA": endpoints.kafka,
        "JEJAK_CASSANDRA": endpoints.cassandra,
        "JEJAK_DATA": str(settings.data.resolve()),
        "JEJAK_ENVIRONMENT": settings.environment,
    }


def _next_district(registry: Registry, wishes: Wishes) -> str:
    """Return the first kabupaten or kota that no demo has brought to life here."""
    ledger = CassandraLedger(registry.session)
    known = regions.listed("KEMENDAGRI", regions.KEMENDAGRI_EDITION, regions.Level.KABKOTA)
    for code in (FIRST_DISTRICT, *(region.code for region in known if region.code != FIRST_DISTRICT)):
        nation = Nation(families=wishes.families, seed=wishes.seed, district=code, answered=False)
        entry = ledger.entry(publishing.SIMULATOR, nation.digest)
        if entry is None or not entry.complete:
            return code
    return FIRST_DISTRICT


def _read_back(registry: Registry, came_back: bool | None, progress: Callable[[str], None]) -> bool:
    bootstrap = registry.endpoints.kafka
    said, became = accounts.changes(bootstrap), accounts.events(bootstrap)
    refused, dead = accounts.refusals(bootstrap), accounts.dead_places(bootstrap)
    stream, from_events = accounts.published_sums(bootstrap), accounts.recounted(became.states)
    from_rows = _from_rows(registry)
    served = _served(registry, stream)
    show.flow(said, became, refused, dead)
    show.counts(stream, from_rows, from_events)
    made = show.Verdicts()
    made.check("every change has exactly one fate", holds=accounts.unaccounted(said, became, refused, dead) == 0)
    made.check("no sequence twice, no gap", holds=not became.twice and not became.gaps)
    made.check(
        "states folded from the events equal those on jejak.families.v1",
        holds=accounts.published_states(bootstrap)
        == {family_id: codec.encode(state) for family_id, state in became.states.items()},
    )
    made.check("every count of the stream equals the count of the events", holds=stream == from_events)
    by_decile = Counter({cell: n for cell, n in stream.items() if cell.indicator == "families_by_decile"})
    made.check("counts by region and decile equal the read model's families", holds=by_decile == from_rows)
    made.check("Cassandra serves the same sums", holds=served == stream)
    if came_back is not None:
        made.check("the fold was killed with -9 and came back", holds=came_back)
    _look(registry, became, made)
    with Children(registry.settings.data.resolve() / "logs", _addresses(registry)) as workers, workers.watching():
        proof.scene(registry, _fullest(became), workers, made, progress)
    show.verdicts(made)
    return made.all_hold


def _from_rows(registry: Registry) -> Counter[Cell]:
    """Return families by kecamatan and decile, counted from the rows of the read model."""
    read = registry.figures()
    found: Counter[Cell] = Counter()
    for province in regions.listed("KEMENDAGRI", regions.KEMENDAGRI_EDITION, regions.Level.PROVINSI):
        page = read.families_in(province, limit=_PAGE)
        while True:
            for family in page.families:
                decile = str(family.decile) if family.decile else NO_DECILE
                found[Cell("families_by_decile", family.region_code[:8], decile)] += family.status == "AKTIF"
            if page.after is None:
                break
            page = read.families_in(province, after=page.after, limit=_PAGE)
    return +found


def _served(registry: Registry, stream: Counter[Cell]) -> Counter[Cell]:
    from jejak import reading  # noqa: PLC0415  only the demo's end needs it

    found: Counter[Cell] = Counter()
    for name in {cell.indicator for cell in stream}:
        for cell in reading.indicator_cells(registry, name, ""):
            found[Cell(name, cell.region, cell.category)] += cell.sum
    return +found


def _look(registry: Registry, became: accounts.Events, made: show.Verdicts) -> None:
    """Look at the family with the fullest life through the door, and find that look on record."""
    family_id = _fullest(became)
    with registry.door() as door:
        found = door.history(caller(registry.settings), Purpose("PENETAPAN_BANTUAN", "demo"), FamilyAsked(family_id))
    if isinstance(found, Withheld):
        made.check(f"the door shows a family on record (withheld: {found.code})", holds=False)
        return
    show.life(family_id, found.entries)
    recorded = _on_record(registry, found)
    rows = [(kind, count) for kind, count in sorted(recorded.items())]
    output.table("What this look left on jejak.audit.v1", ("record", "count"), rows)
    persons = len({member.person_ref for member in became.states[family_id].members})
    expected = {"AccessIntent": 1, "AccessOutcome": 1, "SubjectDisclosure": persons}
    made.check("the look is on record: intent, outcome, one disclosure per person", holds=recorded == expected)


def _fullest(became: accounts.Events) -> str:
    """Return the family that most kinds of events happened to."""
    return max(sorted(became.kinds), key=lambda one: len(became.kinds[one]))


def _on_record(registry: Registry, found: HistoryDisclosed) -> Counter[str]:
    places = {(receipt.partition, receipt.offset) for receipt in found.receipts}
    kinds: Counter[str] = Counter()
    for message in kafka.read_all(registry.endpoints.kafka, catalogue.AUDIT_TOPIC):
        if (message.partition(), message.offset()) in places:
            kinds[type(codec.decode(message.value() or b"")).__name__] += 1
    return kinds


def _where_next(settings: Settings) -> str:
    return (
        "The servers still run. Next: `jejak status`, `jejak indicators`, "
        "`JEJAK_AGENCY=desa/35.71.01.1001 jejak refusals`, "
        "`jejak family history <family_id>`, docs/life-of-an-event.md; `jejak down` stops them."
        f" Data and logs: {settings.data}"
    )
