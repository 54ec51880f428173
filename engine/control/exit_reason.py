"""Why a process has ended, in one line for a person."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

from latentpad.models.text import printable

LONGEST = 300  # characters of what it had printed
CRASHES = (
    signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS,
    signal.SIGTRAP,
)  # fmt: skip
STACKS = "Fatal Python error: "  # begins what faulthandler prints after a crash
VMSTAT = Path("/proc/vmstat")


def exit_reason(status: int | None, printed: str, short_of_memory: bool) -> str:
    """Of a process with this exit `status` (of `multiprocessing`: below 0 a signal) that had
    `printed` this on standard error."""
    if status is None:
        return "does not end"
    if status >= 0:
        return _with(f"ended (status {status})", printed if status else "")
    if -status in CRASHES:
        return _with(f"crashed ({_name(-status)})", printed)
    why = ", as the system ran out of memory" if short_of_memory else ""
    return f"was killed ({_name(-status)}){why}"


def oom_kills() -> int:
    """How many processes the system has killed so far because it had no memory left; 0 where it
    does not say (Linux does)."""
    with suppress(OSError, ValueError):
        for line in VMSTAT.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _with(what: str, printed: str) -> str:
    """The last line says most: C libraries, C++ and Python all print why they end."""
    lines = printed.partition(STACKS)[0].splitlines()
    last = next((line for line in reversed(lines) if line.strip()), "")
    said = " ".join(printable(last, LONGEST).split())
    return f"{what}: {said}" if said else what


def _name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
