"""Keeps history readable: the lock file, and FULL_TRANSITIVE compatibility by Apache Avro's own checker.

Run by maintainers and by the build's checks; nothing at run time imports it.
"""

import json
import sys
from pathlib import Path

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from schemas import contract

AVRO_FOLDER = Path(__file__).parent / "avro"


def incompatibilities() -> list[str]:
    """Every pair of versions of one subject where either can't read the other, in words; empty when all can."""
    found = []
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    versions: dict[str, list[contract.WriterSchema]] = {}
    for schema in contract.writer_schemas().values():
        versions.setdefault(schema.name, []).append(schema)
    for name, history in versions.items():
        parsed = [(schema.entry.version, parse(json.dumps(schema.full))) for schema in history]
        for old_version, old in parsed:
            for new_version, new in parsed:
                verdict = checker.get_compatibility(reader=new, writer=old)
                if verdict.compatibility is not SchemaCompatibilityType.compatible:
                    reasons = "; ".join(sorted(verdict.messages))
                    found.append(f"{name}: version {new_version} can't read version {old_version}: {reasons}")
    return found


def drift() -> list[str]:
    """Every record whose current file differs from its newest locked fingerprint, or has none."""
    newest = {entry.subject: entry.fingerprint for entry in contract.lock()}
    return [name for name in contract.records() if newest.get(name) != contract.fingerprint(name)]


def relock(folder: Path = AVRO_FOLDER) -> None:
    """Give every record an id and write the lock anew; allowed only before the first release."""
    if (
        json.loads((folder / contract.LOCK_FILE).read_text())["released"]
        if (folder / contract.LOCK_FILE).exists()
        else False
    ):
        raise PermissionError("released schemas keep their ids: add a version, never lock anew")
    entries = [
        {"subject": name, "version": 1, "id": number, "fingerprint": contract.fingerprint(name), "file": f"{name}.avsc"}
        for number, name in enumerate(contract.records(), start=1)
    ]
    lines = ",\n".join("    " + json.dumps(entry) for entry in entries)
    (folder / contract.LOCK_FILE).write_text(
        '{\n  "compatibility": "FULL_TRANSITIVE",\n  "released": false,\n  "schemas": [\n' + lines + "\n  ]\n}\n"
    )


def problems() -> list[str]:
    """Everything that doesn't hold: records that differ from the lock, versions that can't read each other."""
    return [f"{name}: differs from the lock file" for name in drift()] + incompatibilities()


def main() -> int:
    """Check, or with the word `relock` write the lock; the exit code is 0 when the contract holds."""
    if sys.argv[1:] == ["relock"]:
        relock()
        return 0
    found = problems()
    for problem in found:
        sys.stderr.write(problem + "\n")
    if not found:
        sys.stdout.write(f"{len(contract.lock())} schemas: locked, FULL_TRANSITIVE holds\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
