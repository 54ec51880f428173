"""The lines of docs/controllers.md, run as they stand there: each steers an instrument, and what
asks for feedback gets it."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from latentpad.benchmarks.programs import free_port
from latentpad.controllers.osc.feedback import Feedback
from latentpad.controllers.osc.packet import PORT
from latentpad.controllers.osc.server import listen
from latentpad.controllers.outcomes import Outcome, Outcomes
from latentpad.engine.control.instrument import Instrument
from latentpad.presets.bank import PresetBank, install
from tests.one_pack import OnePack

pytestmark = pytest.mark.early

PAGE = (Path(__file__).parents[1] / "docs" / "controllers.md").read_text("utf-8")
RECEIVES = 9001  # where the page's programs do
PATIENCE_S = 90.0  # sclang compiles its class library first

WITHOUT_SCREEN = {"QT_QPA_PLATFORM": "offscreen", "QTWEBENGINE_DISABLE_SANDBOX": "1"}  # sclang


def code(language: str) -> str:
    """The page's blocks in a language, one after the other."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S))


def pure_data(source: str, folder: Path) -> list[str]:
    (folder / "pad.pd").write_text(source)
    options = ("-nogui", "-noaudio", "-nomidi", "-stderr")
    return ["pd", *options, "-open", str(folder / "pad.pd")]


def supercollider(source: str, folder: Path) -> list[str]:
    (folder / "pad.scd").write_text(source)
    return ["sclang", str(folder / "pad.scd")]


def javascript(source: str, folder: Path) -> list[str]:
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
    subprocess.run(["npm", "install", *options, "osc"], cwd=folder, check=True, capture_output=True)
    return ["node", "-e", source]


def python(source: str, folder: Path) -> list[str]:
    return [sys.executable, "-u", "-c", source]


@pytest.mark.parametrize(
    ("language", "command", "told"),
    [
        ("puredata", pure_data, "pad 1 xy"),
        ("supercollider", supercollider, "[ /pad/1/xy"),
        ("javascript", javascript, "/pad/1/xy"),
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
    async def play() -> None:
        outcomes = Outcomes(instrument)
        reported: list[Outcome] = []
        outcomes.watchers.append(reported.append)
        server = await listen(instrument, "127.0.0.1", 0, outcomes)
        feedback = Feedback(instrument, port=0, outcomes=outcomes)
        ports = {str(PORT): str(server.address[1]), str(RECEIVES): str(free_port())}
        source = re.sub("|".join(ports), lambda found: ports[found[0]], code(language))
        words = await asyncio.to_thread(command, source, tmp_path)
        process = await asyncio.create_subprocess_exec(
            *words, cwd=tmp_path, stdin=asyncio.subprocess.PIPE,
            env={**os.environ, **WITHOUT_SCREEN, "HOME": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            printed = await asyncio.wait_for(_until_printed(process, told), PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            server.close()
            feedback.close()
        assert told in printed
        assert ("/pad/xy", pytest.approx((0.3, 0.7))) in [(o.address, o.args) for o in reported]
        assert {o.address: o.reason for o in reported if o.reason} == {}

    install(instrument, PresetBank(user=tmp_path), OnePack("footsteps"))
    asyncio.run(play())


async def _until_printed(process: asyncio.subprocess.Process, told: str) -> str:
    """What it prints until this was among it, or until it ends."""
    assert process.stdout is not None
    printed = ""
    while told not in printed and (data := await process.stdout.read(65_536)):
        printed += data.decode("utf-8", "replace")
    return printed
