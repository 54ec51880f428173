"""A replay plays what the take has, is heard as the take renders, and its own take renders to what
was heard."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.benchmarks import takes
from latentpad.benchmarks.replays import CHANGES, Likeness, Player, Replayed, heard
from latentpad.benchmarks.takes import HAND, Studio, studio
from latentpad.engine.gestures import GestureRecording
from latentpad.models.packs.pack import SHIPPED
from tests.alone import alone
from tests.playing import Playing
from tests.test_takes import rendered

pytestmark = pytest.mark.listens

# Levels of thirds of an octave over 50 ms, medians. Two replays of one take differ by some 1 dB,
# where no noise is heard, since each decodes anew and takes up its sounds some hops sooner or
# later; a take played backwards is over 10 dB away.
NEAR_DB, FAR_DB = 3.0, 8.0
STALL = 6  # hops: a command so late says that the machine stood still
TRIES = 8


@pytest.fixture(scope="module")
def playing() -> Iterator[Studio]:
    with studio(SHIPPED / "footsteps") as playing:
        yield playing


@pytest.fixture(scope="module")
def player(playing: Studio) -> Player:
    return Player(playing)


def unstalled(player: Player, lines: Path, folder: Path) -> Replayed:
    """A replay during which the machine did not stand still."""
    for k in range(TRIES):
        with alone():
            replayed = player.replay(lines, folder, f"replay {k}")
        if np.abs(replayed.lateness).max() < STALL:
            break
    return replayed


@pytest.mark.parametrize("preset", ["shots", "drone"])
def test_a_replay_sounds_as_its_take_renders_and_renders_as_it_sounded(
    playing: Studio, player: Player, tmp_path: Path, preset: str
) -> None:
    _, lines = playing.take(preset, tmp_path, CHANGES["no noise"])
    replayed = unstalled(player, lines, tmp_path)
    assert np.abs(replayed.lateness).max() < STALL
    (tmp_path / "made").mkdir()
    sound, rate = soundfile.read(rendered(lines, tmp_path / "made" / "take.wav"))
    near = Likeness.of(heard(replayed), sound, rate)
    assert max(near) < NEAR_DB, near
    assert min(Likeness.of(heard(replayed), sound[::-1], rate)) > FAR_DB
    own = takes.Likeness.of(
        replayed.sound, rendered(replayed.lines, tmp_path / "made" / "replay.wav")
    )
    assert own.correlation > 0.999, own


def test_a_performer_plays_over_a_replay_and_keeps_what_is_held(
    playing: Studio, player: Player, tmp_path: Path
) -> None:
    _, lines = playing.take("walk", tmp_path)
    instrument = playing.session.instrument

    def play_over() -> None:
        time.sleep(0.3)
        instrument.apply("/pad/5/touch", (1,), HAND)
        instrument.apply("/morph", (2.5,), HAND)

    instrument.apply("/panic", (), HAND)
    replayed = player.replay(lines, tmp_path, "replayed", play_over, check=False)
    try:
        assert instrument.down(5) and not instrument.down(1) and not instrument.down(2)
        assert instrument.value("/morph") == (2.5,)
        by = {message.by for message in GestureRecording(replayed.lines)}
        assert {HAND.group, "replay"} <= by
    finally:
        instrument.apply("/pad/5/touch", (0,), HAND)


def test_the_program_replays_what_it_is_given_and_what_it_has_recorded(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"preset": "drone"}\n{"t": 0, "address": "/pad/xy", "args": [0.5, 0.5]}\n'
        '{"t": 0.3, "address": "/no/such", "args": [1]}\n'
        '{"t": 0.5, "address": "/pad/xy", "args": [0.6, 0.5]}\n'
    )
    program = Playing("--null-audio", "--replay", str(path), home=tmp_path, folder=tmp_path)
    try:
        program.says("replay mine begins")
        assert program.says("preset drone")
        program.says("refused /no/such 1 from replay")
        program.says("replay mine ended")
        program.send("/record", "i", 1)
        program.says("take   takes/take")
        program.send("/pad/xy", "ff", 0.2, 0.3)
        time.sleep(0.2)
        program.send("/record", "i", 0)
        program.send("/take/loop", "i", 1)
        program.send("/take/play", "i", 0)  # a button that is released
        program.send("/take/play")
        name = program.says("replay take").removeprefix("replay ").removesuffix(" begins")
        assert (tmp_path / "takes" / f"{name}.jsonl").is_file()
        time.sleep(1.0)  # some rounds
        assert f"replay {name} ended" not in program.lines
        program.send("/take/stop")
        program.says(f"replay {name} ended")
        program.send("/take/play", "s", "nothing")
        assert "the newest are take" in program.says("refused /take/play 'nothing'")
        program.send("/take/play", "s", "../mine")
        assert "--replay" in program.says("refused /take/play '../mine'")
        program.send("/take/play", "s", name.upper())
        program.says(f"replay {name} begins", after=program.lines.index(f"replay {name} ended"))
        program.send("/take/loop", "i", 0)
        (tmp_path / "takes" / "other.jsonl").write_text(
            '{"preset": "kit", "pack": "oneshots"}\n'
            '{"t": 0, "address": "/pad/xy", "args": [0, 1]}\n'
        )
        program.send("/take/play", "s", "other")
        program.says("pack   oneshots")
        program.says("replay other ended")
    finally:
        assert program.close() == 0
    assert not [line for line in program.lines if "Traceback" in line or "fault" in line]
