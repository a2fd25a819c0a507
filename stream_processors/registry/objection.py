"""What follows from an objection that is upheld: the registry itself opens a usulan PENGHAPUSAN for the family.

Source: domain guide 4.B. The objector stays hidden: the proposal names none. Pure.
"""

from typing import Final

from schemas import codec, prefix
from schemas.identifiers import derived_id
from schemas.records import FamilyState, Header, ProposalDrafted
from stream_processors.registry import proposal
from stream_processors.registry.decision import Event

AGENCY: Final = "registry"
UPHELD: Final = "DITERIMA"
KIND: Final = "PENGHAPUSAN"


def opened(state: FamilyState, cause: Event) -> tuple[Event, ...]:
    """Return the draft that an upheld objection opens; none where a proposal of that kind is open already."""
    if getattr(cause.record, "outcome", "") != UPHELD:
        return ()
    if any(one.kind == KIND and one.step in proposal.OPEN for one in state.proposals):
        return ()
    before = cause.prefix
    header = Header(
        sequence=state.sequence + 1,
        recorded_at=before.recorded_at,
        occurred_at=before.occurred_at,
        change_id=derived_id(before.change_id, f"ProposalDrafted/{KIND}"),
        family_id=before.family_id,
        agency=AGENCY,
        actor=AGENCY,
        document=cause.record.header.document,
        correlation_id=cause.record.header.correlation_id or before.change_id,
        causation_id=before.change_id,
    )
    draft = ProposalDrafted(header=header, kind=KIND, proposer="WARGA", channel="PARTISIPASI")
    framed = codec.encode(draft)
    return (Event(framed, prefix.walk(framed), draft),)
