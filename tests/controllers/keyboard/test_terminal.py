"""The keyboard of real terminals, and in what state they are left."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.terminals import Terminal

PROGRAM = [sys.executable, "-m", "tests.reading_keys"]
SHELLS = {"bash": ["bash", "--norc", "-i"], "dash": ["dash", "-i"]}
PROMPT = "prompt> "


@pytest.fixture
def terminals() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*words: str) -> Terminal:
        opened.append(Terminal(words or PROGRAM, {"PS1": PROMPT, "TERM": "dumb"}))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


def test_keys_come_one_by_one_without_echo(terminals: Callable[..., Terminal]) -> None:
    terminal = terminals()
    at = terminal.says("reading")
    assert "a keyboard" in terminal.screen
    terminal.type("a")
    at = terminal.says("<a>", at)
    terminal.type("\x1b[")
    terminal.type("C")
    at = terminal.says("<right>", at)
    terminal.type(" é?")
    assert terminal.screen[terminal.says("<é>", at) :].strip() in ("", "<?>")
    terminal.says("<?>", at)
    assert terminal.screen.count("é") == terminal.screen.count("?") == 1  # no echo beside


def test_what_was_typed_before_is_dropped(terminals: Callable[..., Terminal]) -> None:
    first = (
        "import runpy; input('typed? '); runpy.run_module('tests.reading_keys', None, '__main__')"
    )
    terminal = terminals(sys.executable, "-c", first)
    terminal.says("typed? ")
    terminal.type("\naaaa")
    at = terminal.says("reading")
    terminal.type("b")
    assert "<a>" not in terminal.screen[: terminal.says("<b>", at)]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("c", id="closed"),
        pytest.param("x", id="an exception"),
        pytest.param("e", id="exit"),
        pytest.param("\x03", id="Ctrl-C"),
        pytest.param("\x1c", id="Ctrl-backslash"),
    ],
)
def test_the_terminal_has_its_mode_back_after(end: str, terminals: Callable[..., Terminal]) -> None:
    terminal = terminals()
    terminal.says("reading")
    assert not terminal.echoes()
    terminal.type(end)
    status = terminal.process.wait(60)
    assert terminal.mode() == terminal.first_mode
    assert terminal.echoes()
    assert (status == 0) == (end == "c")
    if end == "\x1c":
        assert status == -signal.SIGQUIT


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, terminals: Callable[..., Terminal]) -> Terminal:
    """A shell with job control. Dash does not mend a terminal that a program left changed."""
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not here")
    terminal = terminals(*SHELLS[request.param])
    terminal.says(PROMPT)
    return terminal


def test_ctrl_z_gives_the_shell_its_terminal_and_fg_takes_it_again(shell: Terminal) -> None:
    shell.type(shlex.join(PROGRAM) + "\n")
    at = shell.says("reading\n", len(shell.screen))
    shell.type("a")
    at = shell.says("<a>", at)
    shell.type("\x1a")
    at = shell.says(PROMPT, at)
    shell.type("stty -a; echo 'the shell' hears\n")
    end = shell.says("the shell hears", at)
    output = shell.screen[shell.screen.index("speed", at) : end]
    assert re.search(r"(?<!-)\bicanon\b", output) and re.search(r"(?<!-)\becho\b", output)
    shell.type("fg\n")
    shell.says("tests.reading_keys", end)
    shell.type("b")
    at = shell.says("<b>", end)
    shell.type("c")
    shell.says("done", at)


def test_in_the_background_the_keys_are_the_shells(shell: Terminal) -> None:
    shell.type(shlex.join(PROGRAM) + " &\n")
    at = began = shell.says("reading\n", len(shell.screen))
    for word in ("one", "two", "three"):
        shell.type(f"echo said '{word}'; jobs\n")
        at = shell.says(f"said {word}", at)
        at = shell.says("unning", at)  # reading has not stopped it
    assert "<" not in shell.screen[began:]
    shell.type("fg\n")
    at = shell.says("tests.reading_keys", at)
    shell.type("b")
    at = shell.says("<b>", at)
    shell.type("\x1a")
    at = shell.says(PROMPT, at)
    shell.type("bg; echo it 'goes on'\n")
    at = shell.says("it goes on", at)
    shell.type("jobs\n")
    at = shell.says("unning", at)
    shell.type("kill -INT %1; wait; stty -a; echo 'still' here\n")
    end = shell.says("still here", at)
    output = shell.screen[shell.screen.index("speed", at) : end]
    assert re.search(r"(?<!-)\bicanon\b", output) and re.search(r"(?<!-)\becho\b", output)


def test_a_terminal_that_closes_ends_the_keys_and_nothing_else(
    terminals: Callable[..., Terminal], tmp_path: Path
) -> None:
    output = tmp_path / "told"
    words = f"trap '' HUP; exec {shlex.join(PROGRAM)} > {shlex.quote(str(output))}"
    terminal = terminals("sh", "-c", words)
    while not (output.exists() and "reading" in output.read_text()):
        assert terminal.process.poll() is None
        time.sleep(0.02)
    terminal.hang_up()
    assert terminal.process.wait(60) == 0
    assert output.read_text() == "no keyboard\nreading\nno more keys\ndone\n"


@pytest.mark.parametrize("what", ["</dev/null", "</dev/zero", "<&-", "| cat"])
def test_what_is_no_terminal_is_no_keyboard(what: str, terminals: Callable[..., Terminal]) -> None:
    asked = (
        "from latentpad.cli import streams; from latentpad.controllers.keyboard import terminal; "
        "streams.open_missing(); print(terminal.is_terminal())"
    )
    terminal = terminals("sh", "-c", f'"$0" -c "{asked}" {what}', sys.executable)
    terminal.says("False")
