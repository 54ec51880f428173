"""`latentpad play` as a program of its own, as a performer starts it, for the end to end tests."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from latentpad.benchmarks.programs import free_port

ROOT = Path(__file__).parents[1]
READY_S = 90.0


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1  # prctl(2)


def _end_with_the_tests() -> None:
    """Tests that are killed leave no instrument behind."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


def fresh(*words: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """One command to its end, from its first import on: `tests.forking` knows a shorter way."""
    return subprocess.run(
        [sys.executable, "-m", "latentpad.cli.main", *words],
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


class Playing:
    """A running `latentpad play`, in `folder`. `lines` is what it has printed so far."""

    def __init__(
        self,
        *words: str,
        home: Path,
        env: dict[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        """In a process group of its own, as a shell starts it."""
        environment = env or dict(os.environ)
        path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
        self.port, self.folder = free_port(), folder
        self.lines: list[str] = []
        self._spoke = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "latentpad.cli.main", "play", *words,
             "--osc-port", str(self.port)],
            env={**environment, "PYTHONPATH": path,
                 "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home),
                 "XDG_STATE_HOME": str(home)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
            process_group=0, preexec_fn=_end_with_the_tests,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._spoke:
                self.lines.append(line.rstrip("\n"))
                self._spoke.notify_all()

    def says(self, what: str, seconds: float = READY_S, after: int = 0) -> str:
        """The first line since number `after` that begins with `what`; fails if none comes."""
        end = time.monotonic() + seconds
        with self._spoke:
            while True:
                for line in self.lines[after:]:
                    if line.startswith(what):
                        return line
                left = end - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and left < seconds - 1):
                    raise AssertionError(f"no line {what!r} in {self.lines}")
                self._spoke.wait(min(left, 0.2))

    def send(self, address: str, types: str = "", *args: object) -> None:
        """With liblo's `oscsend`, which knows nothing of us."""
        subprocess.run(
            ["oscsend", "localhost", str(self.port), address, types, *map(str, args)], check=True
        )

    def show(self) -> None:
        """Print what it has said: pytest shows it where a test fails."""
        print("\n".join(self.lines))

    def ended(self, seconds: float) -> int:
        """Its exit status once it has ended by itself; all that it said is in `lines` then."""
        status = self.process.wait(seconds)
        self._reader.join(10)
        return status

    def close(self) -> int:
        self.show()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()
