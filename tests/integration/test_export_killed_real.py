"""An export killed with -9 on the real broker and database: it goes on, and nobody leaves who is not on record."""

from __future__ import annotations

import csv
import io
import json
import secrets
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumers.gateway import export_journal
from consumers.gateway.export import Export, recipient_of
from consumers.gateway.honey import Honey
from consumers.gateway.request import Caller
from identity.audit_reference import load_or_create_epoch_key
from identity.export_mark import MarkKey
from identity.families import Aliases
from identity.keys_cassandra import CassandraKeyStore
from identity.master_key import MasterKey
from identity.references import ReferenceKey, person_ref
from identity.tables import create_tables
from producers.draft import Channel, Draft
from producers.intake import Intake
from producers.outgoing import Outgoing
from schemas import catalogue, codec, records, regions
from tests.integration.export_life import DISCLOSED, HELD, IN_FILE, IN_JOURNAL
from tests.integration.registry_rig import ROOT, Rig, rigged, wait_until
from tests.unit.request_scenarios import DAY, PLACE, REQUEST, Request
from transport import kafka
from transport.cassandra import closing_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

SCRIPT: Final = Path(__file__).with_name("export_life.py")
KEY: Final = ReferenceKey(secrets.token_bytes(32))
MASTER, MARK = secrets.token_bytes(32), secrets.token_bytes(32)
VILLAGE: Final = f"{PLACE.code}.1001"
FAMILIES, PER_CHUNK = 50, 5
BEGAN: Final = 1_740_000_000_000_000
CALLER: Final = Caller("opd/35.71", "jejak-cli", "officer-7", "operator", "LOCAL_USER", "EXPORT", "r-1")
PURPOSE, FIELDS = "BERBAGI_PAKAI_DATA", ("member.name", "region")


def people() -> dict[str, str]:
    """Return the name of each person by NIK, two to a family."""
    letters = "ABCDEFGHIJ"
    words = [one + two for one in letters for two in letters]
    return {
        f"357102{day}0580{number:04d}": f"{first} {words[number].title()}nata".upper()
        for number in range(1, FAMILIES + 1)
        for day, first in (("04", "Wiryo"), ("54", "Lastri"))
    }


PEOPLE: Final = people()


def drafts() -> Iterator[Draft]:
    region = {"system": "KEMENDAGRI", "edition": regions.KEMENDAGRI_EDITION, "code": VILLAGE}
    said_by = Channel(f"desa/{VILLAGE}", "petugas", "BA-7")
    for number, (nik, name) in enumerate(PEOPLE.items()):
        card, second = f"357102010115{number // 2 + 1:04d}", number % 2
        if not second:
            home = {"region": region, "card_number": card, "address_line": "-", "telephone": None}
            yield Draft(said_by, "FamilyRegistered", BEGAN, card, home)
        body = {
            "person_ref": nik,
            "birth_year": 1980,
            "birth_month": 5,
            "sex": 1 + second,
            "relationship": 1 + second,
            "marital_status": 2,
            "presence": 1,
            "national_id": nik,
            "name": name,
            "birth_day": "14" if second else "04",
        }
        yield Draft(said_by, "MembershipClaimed", BEGAN, card, body, key=f"{number}")


@dataclass
class Exporting:
    """A registry of fifty families, a grant to export them, and what is on record of that."""

    rig: Rig
    folder: Path
    topics: dict[str, str]

    @property
    def target(self) -> Path:
        return self.folder / "bnba.csv"

    def life(self, chunk: int = 0, at: str = "") -> subprocess.Popen[str]:
        wanted = Export(REQUEST, PURPOSE, FIELDS, (PLACE.code,), 1_000, "csv", BEGAN)
        told = {
            "chunk": chunk,
            "at": at,
            "families": PER_CHUNK,
            "folder": str(self.folder),
            "target": str(self.target),
            "kafka": self.rig.bootstrap,
            "cassandra": self.rig.endpoints.cassandra,
            "version": self.rig.version,
            "master": MASTER.hex(),
            "mark": MARK.hex(),
            "caller": asdict(CALLER),
            "wanted": asdict(wanted),
            **self.topics,
        }
        with (self.folder / "life.log").open("ab") as log:
            command = [sys.executable, str(SCRIPT), json.dumps(told)]
            return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)

    def killed(self, chunk: int, at: str) -> None:
        """Have an export begin or go on, and kill it with -9 in that chunk, at that point."""
        with self.life(chunk, at) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            process.kill()
        assert said.strip() == HELD, (self.folder / "life.log").read_text()[-2_000:]

    def finished(self) -> dict[str, Any]:
        """Have the export go on to its end; return what it made."""
        with self.life() as process:
            said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, (self.folder / "life.log").read_text()[-2_000:]
        return dict(json.loads(said))

    def names(self) -> list[str]:
        """Return the names in the file as it lies there: what anybody who reads it now has."""
        text = export_journal.part_of(self.target).read_text()
        return [row["name"] for row in csv.DictReader(io.StringIO(text))]

    def record(self, kind: type) -> list[Any]:
        found = (codec.decode(one.value() or b"") for one in kafka.read_all(self.rig.bootstrap, self.topics["audit"]))
        return [entry for entry in found if isinstance(entry, kind)]

    def disclosed(self) -> Counter[str]:
        """Return how often each person is on record as disclosed, by name."""
        epoch = load_or_create_epoch_key(self.folder, 2025)
        whose = {epoch.subject_ref(person_ref(KEY, nik)): name for nik, name in PEOPLE.items()}
        return Counter(whose[entry.subject_ref] for entry in self.record(records.SubjectDisclosure))


@pytest.fixture
def exporting(stack: Endpoints, tmp_path: Path) -> Iterator[Exporting]:
    """A running registry in which everybody was projected, and the grant is in force."""
    with closing_session(stack.cassandra) as session, rigged(stack, tmp_path, partitions=2) as rig:
        create_tables(session, {"class": "SimpleStrategy", "replication_factor": 1})
        topics = {"audit": catalogue.AUDIT_TOPIC, "states": catalogue.REQUEST_STATES_TOPIC}
        own = [replace(catalogue.topic(topic), name=rig.name(topic), partitions=2) for topic in topics.values()]
        kafka.create_topics(stack.kafka, own)
        rig.start_fold("fold")
        rig.start_read_model()
        keys = CassandraKeyStore(session, MasterKey(MASTER))
        taken = [*Intake(KEY, Aliases(session), keys).take(drafts())]
        assert all(isinstance(one, Outgoing) for one in taken), taken
        rig.send(one for one in taken if isinstance(one, Outgoing))
        now = time.time_ns() // 1000
        granted = replace(
            Request().granted().it,
            agency=CALLER.agency_id,
            purposes=(PURPOSE,),
            fields=FIELDS,
            most_persons=1_000,
            valid_from=now - DAY,
            valid_until=now + DAY,
        )
        rig.send([Outgoing(catalogue.REQUEST_STATES_TOPIC, REQUEST.encode(), codec.encode(granted))])
        wait_until(lambda: rig.undecided() == 0 and rig.unprojected() == 0, "projected")
        yield Exporting(rig, tmp_path, {name: rig.name(topic) for name, topic in topics.items()})


def test_an_export_killed_three_times_is_whole_and_whoever_may_have_left_twice_is_on_record_twice(
    exporting: Exporting,
) -> None:
    honey = Honey(MarkKey(MARK), REQUEST, PLACE.code).name
    twice: list[str] = []
    seen: list[str] = []
    for chunk, at in ((3, DISCLOSED), (5, IN_FILE), (8, IN_JOURNAL)):
        exporting.killed(chunk, at)
        on_record, in_file = exporting.disclosed(), exporting.names()
        # Whoever copied the file at this moment has nobody who wasn't on record before.
        assert set(in_file) - {honey} <= set(on_record)
        behind = {DISCLOSED: set(on_record) - set(in_file), IN_FILE: set(in_file[-2 * PER_CHUNK :]), IN_JOURNAL: set()}
        twice += behind[at]
        seen += in_file
    made = exporting.finished()

    names = exporting.names()
    assert sorted(names) == sorted([*PEOPLE.values(), honey])
    assert set(seen) <= set(names)
    assert (made["rows"], len(twice)) == (len(names), 2 * 2 * PER_CHUNK)
    on_record = exporting.disclosed()
    assert on_record == Counter(PEOPLE.values()) + Counter(twice)
    # Each life asked anew, for one export; of the killed ones nobody knows the end, and they count as disclosed.
    intents = exporting.record(records.AccessIntent)
    assert {(one.action, one.decision, one.agreement_id) for one in intents} == {("EXPORT", "ALLOW", REQUEST)}
    ended = exporting.record(records.AccessOutcome)
    last = max(intents, key=lambda one: one.occurred_at)
    assert [(one.intent_id, one.outcome) for one in ended] == [(last.event_id, "DELIVERED")]
    assert len(intents) == 4
    # Any line of it names its recipient.
    line = export_journal.part_of(exporting.target).read_text().splitlines()[42]
    others = [(REQUEST, PLACE.code, 500), ("s" * 26, PLACE.code, 500)]
    assert list(recipient_of(line, MarkKey(MARK), others)) == [REQUEST]
