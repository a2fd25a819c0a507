"""An erasure on the real broker and database: no byte gives the person back, and all that proves still does."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from consumers.gateway import audit_log
from consumers.gateway.audit_log import AuditLog
from consumers.gateway.disclosure import Door, door
from consumers.gateway.request import Caller, FamilyAsked, FamilyDisclosed, PersonAsked, Purpose, Withheld
from consumers.read_model import tables
from consumers.read_model.queries import ReadModel
from consumers.replay.quick import QuickFold
from identity.audit_reference import load_or_create_epoch_key
from identity.buckets import bucket_of
from identity.families import Aliases
from identity.keys import DataKey, Erased
from identity.keys_cassandra import CassandraKeyStore
from identity.master_key import MasterKey, WrappedKeyError
from identity.references import ReferenceKey, person_ref
from identity.tables import create_tables
from jejak.audit import erasure
from producers.draft import Channel, Draft
from producers.intake import Intake
from producers.outgoing import Outgoing
from schemas import catalogue, codec, regions
from tests.integration.plaintext import Search
from tests.integration.registry_rig import Rig, rigged, wait_until
from tests.unit import every_key
from transport import kafka
from transport.cassandra import closing_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jejak.stack import Endpoints

pytestmark = pytest.mark.real

KEY: Final = ReferenceKey(secrets.token_bytes(32))
MASTER: Final = MasterKey(secrets.token_bytes(32))
VILLAGE: Final = "35.71.02.1001"
SAID_BY: Final = Channel(f"desa/{VILLAGE}", "petugas", "BA-7")
CARD: Final = "3571020101154021"
NIKS: Final = ("3571020405804021", "3571025405824022")
NAMES: Final = ("SLAMET WIRYATMO", "ENDANG SULASTINI")
OBJECTOR: Final = "3571020101704023"
ACCOUNT: Final = "009988776655"
STREET: Final = "GANG PINGGIR NOMOR SEMBILAN"
CALLER: Final = Caller("dinsos/35.71", "sik-ng", "officer-7", "verifier", "HIGH", "CLI", "r-1")
PURPOSE: Final = Purpose("VERIFIKASI_VALIDASI")
FIELDS: Final = ("members", "member.name", "member.national_id", "address_line")
TERMS: Final = ("UU27/2022-43", "B/17/2025")
BEGAN: Final = 1_740_000_000_000_000
CACHED: Final = 31.0


def drafts() -> list[Draft]:
    region = {"system": "KEMENDAGRI", "edition": regions.KEMENDAGRI_EDITION, "code": VILLAGE}
    home = {"region": region, "card_number": CARD, "address_line": STREET, "telephone": None}
    said = [Draft(SAID_BY, "FamilyRegistered", BEGAN, CARD, home)]
    for number, (nik, name) in enumerate(zip(NIKS, NAMES, strict=True)):
        body = {
            "person_ref": nik,
            "birth_year": 1980 + 2 * number,
            "birth_month": 5,
            "sex": 1 + number,
            "relationship": 1 + number,
            "marital_status": 2,
            "presence": 1,
            "national_id": nik,
            "name": name,
            "birth_day": nik[6:8] if not number else "14",
        }
        said.append(Draft(SAID_BY, "MembershipClaimed", BEGAN, CARD, body, key=f"{number}"))
    return [*said, *naming(*region.values())]


def naming(system: str, edition: str, code: str) -> list[Draft]:
    """Return records that name the first person where no field of a person does; what the fold refuses is kept too."""
    visit = {
        "result": 1,
        "questionnaire": "REGSOSEK22-K",
        "family": {"head_name": NAMES[0], "address_line": STREET},
        "individuals": [{"person_ref": NIKS[0], "relationship": 1, "name": NAMES[0]}],
    }
    aid = {
        "programme": "ODKB",
        "period": "2025",
        "amount_rupiah": 1,
        "received_on": 20_200,
        "determination_number": "SK-1",
        "person_ref": NIKS[0],
        "account": ACCOUNT,
    }
    drafted = {"kind": "PERBAIKAN", "proposer": "WARGA", "channel": "FORMAL", "note": f"{NAMES[0]} pindah"}
    objection = {
        "objection_kind": "TIDAK_LAYAK",
        "objector_ref": OBJECTOR,
        "objector_region": {"system": system, "edition": edition, "code": code},
        "grounds": f"rumah {NAMES[0]} bertingkat",
    }
    return [
        Draft(SAID_BY, "GroundCheckRecorded", BEGAN + 1, CARD, visit),
        Draft(SAID_BY, "GroundCheckRecorded", BEGAN + 2, CARD, {**visit, "individuals": []}),
        Draft(SAID_BY, "AidReceived", BEGAN + 3, CARD, aid),
        Draft(SAID_BY, "AidReceived", BEGAN + 4, CARD, {**aid, "programme": "BPNTD", "person_ref": None}),
        Draft(SAID_BY, "ProposalDrafted", BEGAN + 5, CARD, drafted),
        Draft(SAID_BY, "ObjectionFiled", BEGAN + 6, CARD, objection),
    ]


@dataclass
class Erasing:
    """A registry of one family of two, its door, and the clock of a key cache."""

    rig: Rig
    session: Any
    keys: CassandraKeyStore
    model: ReadModel
    door: Door
    clock: list[float]

    def send(self, message: Outgoing) -> None:
        self.rig.send([message])
        wait_until(lambda: self.rig.undecided() == 0 and self.rig.unprojected() == 0, "projected")

    def look(self) -> list[Any]:
        family_id = self.model.family_of(person_ref(KEY, NIKS[1]))
        assert family_id is not None
        found = self.door.look_family(CALLER, PURPOSE, FamilyAsked(family_id), FIELDS)
        assert isinstance(found, FamilyDisclosed), found
        return [member["name"] for member in found.fields["members"]]

    def topics(self) -> dict[str, bytes]:
        """Return every byte of every topic of this registry."""
        listed = kafka.admin(self.rig.bootstrap).list_topics(timeout=30).topics
        own = [name for name in listed if name.endswith(self.rig.tag)]
        assert len(own) > 8
        return {
            name: b"\0\xff\0".join(
                part
                for one in kafka.read_all(self.rig.bootstrap, name, "read_uncommitted")
                for part in (one.key() or b"", one.value() or b"", repr(one.headers()).encode())
            )
            for name in own
        }

    def tables(self) -> dict[str, bytes]:
        """Return every row of every table of this registry and of its identities."""
        found = {}
        for keyspace in (tables.KEYSPACE, "jejak_identity", "jejak_keys"):
            names = self.session.execute(
                "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,)
            )
            for (name,) in names:
                if keyspace != tables.KEYSPACE or name.endswith(self.rig.version):
                    rows = self.session.execute(f"SELECT * FROM {keyspace}.{name}")  # noqa: S608  names of our tables
                    found[f"{keyspace}.{name}"] = b"\0\xff\0".join(_bytes(cell) for row in rows for cell in row)
        return found

    def states(self) -> dict[bytes, bytes]:
        """Return the newest state of each family."""
        topic = self.rig.name(catalogue.FAMILIES_TOPIC)
        found = {one.key() or b"": one.value() or b"" for one in kafka.read_all(self.rig.bootstrap, topic)}
        return {key: value for key, value in found.items() if not key.startswith(b"position/")}

    def replayed(self) -> dict[bytes, bytes]:
        """Return the states that the accepted events add up to."""
        topic = self.rig.name(catalogue.EVENTS_TOPIC)
        events = [(one.key() or b"", one.value() or b"") for one in kafka.read_all(self.rig.bootstrap, topic)]
        fold = QuickFold(0)
        fold.take(range(len(events)), [key for key, _ in events], [value for _, value in events])
        return {family_id.encode(): framed for family_id, framed, _ in fold.framed()}

    def opens(self) -> set[str]:
        """Return what every key that is left makes of every sealed value of the log, accepted or refused."""
        select = "SELECT owner, key_id, wrapped FROM jejak_keys.owner_keys_v1"
        held = []
        for owner, key_id, wrapped in self.session.execute(select):
            with suppress(WrappedKeyError):  # another registry's on the same database
                held.append((owner, DataKey.of(key_id, MASTER.unwrap(owner, key_id, wrapped)).cipher))
        found: set[str] = set()
        for topic in (catalogue.CHANGES_TOPIC, catalogue.EVENTS_TOPIC):
            told = [one.value() or b"" for one in kafka.read_all(self.rig.bootstrap, self.rig.name(topic))]
            found.update(text for texts in every_key.opened(held, told).values() for text in texts)
        return found

    def audit(self) -> list[bytes]:
        topic = self.rig.name(catalogue.AUDIT_TOPIC)
        return [one.value() or b"" for one in kafka.read_all(self.rig.bootstrap, topic)]


def _bytes(cell: Any) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode()


@pytest.fixture
def erasing(stack: Endpoints, tmp_path: Path) -> Iterator[Erasing]:
    """A running registry in which the family of two was projected."""
    clock = [time.monotonic()]
    with closing_session(stack.cassandra) as session, rigged(stack, tmp_path, partitions=2) as rig:
        create_tables(session, {"class": "SimpleStrategy", "replication_factor": 1})
        audit = catalogue.topic(catalogue.AUDIT_TOPIC)
        name = rig.name(audit.name)
        kafka.create_topics(stack.kafka, [catalogue.Topic(name, 2, audit.key, (), "", (), audit.config)])
        keys = CassandraKeyStore(session, MASTER, clock=lambda: clock[0])
        model = ReadModel(session, rig.version)
        rig.start_fold("fold")
        rig.start_read_model()
        epoch = load_or_create_epoch_key(tmp_path, 2025)
        with AuditLog(audit_log.producer(stack.kafka), "gw", name, folder=tmp_path / "wal", deadline_seconds=10) as log:
            made = Erasing(rig, session, keys, model, door(model, keys, log, epoch), clock)
            taken = [*Intake(KEY, Aliases(session), keys).take(drafts())]
            assert all(isinstance(one, Outgoing) for one in taken), taken
            rig.send(one for one in taken if isinstance(one, Outgoing))
            wait_until(lambda: model.family_of(person_ref(KEY, NIKS[1])) is not None, "projected")
            wait_until(lambda: rig.undecided() == 0 and rig.unprojected() == 0, "projected")
            yield made


def test_after_an_erasure_no_byte_gives_the_person_back_and_all_proofs_and_replays_hold(erasing: Erasing) -> None:
    gone = person_ref(KEY, NIKS[0])
    family_id = erasing.model.family_of(gone)
    assert erasing.look() == [*NAMES]
    elsewhere = CassandraKeyStore(erasing.session, MASTER, clock=lambda: erasing.clock[0])
    elsewhere.key_for_sealing(gone)  # a cache of another process that holds the key
    bucket = bucket_of(gone)
    select = "SELECT key_id, wrapped FROM jejak_keys.owner_keys_v1 WHERE bucket = %s AND owner = %s"
    backup = list(erasing.session.execute(select, (bucket, gone)))
    assert len(backup) == 1
    audit_before = erasing.audit()
    assert erasing.opens() >= {*NIKS, *NAMES, CARD, STREET, ACCOUNT, f"rumah {NAMES[0]} bertingkat"}

    done = erasure.erase(erasing.model, erasing.keys, erasing.send, gone, ("dinsos/35.71", "petugas-1"), TERMS)

    assert isinstance(done, erasure.Done)
    assert (done.family_id, done.with_family) == (family_id, False)
    # Keys: gone here at once, elsewhere when the cache is old, and from a backup of the keys never again.
    assert list(erasing.session.execute(select, (bucket, gone))) == []
    left = erasing.opens()
    assert left >= {NIKS[1], NAMES[1], CARD, STREET}
    assert not [text for text in left if NIKS[0] in text or NAMES[0] in text or ACCOUNT in text]
    erasing.clock[0] += CACHED
    assert elsewhere.key(gone, backup[0][0]) is None
    insert = "INSERT INTO jejak_keys.owner_keys_v1 (bucket, owner, key_id, wrapped) VALUES (%s, %s, %s, %s)"
    after_all_deletions = int((time.time() + 2 * 86_400) * 1e6)
    restored = (bucket, gone, *backup[0], after_all_deletions)
    erasing.session.execute(f"{insert} USING TIMESTAMP %s", restored)
    erasing.clock[0] += CACHED
    assert isinstance(elsewhere.key_for_sealing(gone), Erased)
    # The door: the other member as before, the erased one by no way.
    assert erasing.look() == [{"withheld": "ERASED"}, NAMES[1]]
    assert erasing.door.look_family(CALLER, PURPOSE, PersonAsked(gone), FIELDS) == Withheld("NOT_FOUND")
    # The state and the read model name the person no more; the log, whose bytes are proved, still does.
    assert all(gone.encode() not in value for value in erasing.states().values())
    assert erasing.model.family_of(gone) is None
    # No byte of any topic or table holds anything of the person in clear, and none can be opened with what is left.
    search = Search([*NIKS, CARD], [*NAMES, STREET])
    searched = erasing.topics() | erasing.tables()
    assert {name: leaks for name, found in searched.items() if (leaks := search.leaks(found))} == {}
    # Proofs: what was on record is untouched. Replays: complete, and to the same states.
    assert set(audit_before) <= set(erasing.audit())
    assert erasing.replayed() == erasing.states()
    event = next(
        one for one in map(codec.decode, (value for value in _events(erasing))) if type(one).__name__ == "PersonErased"
    )
    assert (event.legal_basis, event.request_number, event.person_ref) == (*TERMS, gone)


def _events(erasing: Erasing) -> list[bytes]:
    topic = erasing.rig.name(catalogue.EVENTS_TOPIC)
    return [one.value() or b"" for one in kafka.read_all(erasing.rig.bootstrap, topic)]
