"""Takes of a real instrument, and what becomes of them and of it when something goes wrong.

`LATENTPAD_DRAWS=long` ends it with every signal at every stage of its start, else each signal and
each stage has a turn.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle, product
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import settings

from latentpad.benchmarks.programs import free_port, synced
from latentpad.controllers.osc.packet import encode
from latentpad.engine.gestures import GestureRecording
from tests.playing import ROOT, Playing

pytestmark = pytest.mark.early

RATE = 48000
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
STAGES = ("preset", "OSC", "MIDI", "sound")  # what each prints first, as it starts
LONG = settings.get_current_profile_name() == "long"


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """One that outlives what goes wrong with its takes."""
    with playing(tmp_path_factory.mktemp("home")) as program:
        yield program


@pytest.fixture
def takes(lasting: Playing) -> Iterator[Path]:
    """Its folder of takes, which is not there yet."""
    yield lasting.folder / "takes"
    (lasting.folder / "takes").rename(lasting.folder / f"takes before {len(lasting.lines)}")


@contextlib.contextmanager
def playing(home: Path, *words: str) -> Iterator[Playing]:
    """An instrument that plays on time to no one, with `home` as its folder, already touched."""
    program = Playing("--null-audio", *words, home=home, folder=home)
    try:
        program.says("ready")
        program.send("/pad/xy", "ff", 0.45, 0.85)
        yield program
    finally:
        program.close()


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def seconds(path: Path) -> float:
    """Of sound in the file as it is."""
    try:
        return len(soundfile.read(path)[0]) / RATE
    except (OSError, soundfile.SoundFileError):  # not there yet
        return 0.0


def addresses(path: Path) -> list[str]:
    return [address for _, address, _ in GestureRecording(path)]


def plays(program: Playing) -> bool:
    """Whether it hears and answers."""
    return "/gain" in synced(program.port)


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_a_kill_leaves_all_but_the_last_second(tmp_path: Path, ending: str) -> None:
    sound, gestures = tmp_path / f"take.{ending}", tmp_path / "take.jsonl"
    words = ("--record", str(sound), "--record-gestures", str(gestures))
    with playing(tmp_path, *words) as program:
        until(lambda: seconds(sound) > 2)
        program.send("/pitch", "f", 7)
        until(lambda: addresses(gestures)[-1] == "/pitch")
        process = psutil.Process(program.process.pid)
        process.suspend()  # the tape goes on without being written down
        there = seconds(sound)
        process.kill()
        program.process.wait()
    assert seconds(sound) >= there > 2
    assert np.abs(soundfile.read(sound)[0]).max() > 0.01
    assert addresses(gestures)[-3:] == ["/pad/xy", "/pad/1/touch", "/pitch"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("number", SIGNALS)
def test_told_to_end_it_fades_out_and_closes_the_take(tmp_path: Path, number: int) -> None:
    sound, gestures = tmp_path / "take.wav", tmp_path / "take.jsonl"
    words = ("--record", str(sound), "--record-gestures", str(gestures))
    with playing(tmp_path, *words) as program:
        until(lambda: seconds(sound) > 1)
        program.process.send_signal(number)
        program.process.send_signal(number)
        assert program.ended(30) == 0
        assert "ended" in program.says(f"take   {sound}", after=program.lines.index("ready"))
    assert not [line for line in program.lines if "Traceback" in line]
    result = np.abs(soundfile.read(sound)[0])
    assert result[-64:].max() < 0.01 < result.max()
    assert result[-10:].max() < 0.02 * result.max()
    assert "/pad/xy" in addresses(gestures)


def test_every_take_of_a_second_has_files_of_its_own_name(lasting: Playing, takes: Path) -> None:
    begun = len(lasting.lines)
    for value in (1, 0, 1, 0, 1, 0):
        lasting.send("/record", "i", value)
    until(lambda: sum("ended" in line for line in lasting.lines[begun:]) == 3)
    names = sorted(path.name for path in takes.iterdir())
    sounds = [name for name in names if name.endswith(".wav")]
    assert len(sounds) == 3
    assert sorted([*sounds, *(name[:-4] + ".jsonl" for name in sounds)]) == names


def test_a_file_that_is_there_is_left_and_the_take_gets_a_number(tmp_path: Path) -> None:
    sound, gestures = tmp_path / "mine.wav", tmp_path / "mine.jsonl"
    gestures.write_text("of yesterday")
    with playing(tmp_path, "--record", str(sound), "--record-gestures", str(gestures)) as program:
        assert "mine (2).wav" in program.says("take")
    assert gestures.read_text() == "of yesterday" and not sound.exists()
    assert seconds(tmp_path / "mine (2).wav") > 0
    assert addresses(tmp_path / "mine (2).jsonl")


def test_gestures_keep_their_place_in_a_sound_that_was_interrupted(tmp_path: Path) -> None:
    sound, gestures = tmp_path / "take.wav", tmp_path / "take.jsonl"
    words = ("--record", str(sound), "--record-gestures", str(gestures))
    with playing(tmp_path, *words) as program:
        until(lambda: seconds(sound) > 1)
        for child in psutil.Process(program.process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        before = seconds(sound)
        until(lambda: seconds(sound) > before + 0.5)
        os.killpg(program.process.pid, signal.SIGSTOP)
        time.sleep(2)
        os.killpg(program.process.pid, signal.SIGCONT)
        program.send("/pitch", "f", 7)
        until(lambda: addresses(gestures)[-1] == "/pitch")
    assert (
        before < GestureRecording(gestures).seconds <= seconds(sound) + 1e-6
    )  # told to the microsecond


def test_a_full_disk_ends_the_take_and_not_the_instrument(lasting: Playing, takes: Path) -> None:
    program, begun = lasting, len(lasting.lines)

    def said(what: str) -> int:
        return sum(what in line for line in program.lines[begun:])

    unlimited = resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, (500_000, unlimited[1]))
    try:
        program.send("/record", "i", 1)
        until(lambda: said("ended") == 1)
        first = program.says("take   takes/take", after=len(program.lines) - 1)
        assert "too large" in first and ".wav" in first and ".jsonl" in first
        assert plays(program)
        program.send("/record", "i", 1)
        until(lambda: said("begins") == 2)
        second = program.folder / program.lines[-1].split(",")[0].removeprefix("take   ")
        until(lambda: seconds(second) > 0)
        program.send("/record", "i", 0)
        until(lambda: said("ended") == 2)
        assert not said("Traceback")
    finally:
        resource.prlimit(program.process.pid, resource.RLIMIT_FSIZE, unlimited)
    for path in takes.iterdir():
        assert seconds(path) > 0 if path.suffix == ".wav" else addresses(path)


def test_a_folder_that_cannot_be_made_is_told_and_the_instrument_goes_on(
    lasting: Playing, takes: Path
) -> None:
    takes.touch()
    begun = len(lasting.lines)
    for _ in range(3):
        lasting.send("/record", "i", 1)
    assert "no take: " in lasting.says("refused /record 1", after=begun)
    assert "File exists" in lasting.says("refused /record 1", after=begun)
    assert plays(lasting)
    assert sum("/record" in line for line in lasting.lines[begun:]) == 1
    assert not any(line.startswith("take") for line in lasting.lines[begun:])


def test_the_sound_goes_on_when_nobody_reads_what_is_printed(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "latentpad.cli.main", "play", "--null-audio",
         "--osc-port", str(port), "--record", str(tmp_path / "take.wav")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        until(lambda: seconds(tmp_path / "take.wav") > 1, 90)
        assert "/gain" in synced(port)
        process.terminate()
        assert process.stderr.read() == ""
        assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("line", "number"),
    list(product(STAGES, SIGNALS) if LONG else zip(STAGES, cycle(SIGNALS), strict=False)),
)
def test_told_to_end_while_it_starts_it_leaves_nothing(
    tmp_path: Path, line: str, number: int
) -> None:
    program = Playing(
        *("--null-audio", "--record", str(tmp_path / "take.wav")), home=tmp_path, folder=tmp_path
    )
    try:
        program.says(line)
        children = psutil.Process(program.process.pid).children(recursive=True)
        program.process.send_signal(number)
        program.process.send_signal(number)
        assert program.ended(30) == 0
        _, left = psutil.wait_procs(children, timeout=10)
        assert not left
    finally:
        program.close()
    assert not (tmp_path / "take.wav").exists()
    assert not any("Traceback" in line or "ended" in line for line in program.lines)


def test_a_flood_of_saves_and_takes_makes_few_files_and_it_still_ends(tmp_path: Path) -> None:
    with playing(tmp_path) as program:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pad:
            for k in range(300):
                for address, args in (("/preset/save", (f"name{k}",)), ("/record", (k % 2,))):
                    pad.sendto(encode(address, args), ("127.0.0.1", program.port))
                    time.sleep(0.005)
        program.says("refused /preset/save")
        program.process.terminate()
        assert program.ended(30) == 0
    assert len(list((tmp_path / "latentpad" / "presets").iterdir())) < 250
    assert len(list((tmp_path / "takes").iterdir())) < 60
