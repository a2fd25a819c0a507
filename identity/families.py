"""Which family a card belongs to: an append-only table from KK reference to family id.

A family id is minted at the first registration and never worked out again, since a family's card may change. Asking
the table comes first; only a card it doesn't know mints. It must not know a KK number.

The minted candidate follows from the card reference alone, so importers that race to mint one card write the same row,
and a plain insert is enough. Claims are rows of their own, never overwritten. Should an alias be added in the very
moment in which another importer mints the same card, both claims stand, the minted one counts from then on for every
reader, and the two families are merged by an event.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from identity.buckets import Session, prepare, read_rows, write_rows
from identity.references import family_id_for


@dataclass(frozen=True, slots=True)
class AliasConflict:
    """The refusal to give a card to one family while it belongs to another."""

    kk_ref: str
    known: str
    asked: str


class FamilyAliases(Protocol):
    """The alias table; one contract, held by every implementation (tests/integration/test_families_real.py)."""

    def family_of(self, kk_ref: str) -> str | None:
        """Return the family the card belongs to, or None for a card never seen."""

    def families_of(self, kk_refs: Iterable[str]) -> dict[str, str]:
        """Return the families of those cards that are known, at the cost of few round trips."""

    def mint(self, kk_ref: str) -> str:
        """Return the family the card belongs to, minted and durable when the card was never seen."""

    def mint_all(self, kk_refs: Iterable[str]) -> dict[str, str]:
        """Return `mint` of each card, at the cost of few round trips."""

    def add_alias(self, kk_ref: str, family_id: str) -> AliasConflict | None:
        """Let a reissued card belong to the family, durably; a refusal when it belongs to another one."""


class Aliases:
    """The alias table in Cassandra, over a session that gives rows as tuples or named tuples."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._select = prepare(
            session, "SELECT kk_ref, family_id FROM jejak_identity.family_alias_v1 WHERE bucket = ? AND kk_ref IN ?"
        )
        self._insert = prepare(
            session, "INSERT INTO jejak_identity.family_alias_v1 (bucket, kk_ref, family_id) VALUES (?, ?, ?)"
        )

    def family_of(self, kk_ref: str) -> str | None:
        """Return the family the card belongs to, or None."""
        return self.families_of((kk_ref,)).get(kk_ref)

    def families_of(self, kk_refs: Iterable[str]) -> dict[str, str]:
        """Return the families of those cards that are known, with about one request per partition."""
        claims: dict[str, list[str]] = {}
        for kk_ref, family_id in read_rows(self._session, self._select, dict.fromkeys(kk_refs)):
            claims.setdefault(kk_ref, []).append(family_id)
        return {kk_ref: _chosen(kk_ref, families) for kk_ref, families in claims.items()}

    def mint(self, kk_ref: str) -> str:
        """Return the family the card belongs to, minted when it was never seen."""
        return self.mint_all((kk_ref,))[kk_ref]

    def mint_all(self, kk_refs: Iterable[str]) -> dict[str, str]:
        """Return `mint` of each card."""
        asked = dict.fromkeys(kk_refs)
        known = self.families_of(asked)
        minted = {kk_ref: family_id_for(kk_ref) for kk_ref in asked if kk_ref not in known}
        write_rows(self._session, self._insert, minted.items())
        return known | minted

    def add_alias(self, kk_ref: str, family_id: str) -> AliasConflict | None:
        """Let the card belong to the family, or refuse; asked again after writing, in case another claim was made."""
        known = self.family_of(kk_ref)
        if known is None:
            write_rows(self._session, self._insert, ((kk_ref, family_id),))
            known = self.family_of(kk_ref)
        return None if known == family_id else AliasConflict(kk_ref, known or "", family_id)


class InMemoryAliases:
    """An alias table that ends with its process, for unit tests and benchmarks."""

    def __init__(self) -> None:
        self._families: dict[str, str] = {}

    def family_of(self, kk_ref: str) -> str | None:
        """Return the family the card belongs to, or None."""
        return self._families.get(kk_ref)

    def families_of(self, kk_refs: Iterable[str]) -> dict[str, str]:
        """Return the families of those cards that are known."""
        return {kk_ref: self._families[kk_ref] for kk_ref in kk_refs if kk_ref in self._families}

    def mint(self, kk_ref: str) -> str:
        """Return the family the card belongs to, minted when it was never seen."""
        return self._families.setdefault(kk_ref, family_id_for(kk_ref))

    def mint_all(self, kk_refs: Iterable[str]) -> dict[str, str]:
        """Return `mint` of each card."""
        return {kk_ref: self.mint(kk_ref) for kk_ref in kk_refs}

    def add_alias(self, kk_ref: str, family_id: str) -> AliasConflict | None:
        """Let the card belong to the family, or refuse when it belongs to another."""
        known = self._families.setdefault(kk_ref, family_id)
        return None if known == family_id else AliasConflict(kk_ref, known, family_id)


def _chosen(kk_ref: str, claims: list[str]) -> str:
    """Return the claim that counts: the minted one, whose answer was final when given, else the least."""
    minted = family_id_for(kk_ref)
    return minted if minted in claims else min(claims)
