"""The output on real JACK servers that are not at 48 kHz in blocks of 128 on two channels."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from latentpad.benchmarks.jack_server import JackServer
from latentpad.benchmarks.programs import synced
from tests.alone import alone
from tests.playing import Playing

pytestmark = pytest.mark.listens

CAPTURE = (
    "import os, sys, time, numpy; from latentpad.benchmarks.jack_server import Ear; e = Ear(10); "
    "e.listen(); time.sleep(float(sys.argv[1])); numpy.save(sys.argv[2], e.heard); os._exit(0)"
)


TRIES = 3  # a server that the machine stalls plays silence


def captured(server: JackServer, seconds: float, file: Path) -> NDArray[np.float32]:
    """What the first port plays, by a process of its own: libjack does not survive its server."""
    subprocess.run(
        [sys.executable, "-c", CAPTURE, str(seconds), str(file)],
        env=server.environment(), check=True,
    )  # fmt: skip
    heard: NDArray[np.float32] = np.load(file)
    return heard


@pytest.mark.parametrize(
    ("rate", "period", "outputs", "voices"),
    [(44_100, 128, 2, 8), (48_000, 1024, 2, 8), (96_000, 64, 8, 1), (22_050, 256, 1, 1)],
)
def test_whatever_the_server_takes_and_when_the_sound_is_whole(
    rate: int, period: int, outputs: int, voices: int, tmp_path: Path
) -> None:
    server = JackServer(f"latentpad-{rate}-{period}", period, rate, outputs)
    with ExitStack() as ending:
        ending.callback(server.stop)
        with alone():  # from its start on: what a device takes at a time is measured then
            program = Playing("--device", "system", home=tmp_path, env=server.environment())
            ending.callback(program.close)
            program.says("ready")
            for n in range(1, voices + 1):
                program.send(f"/pad/{n}/xy", "ff", n / 9, 0.6)
                program.send(f"/pad/{n}/touch", "i", 1)
            time.sleep(1.0)
            for _ in range(TRIES):
                before = synced(program.port, 0.3)["/meter/faults"][0]
                heard = captured(server, 3.0, tmp_path / "heard.npy")
                starved = synced(program.port, 0.3)["/meter/faults"][0] - before
                sounding = heard[np.abs(heard).argmax() :]
                if starved <= 3 and np.mean(sounding == 0) < 0.05:
                    break
        assert f"{rate} Hz, blocks of {period}" in program.says("sound  ")
        reported = re.search(r"\+ ([\d.]+) ms ring", program.says("latency"))
        assert reported is not None
        assert 0.0013 <= float(reported[1]) / 1000 < period / rate + 0.05
        large = [line for line in program.lines if "whatever --block says" in line]
        assert bool(large) == (period > 128)
        assert np.abs(sounding).max() > 0.002
        assert starved <= 3, "on a busy machine one or two may be"
        assert np.mean(sounding == 0) < 0.05
        assert not [line for line in program.lines if "stopped" in line or "replaced" in line]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[JackServer, Playing]]:
    """A server of 48 kHz in blocks of 128, and an instrument that sounds there."""
    server = JackServer("latentpad-usual")
    home = tmp_path_factory.mktemp("home")
    program = Playing("--device", "system", home=home, env=server.environment())
    try:
        program.says("ready")
        program.send("/pad/xy", "ff", 0.3, 0.7)
        yield server, program
    finally:
        program.close()
        server.stop()


def test_a_server_that_is_kept_waiting_is_not_taken_for_lost(
    usual: tuple[JackServer, Playing], tmp_path: Path
) -> None:
    server, program = usual
    try:
        time.sleep(0.5)
        server.pause()
        program.says("sound  system stands still", 20)
        time.sleep(2.0)
    finally:
        server.go_on()
    heard = captured(server, 2.0, tmp_path / "heard.npy")
    assert np.abs(heard[-48_000:]).max() > 0.002
    assert not [line for line in program.lines if "stopped" in line or "replaced" in line]


def test_a_server_that_turns_to_another_period_is_followed(
    usual: tuple[JackServer, Playing], tmp_path: Path
) -> None:
    server, program = usual
    for period in (1024, 64):
        said = len(program.lines)
        subprocess.run(["jack_bufsize", str(period)], env=server.environment(), check=True)
        program.says(f"sound  system, 48000 Hz, blocks of {period}", 10, after=said)
    with alone():
        time.sleep(1.0)
        before = synced(program.port, 0.3)["/meter/faults"][0]
        heard = captured(server, 3.0, tmp_path / "heard.npy")
        starved = synced(program.port, 0.3)["/meter/faults"][0] - before
    assert starved <= 4
    sounding = heard[np.abs(heard).argmax() :]
    assert np.abs(sounding).max() > 0.002
    assert np.mean(sounding == 0) < 0.05
    assert not [line for line in program.lines if "stopped" in line or "replaced" in line]
