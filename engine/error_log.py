"""Faults of the program: the traceback goes to a log, the user gets one line.

Errors that the user can correct are no faults: those (`models.errors`) say themselves what to do.
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

MAX_LOG_BYTES = 1 << 20  # of the log; a larger one replaces the previous log
MAX_TRACEBACK = 100_000  # characters of one traceback
MAX_MESSAGE = 300  # characters of an error's text

_reported: set[str] = set()


def version() -> str:
    """The version of the installed package."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("latentpad")
    return "unknown"


def log_traceback(trace: str) -> Path | None:
    """Append a traceback to the log. Returns the log's path, or None if nothing can be written."""
    entry = (
        f"{time.strftime('%Y-%m-%d %H:%M:%S %z')} latentpad {version()}, "
        f"Python {platform.python_version()}, {platform.platform()}\n"
        f"{sys.argv!r}\n{trace[:MAX_TRACEBACK].rstrip()}\n\n"
    ).encode(errors="backslashreplace")
    log = platformdirs.user_log_path("latentpad") / "faults.log"
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as file:
            file.write(entry)
        return log
    with suppress(OSError):
        with tempfile.NamedTemporaryFile(
            prefix="latentpad-", suffix=".log", delete=False
        ) as fallback:
            fallback.write(entry)
        return Path(fallback.name)
    return None


def fault_line(error: BaseException, log: Path | None) -> str:
    """The line for the user about a fault whose traceback `log_traceback` has written to `log`."""
    message = str(error) if str(error) else "no message"
    what = printable(" ".join(f"{type(error).__name__}: {message}".split()), MAX_MESSAGE)
    request = f"send {log}, where it is kept, with" if log else "no log could be written: send"
    return (
        f"this is a fault of latentpad ({what}); to report it, {request} what you did to its issues"
    )


def logged_line(error: BaseException) -> str:
    """Write the error's traceback to the log and return the line about it."""
    return fault_line(error, log_traceback("".join(traceback.format_exception(error))))


def report(error: BaseException) -> None:
    """Print one line on standard error about a fault after which the program goes on. The same
    fault is reported once. Any thread; raises nothing."""
    with suppress(Exception):  # no memory, an error whose str() fails, no standard error
        location = traceback.extract_tb(error.__traceback__)[-1:]
        kind = f"{type(error).__name__} {location}"
        if kind not in _reported:
            _reported.add(kind)
            print(f"latentpad: {logged_line(error)}", file=sys.stderr, flush=True)


@contextmanager
def errors_reported() -> Iterator[None]:
    """Report an exception that is raised inside and suppress it: for threads that must not end. Any
    thread."""
    try:
        yield
    except Exception as error:
        report(error)


def install_hooks() -> None:
    """Report errors of threads, destructors and libraries' loggers without printing a traceback."""
    threading.excepthook = lambda args: _unless_ending(args.exc_value)
    sys.unraisablehook = lambda args: _unless_ending(args.exc_value)
    logging.lastResort = _Logged(logging.WARNING)


def _unless_ending(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
        report(error)


class _Logged(logging.Handler):
    """For loggers of libraries without a handler: prints their messages in one line, no
    traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            report(record.exc_info[1])
        else:
            with suppress(Exception):
                print(printable(record.getMessage(), MAX_MESSAGE), file=sys.stderr)
