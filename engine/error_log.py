"""Errors of the program's own: the traceback goes to a log, a person gets one line.

What a user can mend is no fault: those errors (`models.errors`) say by themselves what to do.
"""

from __future__ import annotations

import importlib.metadata
import logging
import platform
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

from latentpad.models.text import printable

MOST_BYTES = 1 << 20  # of the log; beyond, the one before is dropped
MOST_TRACE = 100_000  # characters of one traceback
MOST_TOLD = 300  # characters of what an error says of itself

_told: set[str] = set()


def version() -> str:
    """Of this program, as it was installed."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("latentpad")
    return "unknown"


def log_traceback(trace: str) -> Path | None:
    """Add a traceback to the log, and where that is; None where nothing can be written."""
    entry = (
        f"{time.strftime('%Y-%m-%d %H:%M:%S %z')} latentpad {version()}, "
        f"Python {platform.python_version()}, {platform.platform()}\n"
        f"{sys.argv!r}\n{trace[:MOST_TRACE].rstrip()}\n\n"
    ).encode(errors="backslashreplace")
    log = platformdirs.user_log_path("latentpad") / "faults.log"
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > MOST_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as file:
            file.write(entry)
        return log
    with suppress(OSError):
        with tempfile.NamedTemporaryFile(
            prefix="latentpad-", suffix=".log", delete=False
        ) as elsewhere:
            elsewhere.write(entry)
        return Path(elsewhere.name)
    return None


def fault_line(error: BaseException, log: Path | None) -> str:
    """What a person is told of a fault that `log_traceback` has put into `log`."""
    said = str(error) if str(error) else "no message"
    what = printable(" ".join(f"{type(error).__name__}: {said}".split()), MOST_TOLD)
    sent = f"send {log}, where it is kept, with" if log else "no log could be written: send"
    return f"this is a fault of latentpad ({what}); to report it, {sent} what you did to its issues"


def logged_line(error: BaseException) -> str:
    """Keep the error's traceback and give the line about it."""
    return fault_line(error, log_traceback("".join(traceback.format_exception(error))))


def report(error: BaseException) -> None:
    """Tell on standard error of a fault that nothing ends for: of the same one once. Any thread;
    raises nothing."""
    with suppress(Exception):  # no memory, an error that cannot say what it is, no standard error
        where = traceback.extract_tb(error.__traceback__)[-1:]
        kind = f"{type(error).__name__} {where}"
        if kind not in _told:
            _told.add(kind)
            print(f"latentpad: {logged_line(error)}", file=sys.stderr, flush=True)


@contextmanager
def errors_reported() -> Iterator[None]:
    """What is raised inside is told, and what comes after goes on: for threads that must not end.
    Any thread."""
    try:
        yield
    except Exception as error:
        report(error)


def install_hooks() -> None:
    """From now on no traceback of a thread, a destructor or a library's logger is printed."""
    threading.excepthook = lambda args: _unless_ending(args.exc_value)
    sys.unraisablehook = lambda args: _unless_ending(args.exc_value)
    logging.lastResort = _Logged(logging.WARNING)


def _unless_ending(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
        report(error)


class _Logged(logging.Handler):
    """For libraries' loggers that nobody has set up: what they say in one line, no traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            report(record.exc_info[1])
        else:
            with suppress(Exception):
                print(printable(record.getMessage(), MOST_TOLD), file=sys.stderr)
