"""The key for what may name any member of a family and doesn't say which: free text, a holder whom no record names.

It is destroyed with the first member who is erased, so that nothing sealed with it names them afterwards; what is said
of the family later is sealed with the next one. Must not know what is sealed, nor who the members are.
"""

from collections.abc import Iterable

from identity.keys import Erased, KeyStore


def owner_of(family_id: str, generation: int) -> str:
    """Return the owner of the members' key after `generation - 1` of them were erased."""
    return f"{family_id}/members/{generation}"


def owners_for_sealing(keys: KeyStore, families: Iterable[str]) -> dict[str, str]:
    """Return the owner of each family's members' key that still stands, the key made and stored when there is none."""
    found: dict[str, str] = {}
    asked = dict.fromkeys(families, 1)
    while asked:
        owners = {family_id: owner_of(family_id, generation) for family_id, generation in asked.items()}
        held = keys.keys_for_sealing(owners.values())
        gone = {family_id for family_id, owner in owners.items() if isinstance(held[owner], Erased)}
        found |= {family_id: owner for family_id, owner in owners.items() if family_id not in gone}
        asked = {family_id: asked[family_id] + 1 for family_id in gone}
    return found


def erase(keys: KeyStore, family_id: str) -> None:
    """Destroy the family's members' key that stands, even where nothing was sealed with it yet."""
    generation = 1
    while keys.is_erased(owner_of(family_id, generation)):
        generation += 1
    keys.erase(owner_of(family_id, generation))
