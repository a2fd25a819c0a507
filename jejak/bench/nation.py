"""The arithmetic for the whole nation: what 95 million families in 96 partitions need, from what one machine measured.

Pure: volumes, prices and measured sizes in, needs out. Volumes are the domain guide's (families of DTSEN, changes of
DTKS April 2021 to October 2023 by the month, quarterly ranking, ground checks); prices are assumptions, to be replaced
by a provider's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jejak.bench import profile
from jejak.bench.corpus import Corpus
from jejak.bench.results import Result
from schemas import catalogue
from stream_processors.engine.contract import Output

_HOURS_A_MONTH: Final = 730
_GIB: Final = 2**30
_RECORD_BYTES: Final = 70  # framing of a record, key and CloudEvents headers, before compression
_OBJECT_BYTES: Final = 300  # a state in memory beside its bytes: key, two objects, its place in a dict


@dataclass(frozen=True, slots=True)
class Volumes:
    """What a nation's register sees."""

    families: int = 95_000_000
    partitions: int = 96
    first_load_changes_a_family: float = 10.0  # registration, and claim, match and confirmation of three members
    flow_changes_a_year: int = 53_200_000  # 4.43 million a month
    rankings_a_year: int = 4  # of every family: at most one change each
    ground_checks_a_year: int = 14_000_000
    ranking_hours: float = 1.0  # in which a ranking of all families is to be folded
    copies_in_kafka: int = 3
    copies_in_cassandra: int = 3
    years_kept: int = 10

    @property
    def changes_a_year(self) -> int:
        """Changes in a year, after the first load."""
        return self.flow_changes_a_year + self.rankings_a_year * self.families + self.ground_checks_a_year


@dataclass(frozen=True, slots=True)
class Prices:
    """Assumed prices in euros: not of any provider."""

    cpu_hour: float = 0.04
    memory_gib_month: float = 3.50
    disk_gib_month: float = 0.10


@dataclass(frozen=True, slots=True)
class Speeds:
    """What was measured, on one core."""

    fold_cpu: float  # CPU seconds for a million changes
    replay_cpu: float  # idem, of events
    restore_rate: float  # states a second and process
    compression: float = 0.5  # bytes on disk for a byte sent; synthetic bytes of our own choice say little


def of(corpus: Corpus, found: Iterable[Result], otherwise: Speeds) -> Iterator[Result]:
    """Yield what the nation needs, of records as large as the corpus', at the speeds found or others where none was."""
    put_out = profile.outputs(corpus)
    last = {
        output.key: len(output.value)
        for outputs in put_out
        for output in outputs
        if output.topic == catalogue.FAMILIES_TOPIC
    }
    measured = sizes(corpus, put_out)
    yield from needs(
        measured, sum(last.values()) / len(last), _speeds({one.name: one.value for one in found}, measured, otherwise)
    )


def sizes(corpus: Corpus, put_out: Sequence[Sequence[Output]]) -> dict[str, tuple[float, float]]:
    """Return records a change and bytes a record of every topic the fold reads and writes."""
    count = len(corpus.changes)
    found: dict[str, list[int]] = {catalogue.CHANGES_TOPIC: [len(change.value) for change in corpus.changes]}
    for outputs in put_out:
        for output in outputs:
            found.setdefault(output.topic, []).append(len(output.value))
    return {topic: (len(lengths) / count, sum(lengths) / len(lengths)) for topic, lengths in found.items()}


def needs(
    measured: Mapping[str, tuple[float, float]],
    state_bytes: float,
    speeds: Speeds,
    volumes: Volumes = Volumes(),
    prices: Prices = Prices(),
) -> Iterator[Result]:
    """Yield what the nation needs, each with how it came about."""
    yield from _records(measured, state_bytes)
    yield from _cores(speeds, volumes)
    memory = volumes.families * (state_bytes + _OBJECT_BYTES) / _GIB
    yield Result(
        "nation.memory",
        "states in memory, all partitions",
        memory,
        "GiB",
        f"{memory / volumes.partitions:.2f} GiB a partition",
    )
    each = volumes.families / volumes.partitions
    yield Result(
        "nation.restore",
        "restore of a partition",
        each / speeds.restore_rate,
        "s",
        f"{each:,.0f} states at {speeds.restore_rate:,.0f}/s",
    )
    disk = [*_disk(measured, state_bytes, speeds, volumes)]
    yield from disk
    yield from _money(speeds, memory, sum(result.value for result in disk), volumes, prices)


def _records(measured: Mapping[str, tuple[float, float]], state_bytes: float) -> Iterator[Result]:
    for topic, (each, length) in measured.items():
        yield Result(f"nation.{topic}", f"a record of {topic}", length, "bytes", f"{each:.2f} records a change")
    yield Result("nation.state", "a family's state at the end of the district's life", state_bytes, "bytes")


def _cores(speeds: Speeds, volumes: Volumes) -> Iterator[Result]:
    ranking = volumes.families / (3_600 * volumes.ranking_hours)
    yield Result(
        "nation.ranking",
        f"cores to fold a ranking of every family in {volumes.ranking_hours:g} h",
        ranking * speeds.fold_cpu / 1e6,
        "cores",
        f"{ranking:,.0f} changes/s at {speeds.fold_cpu:.1f} CPU s per million",
    )
    first = volumes.families * volumes.first_load_changes_a_family
    yield Result(
        "nation.load", "first load folded", first * speeds.fold_cpu / 1e6 / 3_600, "core hours", f"{first:,.0f} changes"
    )
    year = volumes.changes_a_year
    yield Result("nation.changes", "changes in a year", year / 1e6, "million", "flow, four rankings, ground checks")
    replayed = first + volumes.years_kept * year
    yield Result(
        "nation.replay",
        f"replay of {volumes.years_kept} years",
        replayed * speeds.replay_cpu / 1e6 / 3_600,
        "core hours",
        f"{replayed / 1e9:.1f} thousand million events at {speeds.replay_cpu:.1f} CPU s per million",
    )


def _disk(
    measured: Mapping[str, tuple[float, float]], state_bytes: float, speeds: Speeds, volumes: Volumes
) -> Iterator[Result]:
    kept = volumes.families * volumes.first_load_changes_a_family + volumes.years_kept * volumes.changes_a_year
    for topic in (catalogue.CHANGES_TOPIC, catalogue.EVENTS_TOPIC, catalogue.ELIGIBILITY_TOPIC):
        each, length = measured.get(topic, (0.0, 0.0))
        one = each * (length + _RECORD_BYTES) * speeds.compression
        note = f"{one * volumes.changes_a_year * volumes.copies_in_kafka / _GIB:,.0f} GiB a year"
        size = one * kept * volumes.copies_in_kafka / _GIB
        yield Result(f"nation.disk.{topic}", f"{topic}, {volumes.years_kept} years, copies included", size, "GiB", note)
    state = volumes.families * (state_bytes + _RECORD_BYTES) * speeds.compression * volumes.copies_in_kafka / _GIB
    # Half of a compacted log may be what was overwritten, before it is cleaned.
    name = catalogue.FAMILIES_TOPIC
    yield Result(f"nation.disk.{name}", f"{name}, compacted, copies included", 2 * state, "GiB")
    event = measured.get(catalogue.EVENTS_TOPIC, (0.0, 0.0))
    rows = (event[0] * (event[1] + _RECORD_BYTES) * kept + volumes.families * 1.5 * state_bytes) * speeds.compression
    tables = rows * volumes.copies_in_cassandra / _GIB
    yield Result(
        "nation.disk.tables",
        f"read model, {volumes.years_kept} years, copies included",
        tables,
        "GiB",
        "events, states",
    )


def _money(speeds: Speeds, memory: float, disk: float, volumes: Volumes, prices: Prices) -> Iterator[Result]:
    cores = max(4.0, volumes.families / (3_600 * volumes.ranking_hours) * speeds.fold_cpu / 1e6)
    parts = (
        ("cores of the fold, all month", cores * prices.cpu_hour * _HOURS_A_MONTH, f"{cores:.1f} cores"),
        (
            "memory of the fold",
            1.3 * memory * prices.memory_gib_month,
            f"{1.3 * memory:,.0f} GiB with a third to spare",
        ),
        ("disks", disk * prices.disk_gib_month, f"{disk:,.0f} GiB after {volumes.years_kept} years"),
    )
    for what, euros, note in parts:
        yield Result(f"nation.money.{what.split(' ', maxsplit=1)[0]}", what, euros, "EUR a month", note)
    total = sum(euros for _, euros, _ in parts)
    told = f"{prices.cpu_hour} EUR a core hour, {prices.memory_gib_month} a GiB month, {prices.disk_gib_month} of disk"
    yield Result(
        "nation.money", "together, brokers' and database's own cores and memory left out", total, "EUR a month", told
    )


def _speeds(told: Mapping[str, float], measured: Mapping[str, tuple[float, float]], otherwise: Speeds) -> Speeds:
    on_disk = told.get(f"disk.{catalogue.EVENTS_TOPIC}")
    return Speeds(
        told.get("fold.cpu", otherwise.fold_cpu),
        told.get("replay.cpu", otherwise.replay_cpu),
        told.get("restore.rate", otherwise.restore_rate),
        on_disk / (measured[catalogue.EVENTS_TOPIC][1] + _RECORD_BYTES) if on_disk else otherwise.compression,
    )
