"""Tests of other workers beside a test, or none: a lock that the workers of pytest-xdist share."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

_lock = open(__file__)  # noqa: SIM115  # a file that all workers can lock


@contextmanager
def shared() -> Iterator[None]:
    """Around each test: the others run beside it."""
    fcntl.flock(_lock, fcntl.LOCK_SH)
    try:
        yield
    finally:
        fcntl.flock(_lock, fcntl.LOCK_UN)


@contextmanager
def alone() -> Iterator[None]:
    """Within a test: no other worker runs a test meanwhile, for what is heard in real time. It
    waits until their tests have ended, or wait for it too."""
    fcntl.flock(_lock, fcntl.LOCK_UN)  # two that asked for it while they share it would wait
    fcntl.flock(_lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(_lock, fcntl.LOCK_SH)
