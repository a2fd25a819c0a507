"""Which witnesses suffice: a policy file in the syntax of C2SP tlog-policy (untagged draft), read and applied. Pure.

Names are opaque: they are held as they stand, bytes that are not UTF-8 escaped. Must not know how a witness is asked,
or what is done when a quorum is not met.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.note import COSIGNATURE, ED25519, Checkpoint, NoteRefused, SignedNote, VerifierKey, known_signatures

LARGEST_POLICY: Final = 65_536
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_FEWEST_WORDS: Final = {"log": 2, "witness": 3, "group": 4, "quorum": 2}
_MOST_WORDS: Final = {"log": 3, "witness": 4, "quorum": 2}


class PolicyRefused(Exception):
    """The policy is not one: `code` of a closed list and the `line`, counted from 1; 0 is the file as a whole."""

    def __init__(self, code: str, line: int = 0) -> None:
        super().__init__(f"{code} in line {line}" if line else code)
        self.code = code
        self.line = line


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log whose checkpoints the policy accepts; the key's name is its origin."""

    key: VerifierKey
    url: str | None


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness under the name that only this policy gives it; the address is its submission prefix."""

    name: str
    key: VerifierKey
    url: str | None


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """Has witnessed when at least `least` of its members, witnesses or groups, have."""

    name: str
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses and the quorum. No quorum asks for no witness."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]  # a group comes after its members
    quorum: str | None

    def met(self, cosigners: Collection[str]) -> bool:
        """Return whether the witnesses of these names suffice; unknown names count for nothing."""
        witnessed = {witness.name for witness in self.witnesses} & {*cosigners}
        for group in self.groups:
            if sum(member in witnessed for member in group.members) >= group.least:
                witnessed.add(group.name)
        return self.quorum is None or self.quorum in witnessed

    def cosigners(self, note: SignedNote) -> frozenset[str]:
        """Return the names of the witnesses that cosigned this note; nobody when a signature of a known key fails."""
        signed = self._signed(note)
        return frozenset(witness.name for witness in self.witnesses if witness.key in signed)

    def accepts(self, note: SignedNote) -> bool:
        """Return whether one of the logs signed this checkpoint of its own and witnesses enough cosigned it.

        A signature of a known key that fails, or stands there twice, rejects the note (C2SP signed-note v1.0.0).
        """
        try:
            origin = Checkpoint.parse(note.text).origin
        except NoteRefused:
            return False
        signed = self._signed(note)
        by_log = any(log.key.name == origin and log.key in signed for log in self.logs)
        return by_log and self.met(self.cosigners(note))

    def _signed(self, note: SignedNote) -> frozenset[VerifierKey]:
        """Return the policy's keys that signed this note; none when one of their signatures fails."""
        known = [*(log.key for log in self.logs), *(witness.key for witness in self.witnesses)]
        try:
            return frozenset(key for key, _ in known_signatures(note, known))
        except NoteRefused:
            return frozenset()


@dataclass(slots=True)
class _Draft:
    """What has been read so far."""

    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: list[PolicyWitness] = field(default_factory=list)
    groups: list[PolicyGroup] = field(default_factory=list)
    quorum: list[str] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    members: set[str] = field(default_factory=set)


def parse_policy(content: bytes) -> Policy:
    """Return the policy; raises PolicyRefused where the text isn't one."""
    if len(content) > LARGEST_POLICY:
        raise PolicyRefused("POLICY_TOO_LARGE")
    draft = _Draft()
    for number, line in enumerate(content.split(b"\n"), 1):
        if _CONTROL.search(line):
            raise PolicyRefused("CONTROL_CHARACTER", number)
        words = re.split("[ \t]+", line.decode("utf-8", "surrogateescape").strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            _line(draft, words, number)
    if not draft.quorum:
        raise PolicyRefused("QUORUM_MISSING")
    quorum = None if draft.quorum[0] == "none" else draft.quorum[0]
    return Policy(tuple(draft.logs), tuple(draft.witnesses), tuple(draft.groups), quorum)


def _line(draft: _Draft, words: Sequence[str], number: int) -> None:
    kind = words[0]
    if kind not in _FEWEST_WORDS:
        raise PolicyRefused("KEYWORD_UNKNOWN", number)
    if not _FEWEST_WORDS[kind] <= len(words) <= _MOST_WORDS.get(kind, len(words)):
        raise PolicyRefused("WORDS_WRONG", number)
    match kind:
        case "log":
            key = _key(words[1], ED25519, [log.key for log in draft.logs], number)
            draft.logs.append(PolicyLog(key, words[2] if len(words) > _FEWEST_WORDS[kind] else None))
        case "witness":
            _define(draft, words[1], number)
            key = _key(words[2], COSIGNATURE, [witness.key for witness in draft.witnesses], number)
            url = words[3] if len(words) > _FEWEST_WORDS[kind] else None
            draft.witnesses.append(PolicyWitness(words[1], key, url))
        case "group":
            draft.groups.append(_group(draft, words, number))
        case _:
            _quorum(draft, words[1], number)


def _key(vkey: str, key_type: int, others: Sequence[VerifierKey], number: int) -> VerifierKey:
    try:
        key = VerifierKey.parse(vkey)
    except (NoteRefused, UnicodeError) as refused:
        raise PolicyRefused("KEY_UNREADABLE", number) from refused
    if key.key_type != key_type:
        raise PolicyRefused("KEY_TYPE_WRONG", number)
    if any(other.public == key.public for other in others):
        raise PolicyRefused("KEY_TWICE", number)
    return key


def _define(draft: _Draft, name: str, number: int) -> None:
    if name == "none" or name in draft.defined:
        raise PolicyRefused("NAME_TAKEN", number)
    draft.defined.add(name)


def _group(draft: _Draft, words: Sequence[str], number: int) -> PolicyGroup:
    _, name, threshold, *members = words
    for member in members:
        if member not in draft.defined:
            raise PolicyRefused("NAME_UNKNOWN", number)
        if member in draft.members:  # each witness counts in one way only
            raise PolicyRefused("MEMBER_TWICE", number)
        draft.members.add(member)
    _define(draft, name, number)
    return PolicyGroup(name, _least(threshold, len(members), number), tuple(members))


def _least(threshold: str, members: int, number: int) -> int:
    if threshold in {"any", "all"}:
        return 1 if threshold == "any" else members
    least = int(threshold) if _COUNT.fullmatch(threshold) else 0
    if not 1 <= least <= members:
        raise PolicyRefused("THRESHOLD_WRONG", number)
    return least


def _quorum(draft: _Draft, name: str, number: int) -> None:
    if draft.quorum:
        raise PolicyRefused("QUORUM_TWICE", number)
    if name != "none" and name not in draft.defined:
        raise PolicyRefused("NAME_UNKNOWN", number)
    draft.quorum.append(name)
