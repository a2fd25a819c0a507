"""What a measurement says of memory is the measured program's own."""

import subprocess
import sys

OWN = "from jejak.bench.resident import peak; print(peak())"
STARTED_BY_ONE_THAT_HAS_MUCH = f"""
import subprocess, sys
much = bytes(1) * (200 << 20)
sys.stdout.write(subprocess.run([sys.executable, "-c", {OWN!r}], check=True, capture_output=True, text=True).stdout)
{OWN}
"""


def test_the_memory_of_what_started_a_program_is_not_counted_as_its_own() -> None:
    told = subprocess.run([sys.executable, "-c", STARTED_BY_ONE_THAT_HAS_MUCH], check=True, capture_output=True)
    started, starter = map(int, told.stdout.split())
    assert starter > 200 << 20
    assert started < 100 << 20
