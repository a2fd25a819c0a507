"""Counts the families of jejak.families.v1 anew, with nothing of this project but its schema files.

python recount.py BOOTSTRAP AVRO_FOLDER prints {indicator: {"region|class": sum}} as JSON. The definitions are written
here from what the indicators mean (DTSEN; Regsosek 408), not from how they are computed elsewhere.
"""

import io
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Consumer, TopicPartition
from fastavro.schema import load_schema

TOPIC = "jejak.families.v1"
LIVES_IN_FAMILY = ("PENDING", "CONFIRMED")
SILENCE_SECONDS = 30.0
BORN_UNTIL = 1985

Counts = dict[str, Counter[str]]


def families(bootstrap: str, avro: Path) -> list[dict[str, Any]]:
    """Return the last state of each family."""
    entries = json.loads((avro / "lock.json").read_text(encoding="utf-8"))["schemas"]
    (entry,) = [one for one in entries if one["subject"] == "jejak.FamilyState"]
    schema = load_schema(avro / entry["file"])
    latest: dict[bytes, dict[str, Any]] = {}
    for key, value in records(bootstrap):
        if not key.startswith(b"position/"):
            if int.from_bytes(value[1:5], "big") != entry["id"]:
                raise ValueError("a state of another schema")
            state: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
            latest[key] = state
    return list(latest.values())


def records(bootstrap: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of every committed record of the topic, in order within a partition."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "recount", "enable.auto.commit": False}
    consumer = Consumer({**settings, "isolation.level": "read_committed", "enable.partition.eof": True})
    open_partitions = set(consumer.list_topics(TOPIC, timeout=SILENCE_SECONDS).topics[TOPIC].partitions)
    consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in open_partitions])
    while open_partitions:
        message = consumer.poll(SILENCE_SECONDS)
        if message is None:
            raise TimeoutError("the broker is silent")
        if message.error() is not None:  # the end of a partition, the one error that is asked for
            open_partitions.remove(message.partition())
        else:
            yield message.key() or b"", message.value() or b""
    consumer.close()


def counted(states: Iterable[dict[str, Any]]) -> Counts:
    """Return every sum over the active families."""
    sums: Counts = defaultdict(Counter)
    for state in states:
        if state["status"] == "AKTIF":
            count(state, sums)
    return sums


def count(state: dict[str, Any], sums: Counts) -> None:
    """Count one active family and its members."""
    parts = state["region"]["code"].split(".")
    kecamatan, kabkota = ".".join(parts[:3]), ".".join(parts[:2])
    decile = f"{state['decile']}" if state["decile"] > 0 else "BELUM_ADA_DESIL"
    sums["families_by_decile"][f"{kecamatan}|{decile}"] += 1
    for member in state["members"]:
        if member["standing"] not in LIVES_IN_FAMILY:
            continue
        sums["persons_by_decile"][f"{kecamatan}|{decile}"] += 1
        sums["persons_by_marital_status"][f"{kabkota}|{member['marital_status']}"] += 1
        sums["persons_by_padan"][f"{kabkota}|{member['padan'] or 'BELUM_DIPADANKAN'}"] += 1
        if member["birth_year"] <= BORN_UNTIL:
            sums["persons_by_birth_year"][f"{kabkota}|{member['birth_year']}"] += 1
        count_person(state, member, kabkota, sums)
    if any(covered(state, member) for member in state["members"] if member["standing"] in LIVES_IN_FAMILY):
        sums["families_in_pbi_jkn"][f"{kabkota}|PBI_JKN"] += 1
    count_aid(state, kabkota, sums)
    for decision in state["eligibility"]:
        if decision["result"] == "LAYAK":
            sums["families_eligible"][f"{kabkota}|{decision['programme']}"] += 1
    for proposal in state["proposals"]:
        sums["proposals_by_step"][f"{kabkota}|{proposal['kind']}/{proposal['step']}"] += 1


def count_person(state: dict[str, Any], member: dict[str, Any], kabkota: str, sums: Counts) -> None:
    """Count what is on record of one member beside the form: conditions, each once, and membership of PBI-JKN."""
    conditions = {one["condition"] for one in state["conditions"] if one["person_ref"] == member["person_ref"]}
    if member["severe_disability"]:
        conditions.add("DISABILITAS_BERAT")
    for condition in conditions:
        sums["persons_by_condition"][f"{kabkota}|{condition}"] += 1
    if covered(state, member):
        sums["persons_in_pbi_jkn"][f"{kabkota}|PBI_JKN"] += 1


def count_aid(state: dict[str, Any], kabkota: str, sums: Counts) -> None:
    """Count where the family stands with each programme, and the members whom aid reached in its latest year."""
    for aid in state["aid"]:
        sums["families_by_aid"][f"{kabkota}|{aid['programme']}/{aid['standing'] or 'DITERIMA'}"] += 1
        year = year_of(aid["received_on"])
        for place in aid["recipients"]:
            if state["members"][place]["standing"] in LIVES_IN_FAMILY:
                sums["persons_by_aid"][f"{kabkota}|{aid['programme']}/{year}"] += 1


def year_of(day: date | int) -> int:
    """Return the year of a day: the Avro library reads a date, a plain state has the days since 1970."""
    return (day if isinstance(day, date) else date(1970, 1, 1) + timedelta(days=day)).year


def covered(state: dict[str, Any], member: dict[str, Any]) -> bool:
    """Tell whether PBI-JKN covers a member (machine 4.E): also in the grace, and once BPJS has it active again."""
    steps = [
        one["step"] for one in state["cases"] if (one["machine"], one["about"]) == ("PBI_JKN", member["person_ref"])
    ]
    return any(step in {"AKTIF", "MASA_TENGGANG", "AKTIF_BPJS"} for step in steps)


if __name__ == "__main__":
    json.dump(counted(families(sys.argv[1], Path(sys.argv[2]))), sys.stdout)
