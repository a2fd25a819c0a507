"""From plain text to sealed changes: checks identity, makes references, finds families, seals, encodes.

Every draft becomes a change or a refused row; nothing is repaired. Works on batches, so that the alias table and the
key store are asked in few round trips. It must not know where drafts come from or how changes are sent.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, Final

from identity import members_key, references
from identity.families import FamilyAliases
from identity.keys import Erased, KeyStore
from identity.seal import Sealer
from producers import identity_check, whose_key
from producers.draft import Draft, RowRefused
from producers.outgoing import Outgoing
from producers.record_of import Maker, maker
from schemas import cloudevents, codec, contract, sealed
from schemas.catalogue import CHANGES_TOPIC
from schemas.identifiers import family_of_split
from schemas.records import Header

_REMEMBERED: Final = 65_536


class ErasedMeanwhile(Exception):
    """An owner was erased between the look-up of keys and the sealing; taking the batch again refuses the rows."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A draft whose identity rules hold, with what they warned of, the family's card and the persons it names."""

    draft: Draft
    findings: tuple[str, ...]
    card_ref: str
    persons: Mapping[str, str]
    others: Mapping[str, str]  # fields that hold another family's id, each with the reference of that family's card


@dataclass(frozen=True, slots=True)
class _Form:
    """How a record is made: its full name, what makes it of its fields, and what to seal in it."""

    name: str
    made: Maker
    shape: sealed.Shape


@dataclass(frozen=True, slots=True)
class _Place:
    """What the sealed values of one change are bound to."""

    record: str
    persons: Mapping[str, str]
    family_id: str
    change_id: uuid.UUID
    members: str  # owner of the members' key, empty where nothing goes under it
    head: str | None  # the head's NIK, where the draft names one


class Intake:
    """Makes changes of drafts, with the keys and families of one registry."""

    def __init__(self, key: references.ReferenceKey, aliases: FamilyAliases, keystore: KeyStore) -> None:
        self._key = key
        # The rows of a family stand near each other, and each names its card and mostly the same persons.
        self._card_ref = lru_cache(_REMEMBERED)(partial(references.kk_ref, key))
        self._person_ref = lru_cache(_REMEMBERED)(partial(references.person_ref, key))
        self._aliases = aliases
        self._keys = keystore
        self._sealer = Sealer(keystore)
        self._referred: dict[int, tuple[Draft, bytes]] = {}

    def take(self, drafts: Iterable[Draft | RowRefused]) -> Iterator[Outgoing | RowRefused]:
        """Yield, in order, the change or the refusal of each draft; refused rows pass through.

        A family whose card was never seen is minted: whether it may be spoken of before it is registered is the
        fold's to decide. Drafts about erased owners are refused with ERASED.
        """
        self._referred.clear()
        checked = [self._check(draft) for draft in drafts]
        accepted = [each for each in checked if isinstance(each, _Accepted)]
        families = self._families(accepted)
        erased = self._erased(accepted, families)
        members = self._members(accepted, families, erased)
        for each in checked:
            if isinstance(each, RowRefused):
                yield each
                continue
            family_id = self._family_of(each, families)
            if each.draft.split_of is not None and self._is_anothers(each, family_id):
                yield _refusal(each.draft, "", "CARD_OF_ANOTHER", "another family has this card already")
                continue
            gone = erased and (family_id in erased or not erased.isdisjoint(each.persons.values()))
            yield (
                _refusal(each.draft, "", "ERASED", "the person or family was erased")
                if gone
                else self._change(
                    each,
                    family_id,
                    {name: families[card] for name, card in each.others.items()},
                    members.get(family_id, ""),
                )
            )

    def _families(self, accepted: Sequence[_Accepted]) -> Mapping[str, str]:
        """Return the families of the cards that are named, minted where they were never seen.

        A family that a split made isn't minted: its id follows from the split.
        """
        cards = {each.card_ref for each in accepted if each.card_ref and each.draft.split_of is None}
        for each in accepted:
            cards.update(each.others.values())
        return self._aliases.mint_all(cards)

    def _family_of(self, each: _Accepted, families: Mapping[str, str]) -> str:
        if each.draft.split_of is not None:
            return family_of_split(self._referred_id(each.draft.split_of))
        return each.draft.family_id or families[each.card_ref]

    def _is_anothers(self, each: _Accepted, family_id: str) -> bool:
        """Let the card of a family that a split made lead to it, with its registration; tell whether it can't."""
        if each.draft.record != "FamilyRegistered":
            return False
        return self._aliases.add_alias(each.card_ref, family_id) is not None

    def change_id(self, draft: Draft) -> uuid.UUID:
        """Return the id of the change that a draft becomes; it holds whatever else the batch contains."""
        return self._id_of(draft, self._body(draft))

    def _check(self, draft: Draft | RowRefused) -> _Accepted | RowRefused:
        if isinstance(draft, RowRefused):
            return draft
        findings = identity_check.findings(draft)
        for found in findings:
            if found.severity == "reject":
                column = draft.channel.columns.get(found.field, found.field)
                return _refusal(draft, column, found.code, found.message)
        card_ref = self._card_ref(draft.card) if draft.card else ""
        persons = {nik: self._person_ref(nik) for nik in identity_check.niks(draft)}
        others = {name: self._card_ref(card) for name, card in draft.families.items()}
        return _Accepted(draft, (*draft.findings, *[found.code for found in findings]), card_ref, persons, others)

    def _erased(self, accepted: Sequence[_Accepted], families: Mapping[str, str]) -> set[str]:
        """Return the owners that were erased, having loaded or made the keys of all others."""
        owners: dict[str, None] = {}
        for each in accepted:
            shape = _form(each.draft.record).shape
            if shape.sealed or shape.records or shape.lists:
                owners[self._family_of(each, families)] = None
                owners.update(dict.fromkeys(each.persons.values()))
        return {owner for owner, key in self._keys.keys_for_sealing(owners).items() if isinstance(key, Erased)}

    def _members(
        self, accepted: Sequence[_Accepted], families: Mapping[str, str], erased: Collection[str]
    ) -> dict[str, str]:
        """Return the owners of the members' keys of those families that something is to be sealed with them for."""
        found = {
            self._family_of(each, families): None
            for each in accepted
            if whose_key.wants_members(_form(each.draft.record).shape, each.draft.body)
        }
        return members_key.owners_for_sealing(self._keys, [one for one in found if one not in erased])

    def _body(self, draft: Draft) -> dict[str, Any]:
        body = dict(draft.body)
        for name, earlier in draft.refers.items():
            body[name] = self._referred_id(earlier)
        return body

    def _referred_id(self, earlier: Draft) -> bytes:
        """Return the id of a draft that others refer to, worked out once: every step of a proposal names its draft."""
        known = self._referred.get(id(earlier))  # held with the draft, so that no other one gets its identity
        if known is None:
            if len(self._referred) >= _REMEMBERED:
                self._referred.clear()
            known = self._referred[id(earlier)] = (earlier, self.change_id(earlier).bytes)
        return known[1]

    def _id_of(self, draft: Draft, body: Mapping[str, Any]) -> uuid.UUID:
        """Return the UUIDv5 of agency, document, record and the keyed digest of all that the draft says."""
        said: dict[str, str | int | bool | None] = {
            "at": draft.occurred_at,
            "card": draft.card,
            "family_id": draft.family_id,
            "body": _canonical(body),
        }
        if draft.families:
            said["families"] = _canonical(draft.families)
        digest = references.content_digest(self._key, said)
        return references.change_id(draft.channel.agency, draft.channel.document, f"{draft.record}/{draft.key}", digest)

    def _change(
        self, accepted: _Accepted, family_id: str, others: Mapping[str, str], members: str
    ) -> Outgoing | RowRefused:
        draft, form = accepted.draft, _form(accepted.draft.record)
        body = self._body(draft)
        change_id = self._id_of(draft, body)
        place = _Place(form.name, accepted.persons, family_id, change_id, members, whose_key.head_of(body))
        datum = self._sealed(form.shape, body, place)
        if "card_ref" in form.shape.fields:
            # The number that the record itself tells: of a reissued card not the one that the family was found by.
            datum["card_ref"] = self._card_ref(body["card_number"])
        if "findings" in form.shape.fields:
            datum["findings"] = accepted.findings
        datum.update(others)
        datum["header"] = _header(draft, family_id, change_id, body)
        try:
            value = codec.encode(form.made(datum))
        except OverflowError:
            return _refusal(draft, "", "CODE_UNKNOWN", "a number is larger than any code or count")
        headers = cloudevents.headers(form.name, change_id.bytes, f"/agencies/{draft.channel.agency}")
        return Outgoing(CHANGES_TOPIC, family_id.encode(), value, headers, change_id.bytes)

    def _sealed(self, shape: sealed.Shape, body: Mapping[str, Any], place: _Place) -> dict[str, Any]:
        """Return the record with references for NIKs and ciphertext for personal text."""
        datum = dict(body)
        person = objector = ""
        if "person_ref" in shape.fields and body.get("person_ref") is not None:
            person = datum["person_ref"] = place.persons[body["person_ref"]]
        if "objector_ref" in shape.fields:
            objector = datum["objector_ref"] = place.persons[body["objector_ref"]]
        head = place.persons[place.head] if place.head is not None else ""
        whose = whose_key.Whose(place.family_id, place.members, person, head, objector)
        for field in shape.sealed:
            text = datum.get(field.name)
            if text is not None:
                datum[field.name] = self._seal(whose_key.owners(field.owner, whose), field.path, place, text)
        for name, inner in shape.records:
            if datum.get(name) is not None:
                datum[name] = self._sealed(inner, datum[name], place)
        for name, inner in shape.lists:
            datum[name] = [self._sealed(inner, item, place) for item in datum[name]]
        return datum

    def _seal(self, owners: tuple[str, ...], path: str, place: _Place, text: str) -> bytes:
        where = (place.record, path, place.change_id)
        match owners:
            case (owner,):
                value = self._sealer.seal(owner, *where, text)
            case (inner, outer):
                value = self._sealer.seal_for_both(inner, outer, *where, text)
            case _:
                raise AssertionError(f"{place.record}.{path} has no owner")
        if isinstance(value, Erased):
            raise ErasedMeanwhile(place.record)
        return value


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, default=bytes.hex)


def _canonical(body: Mapping[str, Any]) -> str:
    """Return the body as text that depends on nothing but what it says; bytes in hex."""
    return _ENCODER.encode(body)


def _header(draft: Draft, family_id: str, change_id: uuid.UUID, body: Mapping[str, Any]) -> Header:
    """Return the header; a proposal's step belongs to the proposal, an answer is caused by the claim."""
    channel = draft.channel
    return Header(
        sequence=0,
        recorded_at=0,
        occurred_at=draft.occurred_at,
        change_id=change_id.bytes,
        family_id=family_id,
        agency=channel.agency,
        actor=channel.actor,
        document=channel.document,
        correlation_id=body.get("proposal_id"),
        causation_id=body.get("claim_id"),
    )


def _refusal(draft: Draft, column: str, rule: str, explanation: str) -> RowRefused:
    return RowRefused(draft.channel, draft.row, column, rule, explanation, f"{contract.NAMESPACE}.{draft.record}")


@cache
def _form(record: str) -> _Form:
    name = f"{contract.NAMESPACE}.{record}"
    return _Form(name, maker(name), sealed.shape_of(name))
