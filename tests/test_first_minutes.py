"""README's first five minutes, run from README itself by somebody who has just come."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from latentpad.controllers.osc.client import ask
from latentpad.controllers.osc.packet import encode
from latentpad.presets.bank import PresetBank
from tests.hearing import Meter
from tests.playing import ROOT, Playing

pytestmark = pytest.mark.early

HEADING = "## The first five minutes with nothing but this computer"
POINTS = ((0.3, 0.7), (0.6, 0.4), (0.5, 0.5))


def section() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert HEADING in text
    return text.partition(HEADING)[2].partition("\n## ")[0]


def blocks() -> list[list[list[str]]]:
    """The section's code: in each block the lines, each as its words."""
    result = re.findall(r"^```\n(.*?)^```", section(), re.MULTILINE | re.DOTALL)
    return [[shlex.split(line, comments=True) for line in block.splitlines()] for block in result]


def starts() -> list[tuple[list[str], list[list[str]]]]:
    """Each `make play` of the section, and what is then typed in the other terminal."""
    result: list[tuple[list[str], list[list[str]]]] = []
    for line in (line for block in blocks() for line in block if line):
        if line[0] == "make":
            result.append((line, []))
        else:
            result[-1][1].append(line)
    return result


def presets_of(pack: str, home: Path) -> list[str]:
    """The presets that the section names, of one pack."""
    named = re.findall(r"`([\w-]+)`", section())
    bank = PresetBank(user=home / "none")
    return [name for name in bank.names() if name in named and bank.load(name).pack == pack]


def played_by(make: list[str]) -> list[str]:
    """What `latentpad play` is given by that `make`."""
    # What the `make` that runs the tests was given is not given to this one.
    env = {
        name: value for name, value in os.environ.items() if "MAKE" not in name and name != "ARGS"
    }
    asked = subprocess.run(
        [*make, "--no-print-directory", "--dry-run"],
        capture_output=True, text=True, check=True, cwd=ROOT, env=env,
    )  # fmt: skip
    program, command, *words = shlex.split(asked.stdout.splitlines()[-1])
    assert (program, command) == (".venv/bin/latentpad", "play")
    return words


@pytest.fixture(scope="module", params=[0, 1], ids=["footsteps", "oneshots"])
def number(request: pytest.FixtureRequest) -> int:
    """Of the `make play`, and of the pack that it starts."""
    asked: int = request.param
    return asked


@pytest.fixture(scope="module")
def fresh(number: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Playing, Meter]]:
    """An instrument as that line starts it, for a new user."""
    make, home = starts()[number][0], tmp_path_factory.mktemp("home")
    env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    # The kernels' cache is found through the home; set-up has filled it.
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(platformdirs.user_cache_path())}
    playing = Playing(*played_by(make), "--null-audio", home=home / "data", env=env)
    try:
        playing.says("ready")
        meter = Meter(playing.port)
        yield playing, meter
        meter.close()
    finally:
        assert playing.close() == 0


def typed(line: list[str], port: int) -> subprocess.CompletedProcess[str]:
    """One line of the second terminal, of this checkout's program."""
    assert line[0] == ".venv/bin/latentpad"
    return subprocess.run(
        [sys.executable, "-m", "latentpad.cli.main", *line[1:], "--port", str(port)],
        capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
    )  # fmt: skip


def test_the_section_starts_both_packs_and_names_every_preset_of_theirs(tmp_path: Path) -> None:
    assert [played_by(make) for make, _ in starts()] == [[], ["kit"]]
    names = PresetBank(user=tmp_path / "none").names()
    listed = presets_of("footsteps", tmp_path) + presets_of("oneshots", tmp_path)
    assert sorted(listed) == sorted(names)


def test_every_line_does_what_it_says(number: int, fresh: tuple[Playing, Meter]) -> None:
    _, lines = starts()[number]
    playing, meter = fresh
    assert len(lines) > 2
    assert meter.falls_silent(0)
    for line in lines:
        at = meter.now
        done = typed(line, playing.port)
        assert (done.returncode, done.stderr) == (0, ""), (line, done.stdout)
        if line[2].endswith("/xy"):
            assert meter.sounds(at), line
        elif line[2] in ("/panic", "/pad/1/touch"):
            assert meter.falls_silent(at), line


def test_every_preset_it_names_sounds_from_moves_alone(
    number: int, fresh: tuple[Playing, Meter], tmp_path: Path
) -> None:
    playing, meter = fresh
    unheard = []
    for name in presets_of(("footsteps", "oneshots")[number], tmp_path):
        for address, args in (("/preset", [name]), ("/panic", [])):
            ask(encode(address, args), "127.0.0.1", playing.port)
        assert meter.falls_silent(meter.now)
        at = meter.now
        for point in POINTS:
            ask(encode("/pad/xy", point), "127.0.0.1", playing.port)
        if not meter.sounds(at):
            unheard.append(name)
    assert unheard == []
