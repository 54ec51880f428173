"""Programs that begin with the project and TensorFlow imported: that is paid for once, not by each.

A server that has imported them forks a process for each program, with streams, a working folder and
an environment of its own. What a program's imports do is for tests that start one from nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
IMPORTED = ["controllers.cli", "controllers.rendering", "engine.render", "evaluation.evaluating",
            "models.training.train"]  # fmt: skip

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(IMPORTED)


def latentpad(*words: object, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """One command to its end. Raises `subprocess.TimeoutExpired`."""
    return forked(_command, *map(str, words), timeout=timeout)


def forked(
    program: Callable[..., None], *args: Any, timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Call a module's function in a process of its own, to its end.

    Raises `subprocess.TimeoutExpired`; the process is killed then.
    """
    with TemporaryDirectory() as kept:
        streams = [Path(kept, name) for name in ("out", "err")]
        begin = (program, args, os.getcwd(), dict(os.environ), streams)
        process = _server.Process(target=_begin, args=begin)
        with chdir(ROOT):  # where the server, which starts with the first process, finds all
            process.start()
        process.join(timeout)
        late = process.exitcode is None
        process.kill()
        process.join()
        out, err = (stream.read_text(errors="replace") for stream in streams)
        if late:
            raise subprocess.TimeoutExpired(str(args), timeout, out, err)
        assert process.exitcode is not None
        return subprocess.CompletedProcess(args, process.exitcode, out, err)


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
    program(*args)


def _command(*words: str) -> None:
    from controllers import cli

    sys.argv = ["latentpad", *words]
    cli.main()
