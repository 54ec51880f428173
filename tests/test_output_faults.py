"""Outputs that do not answer, do not play or keep no time: what is done meanwhile."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from latentpad.benchmarks.jack_server import JackServer
from latentpad.benchmarks.programs import synced
from tests.playing import Playing

pytestmark = pytest.mark.early


def test_a_server_that_does_not_answer_holds_up_no_one_who_asks_for_a_device(
    tmp_path: Path,
) -> None:
    server = JackServer("latentpad-silent")
    server.pause()
    program = Playing("--device", "system", home=tmp_path, env=server.environment())
    try:
        listed = subprocess.run(
            [sys.executable, "-m", "latentpad.cli.main", "devices"],
            env=server.environment(), capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        assert "no answer from the sound system" in listed.stdout
        program.says("sound  no answer from the sound system")
        server.go_on()
        program.says("sound  system, 48000 Hz")
        program.says("ready")
    finally:
        server.go_on()
        program.close()
        server.stop()


def test_a_device_that_is_asked_for_again_and_again_keeps_nothing_of_it(tmp_path: Path) -> None:
    """It does not play at the rate that is asked for; another day it may."""
    server = JackServer("latentpad-refusing")
    asked = ("--device", "system", "--sample-rate", "44100")
    program = Playing(*asked, home=tmp_path, env=server.environment())
    try:
        program.says("ready")
        refused = program.says("no sound device: system does not play at 44100 Hz")
        assert "its own rate is 48000" in refused
        before = _threads(program)
        time.sleep(8.0)
        assert _threads(program) <= before + 3, "as many as one try has"
    finally:
        program.close()
        server.stop()


def test_as_many_blocks_are_kept_ready_as_are_asked_for(tmp_path: Path) -> None:
    server = JackServer("latentpad-asking", 1024)
    asked = ("--device", "system", "--block", "1024", "--ring", "16")
    program = Playing(*asked, home=tmp_path, env=server.environment())
    try:
        told = re.search(r"ring \((\d+) frames", program.says("latency"))
        assert told is not None
        assert 16 * 1024 <= int(told[1]) <= 17 * 1024
    finally:
        program.close()
        server.stop()


def test_a_device_that_keeps_no_time_is_left_and_the_sound_goes_on(tmp_path: Path) -> None:
    """ALSA's null device takes whatever it is given at once."""
    (tmp_path / ".asoundrc").write_text(
        'pcm.timeless { type null hint { show on description "timeless" } }\n'
    )
    program = Playing("--device", "timeless", home=tmp_path, env=_environment(tmp_path))
    try:
        program.says("sound  timeless keeps no time")
        program.says("sound  null output")
        program.says("ready")
        program.send("/pad/xy", "ff", 0.3, 0.7)
        time.sleep(1.0)
        assert max(synced(program.port, 0.5)["/meter/peak"]) > 0
    finally:
        program.close()


def _threads(program: Playing) -> int:
    """Of all its processes: each client of JACK has one."""
    return sum(child.num_threads() for child in psutil.Process(program.process.pid).children())


def _environment(home: Path) -> dict[str, str]:
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    return {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": cache}
