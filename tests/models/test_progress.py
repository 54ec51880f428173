"""Long work shows how far it is: a bar on a terminal, lines in a log."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from latentpad.models import progress
from latentpad.models.progress import LoopProgress

ROOT = Path(__file__).parents[2]

WORK = """
import sys, time
from latentpad.models import progress
progress.FIRST_S, progress.EVERY_S = 0.0, 0.1
from latentpad.engine.process import stderr_silenced
from latentpad.models.progress import Bar, print_line
with Bar() as bar, stderr_silenced():
    print("chatter", file=sys.stderr, flush=True)
    for k in range(12):
        bar.report("reading [sounds]", k, 12)
        time.sleep(0.1)
    print_line("left out \\x1b[2J")
    bar.report("drawing the map")
    time.sleep(1)
    task = bar.add_task("learning", total=1.0)
    bar.update(task, completed=0.5, note="loss 3 dB")
    time.sleep(1)
"""


def worked(output: int, errors: int) -> None:
    subprocess.run(
        [sys.executable, "-c", WORK], stdout=output, stderr=errors, timeout=120, check=True,
        cwd=ROOT, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip


class Terminal:
    """A terminal of its own, and what stands there."""

    def __init__(self) -> None:
        self._ours, self.fd = pty.openpty()
        self._seen: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 4096):
                self._seen.append(data)
        except OSError:  # the other end is closed
            pass

    def text(self) -> str:
        os.close(self.fd)
        self._reader.join()
        os.close(self._ours)
        return b"".join(self._seen).decode()


def test_a_log_has_lines_and_nothing_but_errors_goes_to_standard_error(tmp_path: Path) -> None:
    log, errors = tmp_path / "log", tmp_path / "errors"
    with log.open("w") as out, errors.open("w") as complaints:
        worked(out.fileno(), complaints.fileno())
    lines = log.read_text().splitlines()
    assert any(line.startswith("reading [sounds]: ") and " of 12" in line for line in lines)
    assert "left out  [2J" in lines
    assert any(line.startswith("drawing the map: ") and line.endswith(" s") for line in lines)
    assert "learning: 50 %, loss 3 dB" in lines
    assert errors.read_text() == ""


def test_a_terminal_has_a_bar_and_no_lines(tmp_path: Path) -> None:
    terminal = Terminal()
    worked(terminal.fd, terminal.fd)
    reported = terminal.text()
    assert "\x1b[" in reported  # which moves the cursor
    for what in ("reading [sounds]", "drawing the map", "learning", "50 %, loss 3 dB"):
        assert what in reported
    assert "learning: 50 %" not in reported and "chatter" not in reported
    assert "left out  [2J" in reported


@pytest.mark.parametrize("standard_output", [True, False], ids=["output", "errors"])
def test_where_one_goes_to_a_file_the_other_shows_the_bar(
    tmp_path: Path, standard_output: bool
) -> None:
    terminal, file = Terminal(), tmp_path / "file"
    with file.open("w") as other:
        ends = [terminal.fd, other.fileno()]
        worked(*(ends if standard_output else reversed(ends)))
    assert "drawing the map" in terminal.text()
    lines = file.read_text().splitlines()
    if standard_output:
        assert lines == []
    else:
        assert "learning: 50 %, loss 3 dB" in lines and "left out  [2J" in lines


def test_who_stops_reading_ends_the_lines_and_not_the_work() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    quiet = WORK.replace('print_line("left out', 'str("left out')
    done = subprocess.run(
        [sys.executable, "-c", quiet], stdout=writer, stderr=subprocess.PIPE, timeout=120,
        text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_a_loop_says_how_far_it_is_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    pace = LoopProgress(lines.append, "jumps")
    pace(1, 500)
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    pace(12, 500)
    pace(13.4, 300, " s")
    assert lines == ["jumps: 12 of 500", "jumps: 13 of 300 s"]
