"""How much memory this program ever had, for measurements that run in a process of their own.

Must not know what is measured.
"""

import resource
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")
_PEAK: Final = "VmHWM:"


def peak() -> int:
    """Return the most resident memory that this program had, in bytes.

    Of this program alone where the kernel tells it, as Linux does: the figure of `getrusage` begins with what the
    process that started this one had.
    """
    if not _STATUS.exists():  # macOS, which tells bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = _STATUS.read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(_PEAK)) << 10
