"""Similarity of a replay to the rendering of its take: `python -m latentpad.benchmarks.replays`.

A real engine without a device plays, is recorded, and then replays the take, twice, while it is
recorded again. What is compared:

- the hop of each command in the replay with that in the take, as both have recorded it;
- the sound of the replay with the rendering of the take. A replay decodes anew, so a sound is taken
  up some hops sooner or later than in the take, the phases that follow are others, and so is the
  noise of textures: two replays of one take are not the same samples either. What is the same are
  the levels of the bands over the time that a decode may be late. So bands of a third of an octave
  are compared, over 50 ms. Two replays compared with each other say what can be reached.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from latentpad.benchmarks import takes
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.takes import HAND, Studio, rendered, studio
from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.recording import TakeRecorder
from latentpad.controllers.replay import TakePlayer
from latentpad.engine.arguments import Argument
from latentpad.engine.control.pack_command import PackCommand
from latentpad.engine.gestures import END, GestureRecording
from latentpad.engine.tape import hop_of
from latentpad.models.packs.pack import SHIPPED
from latentpad.presets.bank import PresetBank

Sound = NDArray[np.float64]
Commands = Sequence[tuple[str, tuple[Argument, ...]]]

LONG_S = 300.0
MOVES_HZ = 30
PRESETS = {"footsteps": ("walk", "drone", "shots"), "oneshots": ("kit",)}
CHANGES: dict[str, Commands] = {
    "its own": (),
    "no noise": (*takes.AT_ONCE, ("/texture", (0,)), ("/texture/learned", (0,))),
}
WINDOW_S = 0.05
LOWEST_HZ, HIGHEST_HZ = 50.0, 16_000.0
DEEP_DB = 40.0  # below the loudest band: bands softer than that are not compared
WAIT_S = 30.0  # the longest wait for the end of a replay, after its length


class Replayed(NamedTuple):
    """A recorded replay."""

    sound: Path
    lines: Path
    begins: int  # frame of `sound` at which the take begins
    lateness: NDArray[np.int64]  # of each command against the take, hops


class Player:
    """Replays takes on a studio's instrument, and records them."""

    def __init__(self, playing: Studio) -> None:
        session = playing.session
        self._playing, self._board = playing, session.board
        self._said: list[str] = []
        outcomes, bank = Outcomes(session.instrument), PresetBank()
        self._takes = TakeRecorder(session, "walk", lambda line: None)
        packs = PackCommand(
            session.packs, self._said.append, lambda *message: None, outcomes.refuse
        )
        self._player = TakePlayer(
            outcomes, bank, packs, self._takes, lambda *message: None, self._said.append
        )

    def replay(
        self,
        lines: Path,
        folder: Path,
        name: str,
        meanwhile: Callable[[], None] = lambda: None,
        *,
        check: bool = True,
    ) -> Replayed:
        """Replay a take from silence, and record it to `folder`. Without `check`, other commands
        may come between its own."""
        self._playing.session.instrument.apply("/panic", (), HAND)
        self._playing.rest()
        sound, gestures = folder / f"{name}.wav", folder / f"{name}.jsonl"
        take = self._takes.begin(sound, gestures)
        time.sleep(0.1)
        begun = len(self._said)
        self._player.play(lines)
        meanwhile()
        end = time.monotonic() + GestureRecording(lines).seconds + WAIT_S
        while not any("ended" in said for said in self._said[begun:]):
            if time.monotonic() > end:
                raise TimeoutError(f"the replay of {lines} does not end: {self._said}")
            time.sleep(0.02)
        time.sleep(0.3)
        take.close()
        if not check:
            return Replayed(sound, gestures, 0, np.zeros(0, np.int64))
        begins, late = lateness(lines, gestures, self._board.shape.sample_rate, hop_of(self._board))
        return Replayed(sound, gestures, begins, late)


def commands(lines: Path) -> list[tuple[float, str, list[Argument]]]:
    return [(m.t, m.address, m.args) for m in GestureRecording(lines)]


def lateness(take: Path, replay: Path, rate: int, hop: int) -> tuple[int, NDArray[np.int64]]:
    """The frame of the replay at which the take begins, and how many hops later each command
    comes."""
    wanted = commands(take)
    entries = [json.loads(line) for line in replay.read_text().splitlines()[1:]]
    heard = [
        (e["t"], e["address"], e["args"])
        for e in entries
        if e.get("by", "").startswith("replay") or (e.get("from") == 0 and e["t"] > 0)
    ]
    heard = heard[: len(wanted)]  # and then what is released
    assert [h[1:] for h in heard] == [w[1:] for w in wanted], "other commands than the take's"
    delays = np.array([h[0] - w[0] for h, w in zip(heard, wanted, strict=True)])
    begins = float(np.median(delays[[w[0] > 0 for w in wanted]]))
    return round(begins * rate), np.round((delays - begins) * rate / hop).astype(np.int64)


def bands(sound: Sound, rate: int) -> Sound:
    """(windows, bands) levels in dB, of thirds of an octave over `WINDOW_S`."""
    size = round(WINDOW_S * rate)
    mono = sound.mean(axis=1)[: len(sound) // size * size].reshape(-1, size)
    power = np.abs(np.fft.rfft(mono * np.hanning(size), axis=1)) ** 2
    count = int(3 * np.log2(HIGHEST_HZ / LOWEST_HZ)) + 1
    edges = LOWEST_HZ * 2 ** (np.arange(count + 1) / 3)
    bins = np.searchsorted(np.fft.rfftfreq(size, 1 / rate), edges)
    sums = [power[:, a : max(b, a + 1)].sum(axis=1) for a, b in pairwise(bins)]
    return 10 * np.log10(np.maximum(np.stack(sums, axis=1), 1e-12))


class Likeness(NamedTuple):
    """How near two sounds are: medians of the differences, dB."""

    bands: float  # of the levels of all bands that are heard in one of them
    level: float  # of the levels of the windows

    @classmethod
    def of(cls, one: Sound, other: Sound, rate: int) -> Likeness:
        length = min(len(one), len(other))
        pair = bands(one[:length], rate), bands(other[:length], rate)
        levels = [10 * np.log10((10 ** (each / 10)).sum(axis=1)) for each in pair]
        return cls(_apart(*pair), _apart(*levels))


def _apart(one: Sound, other: Sound) -> float:
    """The median difference of what is no more than `DEEP_DB` below the loudest."""
    either = np.maximum(one, other)
    return float(np.median(np.abs(one - other)[either > either.max() - DEEP_DB]))


def heard(replayed: Replayed) -> Sound:
    """The sound of the replay from the take's beginning on."""
    sound, _ = soundfile.read(replayed.sound)
    return np.asarray(sound[replayed.begins :])


def take_of(seconds: float, path: Path) -> Path:
    """A recording of so long: a finger that moves thirty times a second, and a note each second."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({"preset": "walk", "touches": True}) + "\n")

        def write(t: float, address: str, *args: float) -> None:
            file.write(json.dumps({"t": round(t, 6), "address": address, "args": args}) + "\n")

        write(0.0, "/pad/1/touch", 1)
        for k in range(1, round(seconds * MOVES_HZ)):
            t = k / MOVES_HZ
            write(t, "/pad/1/xy", *rng.uniform(size=2).round(4).tolist())
            if k % MOVES_HZ == 0:
                write(t, "/note", 60, 100 if k % (2 * MOVES_HZ) else 0)
        write(seconds, END)
    return path


def main(seconds: float) -> None:
    print(f"# Replays, on {machine()}\n")
    print(f"Printed by `python -m latentpad.benchmarks.replays {seconds:g}`: 2.6 s of some factory")
    print("presets, played, replayed twice, and rendered. All recorded while they sounded.\n")
    print(
        "| preset | | commands | latest | to the rendering | of two replays | to the reverse |",
        end="",
    )
    print(" own rendering |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as temporary:
        for pack, presets in PRESETS.items():
            folder = Path(temporary) / pack
            folder.mkdir()
            with studio(SHIPPED / pack) as playing:
                player = Player(playing)
                for preset, (label, after) in product(presets, CHANGES.items()):
                    line(playing, player, preset, label, after, folder)
                if pack == "footsteps":
                    long = player.replay(
                        take_of(seconds, folder / "long.jsonl"), folder, "replayed"
                    )
    tenth = max(len(long.lateness) // 10, 1)
    print(f"\n{seconds:g} s, {len(long.lateness)} commands: ", end="")
    print(f"{(long.lateness == 0).mean():.1%} in the hop of the take, ", end="")
    print(f"{(np.abs(long.lateness) <= 1).mean():.1%} within one, ", end="")
    print(f"the latest {long.lateness.max()} hops after. ", end="")
    first, last = long.lateness[:tenth], long.lateness[-tenth:]
    print(f"Drift, the last tenth against the first: {np.median(last) - np.median(first):g} hops.")


def line(
    playing: Studio, player: Player, preset: str, label: str, after: Commands, folder: Path
) -> None:
    """One line of the table."""
    made_in = folder / "rendered"
    made_in.mkdir(exist_ok=True)
    _, lines = playing.take(preset, folder, after)
    one, other = (player.replay(lines, folder, f"{preset} {label} {k}") for k in (1, 2))
    (take,), (own,) = (rendered(each, 1, made_in) for each in (lines, one.lines))
    sound, rate = soundfile.read(take)
    others = (sound, heard(other), sound[::-1])
    near = [Likeness.of(heard(one), each, rate) for each in others]
    print(f"| {preset} | {label} | {len(one.lateness)} | {one.lateness.max()} hops |", end="")
    print("".join(f" {like.bands:.1f} dB, {like.level:.1f} dB |" for like in near), end="")
    print(f" {takes.Likeness.of(one.sound, own).correlation:.6f} |", flush=True)
    for path in (lines, lines.with_suffix(".wav")):
        path.unlink()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else LONG_S)
