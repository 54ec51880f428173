"""Programs that begin with the project and TensorFlow imported: that is paid for once, not by each.

A server that has imported them forks a process for each program, with streams, a working folder and
an environment of its own. What a program's imports do is for tests that start one from nothing.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
IMPORTED = [
    "latentpad.cli.main",
    "latentpad.cli.render",
    "latentpad.engine.offline",
    "latentpad.evaluation.run",
    "latentpad.models.training.train",
]

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(IMPORTED)


def latentpad(*words: object, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """One command to its end. Raises `subprocess.TimeoutExpired`."""
    return Forked(_command, *map(str, words)).end(timeout)


def decode_cost(decoder: Path, runs: int = 300) -> dict[str, float]:
    """As `models.decode_cost.decode`, whose program imports TensorFlow anew."""
    done = Forked(_decode_cost, decoder, runs).end()
    assert done.returncode == 0, done.stderr
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


class Forked:
    """A process that calls a module's function."""

    def __init__(self, program: Callable[..., None], *args: Any) -> None:
        self._args, self._folder = args, TemporaryDirectory()
        self._streams = [Path(self._folder.name, name) for name in ("out", "err")]
        for stream in self._streams:
            stream.touch()
        begin = (program, args, os.getcwd(), dict(os.environ), self._streams)
        self._process = _server.Process(target=_begin, args=begin)
        with chdir(ROOT):  # where the server, which starts with the first process, finds all
            self._process.start()

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self._streams[0].read_text(errors="replace")

    @property
    def lives(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()

    def end(self, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Wait for its end. Raises `subprocess.TimeoutExpired`; it is killed then."""
        self._process.join(timeout)
        late = self.lives
        self.kill()
        self._process.join()
        out, err = (stream.read_text(errors="replace") for stream in self._streams)
        self._folder.cleanup()
        if late:
            raise subprocess.TimeoutExpired(str(self._args), timeout, out, err)
        assert self._process.exitcode is not None
        return subprocess.CompletedProcess(self._args, self._process.exitcode, out, err)


def _begin(
    program: Callable[..., None],
    args: tuple[Any, ...],
    folder: str,
    environment: dict[str, str],
    streams: list[Path],
) -> None:
    for number, stream in enumerate([Path(os.devnull), *streams]):
        opened = os.open(stream, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os._exit(_status(lambda: program(*args)))  # past what `multiprocessing` does at an end


def _status(program: Callable[[], None]) -> int:
    """Run a program to the end of its threads, as Python does."""
    status: object = 0
    try:
        program()
    except SystemExit as end:
        status = end.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
    except BaseException:
        status = 1
        traceback.print_exc()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else 1


def _decode_cost(decoder: Path, runs: int) -> None:
    from latentpad.models import decode_cost

    decode_cost.main(str(decoder), runs)


def _command(*words: str) -> None:
    from latentpad.cli import main

    sys.argv = ["latentpad", *words]
    main.main()
