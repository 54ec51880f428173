"""The lines of docs/controllers.md, run as they stand there: each steers an instrument, and what
asks for feedback gets it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from latentpad.controllers.osc.packet import PORT
from latentpad.engine.control.instrument import Instrument
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import install
from tests.controllers.reached import Reached, free_for_all, until
from tests.controllers.test_clients import MODULES, STARTS_S, needs, running
from tests.one_pack import OnePack

PAGE = (Path(__file__).parents[1] / "docs" / "controllers.md").read_text("utf-8")
RECEIVES = 9001  # where the page's programs do
ENVIRONMENT = {
    "NODE_PATH": MODULES,
    "QT_QPA_PLATFORM": "offscreen",
    "QTWEBENGINE_DISABLE_SANDBOX": "1",
}


def code(language: str) -> str:
    """The page's blocks in a language, one after the other."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S))


def pure_data(source: str, folder: Path) -> list[str]:
    (folder / "pad.pd").write_text(source)
    return ["pd", "-nogui", "-noaudio", "-nomidi", "-open", str(folder / "pad.pd")]


def supercollider(source: str, folder: Path) -> list[str]:
    (folder / "pad.scd").write_text(source)
    return ["sclang", str(folder / "pad.scd")]


def javascript(source: str, folder: Path) -> list[str]:
    return ["node", "-e", source]


def python(source: str, folder: Path) -> list[str]:
    return [sys.executable, "-u", "-c", source]


@pytest.mark.parametrize(
    ("language", "command", "told"),
    [
        pytest.param("puredata", pure_data, "pad 1 xy", marks=needs("pd")),
        pytest.param("supercollider", supercollider, "[ /pad/1/xy", marks=needs("sclang")),
        pytest.param("javascript", javascript, "/pad/1/xy", marks=needs("node")),
        ("python", python, "/pad/1/xy"),
    ],
)
def test_the_lines_of_a_program_play_and_are_answered(
    instrument: Instrument,
    tmp_path: Path,
    language: str,
    command: Callable[[str, Path], list[str]],
    told: str,
) -> None:
    install(instrument, PresetBank(user=tmp_path), OnePack("footsteps"))
    with Reached(instrument) as reached:
        ports = {str(PORT): str(reached.port), str(RECEIVES): str(free_for_all())}
        source = re.sub("|".join(ports), lambda found: ports[found[0]], code(language))
        with running(command(source, tmp_path), **ENVIRONMENT) as lines:
            until(lambda: any(told in line for line in lines), str(lines), STARTS_S)
            until(lambda: reached.value("/pad/1/xy") == pytest.approx((0.3, 0.7)), str(lines))
        assert not reached.outcomes
