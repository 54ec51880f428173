"""Describes in one line why a process has ended."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

from latentpad.models.text import printable

MAX_TEXT = 300  # characters of its output
CRASHES = (
    signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGSYS,
    signal.SIGTRAP,
)  # fmt: skip
STACKS = "Fatal Python error: "  # the start of faulthandler's output after a crash
VMSTAT = Path("/proc/vmstat")


def exit_reason(status: int | None, printed: str, short_of_memory: bool) -> str:
    """The reason for a process with this exit `status` (of `multiprocessing`: negative for a
    signal) that `printed` this on standard error."""
    if status is None:
        return "does not end"
    if status >= 0:
        return _with(f"ended (status {status})", printed if status else "")
    if -status in CRASHES:
        return _with(f"crashed ({_name(-status)})", printed)
    why = ", as the system ran out of memory" if short_of_memory else ""
    return f"was killed ({_name(-status)}){why}"


def oom_kills() -> int:
    """The number of processes that the system has killed so far because it was out of memory; 0 on
    systems that do not count them (Linux does)."""
    with suppress(OSError, ValueError):
        for line in VMSTAT.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _with(summary: str, printed: str) -> str:
    """Append the last line: C libraries, C++ and Python all end with the reason."""
    lines = printed.partition(STACKS)[0].splitlines()
    last = next((line for line in reversed(lines) if line.strip()), "")
    text = " ".join(printable(last, MAX_TEXT).split())
    return f"{summary}: {text}" if text else summary


def _name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
