"""Another pack while the engine plays, with its processes and no device."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from latentpad.benchmarks.takes import Likeness
from latentpad.cli.render import render_file
from latentpad.controllers.recording import TakeRecorder
from latentpad.engine import board as b
from latentpad.engine import tape
from latentpad.engine.arguments import Argument
from latentpad.engine.control.instrument import Sender
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Representation
from tests.engine.stage import pitch, rms_db
from tests.tone_packs import bin_hz, tone_pack

HAND = Sender("osc 10.0.0.5", 5000)
PATIENCE_S = 60.0
FIRST = Representation(sample_rate=48_000, n_fft=1024, hop=256, frames=188)
OTHERS = {
    "same": (700.0, FIRST, 3),
    "slower": (800.0, Representation(44_100, 2048, 512, "gauss", 80), 16),
    "telephone": (900.0, Representation(16_000, 256, 64, "hann", 150), 1),
    "faster": (1000.0, Representation(96_000, 4096, 1024, "gauss", 90), 5),
    "short": (1100.0, Representation(48_000, 512, 128, "blackman", 24), 64),
}
HZ = {"first": 500.0, **{name: hz for name, (hz, *_) in OTHERS.items()}}


@dataclass
class Playing:
    """A session whose finger 1 holds a loop, and its packs by name."""

    session: Session
    packs: dict[str, Pack]
    refused: list[str] = field(default_factory=list)

    def send(self, address: str, *args: Argument) -> None:
        self.session.instrument.apply(address, args, HAND)

    def request(self, name: str) -> None:
        pack = PlayedPack.of(self.packs[name])
        self.session.packs.request(pack, lambda left_out: None, self.refused.append)

    @property
    def played(self) -> str:
        return self.session.pack.name

    @property
    def late_windows(self) -> float:
        return float(self.session.board.player[b.LATE_WINDOWS])

    def heard(self, seconds: float) -> NDArray[np.float32]:
        """(samples,) the last seconds."""
        board = self.session.board
        end = int(board.tape_head[0])
        parts, start = [], end - round(seconds * FIRST.sample_rate)
        while start < end:
            part = tape.read(board, start, end)
            assert part is not None
            parts.append(part)
            start += len(part)
        return np.concatenate(parts)[:, 0]

    def sounds_like(self, name: str) -> bool:
        r = self.packs[name].representation
        heard = self.heard(0.25)
        close = 0.6 * FIRST.sample_rate / FIRST.n_fft
        return rms_db(heard) > -60 and abs(pitch(heard, 48_000) - bin_hz(HZ[name], r)) < close

    def until_heard(self, name: str) -> None:
        until(lambda: self.played == name and self.sounds_like(name), f"{name} is not heard")


def until(true: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    folder = tmp_path_factory.mktemp("packs")
    made = {name: tone_pack(folder / name, *how) for name, how in OTHERS.items()}
    return {"first": tone_pack(folder / "first", HZ["first"], FIRST, 4), **made}


@pytest.fixture(scope="module")
def session(packs: dict[str, Pack]) -> Iterator[Session]:
    session = Session(packs["first"], OutputSettings(null=True))
    session.start()
    session.wait_ready(PATIENCE_S)
    session.instrument.apply("/note/timeout", (0,), HAND)
    session.instrument.apply("/pad/1/touch", (1,), HAND)
    yield session
    session.close()


@pytest.fixture
def playing(session: Session, packs: dict[str, Pack]) -> Playing:
    """It plays its first pack."""
    playing = Playing(session, packs)
    playing.request("first")
    playing.until_heard("first")
    return playing


@pytest.mark.parametrize("name", OTHERS)
def test_the_old_sound_goes_on_until_the_new_one_is_heard_and_back(
    playing: Playing, name: str
) -> None:
    processes = playing.session.processes()
    for wanted in (name, "first"):
        began, late = time.monotonic(), playing.late_windows
        playing.request(wanted)
        playing.until_heard(wanted)
        print(f"{wanted}: heard, as a quarter of a second, after {time.monotonic() - began:.2f} s")
        heard = playing.heard(min(time.monotonic() - began, 2.5))
        parts = heard[: len(heard) // 480 * 480].reshape(-1, 480)
        levels = [rms_db(part) for part in parts]
        holes = [10 * k for k, level in enumerate(levels) if level < np.median(levels) - 12]
        # On a loaded machine any sound may be decoded too late; that is counted.
        assert not holes or playing.late_windows > late, f"silent at {holes} ms"
    assert playing.session.processes() == processes


def test_the_newest_request_wins(playing: Playing) -> None:
    for name in ("slower", "same", "telephone", "faster"):
        playing.request(name)
    playing.until_heard("faster")
    time.sleep(0.5)
    assert playing.sounds_like("faster") and not playing.refused


def test_who_asks_for_the_present_pack_meanwhile_keeps_it(playing: Playing) -> None:
    playing.request("slower")
    playing.request("first")
    time.sleep(1.0)
    assert playing.played == "first" and playing.sounds_like("first")


def test_a_pack_whose_decoder_is_damaged_is_refused_and_the_old_one_plays_on(
    playing: Playing, tmp_path: Path
) -> None:
    broken = tone_pack(tmp_path / "broken", 600, FIRST)
    broken.decoder_path.write_bytes(broken.decoder_path.read_bytes()[:1000])
    playing.packs = {**playing.packs, "broken": broken}
    playing.request("broken")
    until(lambda: playing.refused, "nothing was refused")
    (reason,) = playing.refused
    assert "broken" in reason and "\n" not in reason
    assert playing.played == "first" and playing.sounds_like("first")
    playing.request("slower")
    playing.until_heard("slower")


def test_voices_that_are_started_and_released_around_the_change_are_right(
    playing: Playing,
) -> None:
    for n in range(2, 6):
        playing.send(f"/pad/{n}/touch", 1)
    playing.request("telephone")
    for n in range(2, 4):
        playing.send(f"/pad/{n}/touch", 0)
    playing.send("/pad/7/touch", 1)
    playing.until_heard("telephone")
    held = playing.session.board.held != 0
    assert held.sum() == 4
    states = playing.session.board.voice_state
    until(lambda: (states[held] == b.SOUNDING).all(), "a held voice does not sound")
    for n in (4, 5, 7):
        playing.send(f"/pad/{n}/touch", 0)
    until(lambda: (states == b.SOUNDING).sum() == 1, "a released voice sounds")


@pytest.mark.parametrize("seed", range(4))
def test_processes_that_are_killed_during_a_change_come_back_with_the_right_pack(
    playing: Playing, seed: int
) -> None:
    rng = random.Random(seed)
    names = [*OTHERS, "first"]
    for _ in range(3):
        wanted = rng.choice(names)
        playing.request(wanted)
        time.sleep(rng.uniform(0, 0.3))
        processes = playing.session.processes()
        victim = rng.choice(sorted(processes))
        os.kill(processes[victim], signal.SIGKILL)
        playing.until_heard(wanted)
        until(lambda: playing.session.ready, "a process is missing")
    assert not playing.refused
    playing.until_heard(wanted)


@pytest.mark.parametrize("name", ["same", "slower", "telephone"])
def test_a_take_in_which_the_pack_changes_is_rendered_to_what_was_heard(
    playing: Playing, name: str, tmp_path: Path
) -> None:
    sound, lines, out = (tmp_path / n for n in ("take.wav", "take.jsonl", "again.wav"))
    takes = TakeRecorder(playing.session, "walk", lambda line: None)
    playing.send("/pad/1/touch", 0)  # the phases of a sound that is held are in no take
    take = takes.begin(sound, lines)
    playing.send("/pad/1/touch", 1)
    for wanted in (name, "first"):
        time.sleep(0.5)
        playing.request(wanted)
        playing.until_heard(wanted)
    take.close()
    packs_named = [line for line in lines.read_text().splitlines() if '"/pack"' in line]
    assert len(packs_named) == 2 and name in packs_named[0]
    said: list[str] = []
    render_file(lines, out, said.append)
    assert not [line for line in said if line.startswith("not carried out")]
    like = Likeness.of(sound, out)
    assert like.heard == like.rendered and abs(like.lag) < 2, like
    assert like.correlation > 0.98, like


def test_a_take_that_begins_with_another_pack_has_the_instruments_rate(
    playing: Playing, tmp_path: Path
) -> None:
    playing.request("telephone")
    playing.until_heard("telephone")
    sound, lines, out = (tmp_path / n for n in ("take.wav", "take.jsonl", "again.wav"))
    take = TakeRecorder(playing.session, "walk", lambda line: None).begin(sound, lines)
    time.sleep(0.5)
    take.close()
    render_file(lines, out, lambda line: None)
    assert soundfile.info(sound).samplerate == soundfile.info(out).samplerate == 48_000
    assert abs(soundfile.info(sound).frames - soundfile.info(out).frames) < 2
