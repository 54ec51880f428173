"""However a command ends, it ends in one line: whatever is raised inside, whoever reads."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
import typer
from typer.testing import CliRunner

from latentpad.cli.main import app

ROOT = Path(__file__).parents[2]

BROKEN = """
import sys
from latentpad.cli import main as cli

class Broken:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("latentpad."):
            {raising}

sys.meta_path.insert(0, Broken())
cli.main()
"""
"""The program, in which the first thing that a command imports of ours raises."""


def commands(group: typer.Typer = app, *before: str) -> Iterator[list[str]]:
    """Every command there is, with arguments that it takes."""
    for name, command in typer.main.get_group(group).commands.items():
        words = [*before, name]
        for parameter in command.params:
            if parameter.required or parameter.param_type_name == "argument":
                words += [parameter.opts[0]] if parameter.opts[0].startswith("-") else []
                words += ["1"] * max(parameter.nargs, 1)
        if not hasattr(command, "commands"):
            yield words
    for result in group.registered_groups:
        assert result.typer_instance is not None
        yield from commands(result.typer_instance, *before, str(result.name))


COMMANDS = [*commands()]


def run(program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
        env={**os.environ, **environment},
    )  # fmt: skip


def ended_in_a_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = (line for line in done.stderr.splitlines() if line.strip())
    assert line.startswith("latentpad: ") and "Traceback" not in line and line.isprintable()
    return line


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and where the log is in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return platformdirs.user_log_path("latentpad") / "faults.log"


def test_all_commands_are_found() -> None:
    names = {tuple(word for word in words if word != "1")[:2] for words in COMMANDS}
    assert {("play",), ("render", "--out"), ("library", "list"), ("import", "--out")} <= names
    assert len(COMMANDS) >= 15


def test_every_command_and_group_has_help_under_either_name() -> None:
    names = [[*itertools.takewhile(str.isalpha, words)] for words in COMMANDS]
    for words in ([], ["library"], *names):
        short, long = (CliRunner().invoke(app, [*words, option]) for option in ("-h", "--help"))
        assert short.exit_code == long.exit_code == 0, words
        assert short.output == long.output and "Usage: " in short.output


def test_it_tells_its_version() -> None:
    done = shell("", "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"latentpad {importlib.metadata.version('latentpad')}\n"


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_fault_inside_any_command_is_one_line_and_in_the_log(
    words: list[str], home: Path
) -> None:
    line = ended_in_a_line(run(BROKEN.format(raising='raise LookupError("of ours")'), *words))
    assert "LookupError: of ours" in line and str(home) in line and "report" in line
    log = home.read_text()
    assert "Traceback" in log and "LookupError: of ours" in log and words[0] in log


@pytest.mark.parametrize(
    ("raising", "what"),
    [
        ("raise MemoryError", "MemoryError"),
        ("self.find_spec(name)", "RecursionError"),
        ("raise ImportError(name)", "ImportError"),
        ("raise BaseException('strange')", "BaseException: strange"),
        ("raise ValueError('two\\nlines \\x1b]0;owned\\x07 \\ud800' + 'x' * 10**6)", "two lines"),
        ("raise ExceptionGroup('several', [ValueError('a'), ValueError('b')])", "several"),
    ],
)
def test_whatever_is_raised_is_told(raising: str, what: str, home: Path) -> None:
    line = ended_in_a_line(run(BROKEN.format(raising=raising), "play"))
    assert what in line and str(home) in line and len(line) < 1000
    assert "Traceback" in home.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["play"], ["devices"], ["train", "1", "-o", "1"]])
def test_ctrl_c_inside_a_command_says_nothing(words: list[str], home: Path) -> None:
    done = run(BROKEN.format(raising="raise KeyboardInterrupt"), *words)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert not home.exists()


def test_what_the_system_refuses_is_no_fault_of_ours(home: Path) -> None:
    raising = "raise PermissionError(13, 'Permission denied', '/some/file')"
    line = ended_in_a_line(run(BROKEN.format(raising=raising), "devices"))
    assert line == "latentpad: /some/file: Permission denied" and not home.exists()


def test_where_no_log_can_be_written_it_goes_to_a_temporary_file(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "state").touch()
    program = BROKEN.format(raising="raise LookupError")
    line = ended_in_a_line(run(program, "play", TMPDIR=str(tmp_path)))
    (log,) = tmp_path.glob("latentpad-*.log")
    assert str(log) in line and "LookupError" in log.read_text()
    line = ended_in_a_line(run(program, "play", TMPDIR="/proc", TEMP="/proc", TMP="/proc"))
    assert "LookupError" in line


def test_the_log_does_not_grow_for_ever(home: Path) -> None:
    home.parent.mkdir(parents=True)
    home.write_text("x" * (2 << 20))
    run(BROKEN.format(raising="raise LookupError"), "play")
    assert home.stat().st_size < 1 << 20
    assert sorted(path.name for path in home.parent.iterdir()) == ["faults.log", "faults.log.1"]


def test_a_fault_in_a_thread_a_destructor_or_a_logger_is_one_line_each(home: Path) -> None:
    program = (
        "import logging, threading; from latentpad.engine import error_log as faults\n"
        "faults.install_hooks()\n"
        "class Gone:\n"
        "    def __del__(self): raise KeyError('destructor')\n"
        "def thread(): raise KeyError('thread')\n"
        "for _ in range(3):\n"
        "    one = threading.Thread(target=thread); one.start(); one.join()\n"
        "    Gone()\n"
        "    try: raise KeyError('logger')\n"
        "    except KeyError: logging.getLogger('library').exception('it said')\n"
        "print('goes on')\n"
    )
    done = run(program)
    assert done.returncode == 0 and done.stdout == "goes on\n"
    lines = done.stderr.splitlines()
    assert len(lines) == 3 and all(str(home) in line for line in lines)
    assert home.read_text().count("Traceback") == 3


# -- who reads -------------------------------------------------------------------------------


def shell(redirected: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a shell starts it with its standard streams so."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirected}', "sh",
         sys.executable, "-m", "latentpad.cli.main", *words],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip


SAYING = [["--help"], ["play", "--help"], ["devices"], ["library", "--help"]]


@pytest.mark.parametrize("words", SAYING, ids=" ".join)
def test_a_reader_that_has_gone_ends_it_in_silence(words: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "latentpad.cli.main", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(120) == 1


@pytest.mark.parametrize("words", SAYING, ids=" ".join)
def test_a_full_disk_behind_the_output_is_told(words: list[str]) -> None:
    assert ended_in_a_line(shell(">/dev/full", *words)) == (
        "latentpad: standard output: No space left on device"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", ">&- 2>/dev/full"])
def test_streams_that_are_closed_from_the_start_are_no_matter(closed: str) -> None:
    assert shell(closed, "devices").returncode == 0
    refused = shell(closed, "render", "no such file", "-o", "out.wav")
    assert refused.returncode == 1
    assert ("no such file" in refused.stderr) == ("2>" not in closed)


def test_what_cannot_be_encoded_is_replaced() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "latentpad.cli.main", "play", "caf\u00e9"],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert "there is no preset 'caf?'" in ended_in_a_line(done)


def test_what_would_steer_a_terminal_is_not_printed() -> None:
    done = shell("", "play", "\x1b]0;owned\x07")
    assert "\x1b" not in ended_in_a_line(done)
