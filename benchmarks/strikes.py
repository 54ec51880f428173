"""Kills or stops a running instrument's processes, and measures how long that is felt.

Plays to a null output and holds a finger. `benchmarks.kills` makes the report, tests/test_kills.py
is the short form.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import psutil

from latentpad.benchmarks.programs import free_port
from latentpad.controllers.learning.learning import Learning
from latentpad.controllers.midi.ports import MidiPorts
from latentpad.controllers.outcomes import Outcomes
from latentpad.engine import board as b
from latentpad.engine.control.instrument import Sender
from latentpad.engine.control.session import Session
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.process_status import ProcessStatus
from latentpad.models.packs import pack as packs

FINGER = Sender("osc finger")
HOW = {signal.SIGKILL: "killed", signal.SIGSTOP: "stopped"}
ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PLAYING_S, DECODING_S, FEED_S, CONTROL_S = 3.0, 3.0, 4.0, 2.0  # time limits in seconds
GIVEN_UP_S = 60.0
AUDIBLE = 1e-3
STARTS = ("ready", "starting")


@dataclass
class StrikeResults:
    """The results of one way to end one process."""

    took: list[float] = field(default_factory=list)  # s
    late: int = 0  # after the time limit, or never
    changed: int = 0  # with another state than before
    left: int = 0  # processes left behind

    def row(self, what: str, how: str) -> str:
        median, worst = statistics.median(self.took), max(self.took)
        return (
            f"| {what} | {how} | {len(self.took)} | {median:.2f} | {worst:.2f} | {self.late} "
            f"| {self.changed} | {self.left} |"
        )


Table = dict[tuple[str, str], StrikeResults]


class StruckProcess:
    """One process of a running session, which is struck and awaited."""

    def __init__(
        self,
        what: str,
        processes: Callable[[], Mapping[str, int]],
        begin: Callable[[], Callable[[], bool]],
        most_s: float,
    ) -> None:
        """`begin` is called before a strike, and returns a function that tells whether all is
        well."""
        self.what, self.most_s = what, most_s
        self._processes, self._begin = processes, begin

    def round(
        self, dice: random.Random, number: signal.Signals, starting: bool, start_s: float
    ) -> tuple[float, bool]:
        """Strike it, and with `starting` its replacement too.

        Returns how long the last strike was felt, and whether that is within the time limit.
        """
        time.sleep(dice.uniform(0, 0.3))
        well = self._begin()
        pid = self._strike(number)
        if starting:
            _until(lambda: self._processes().get(self.what, pid) != pid)
            time.sleep(dice.uniform(0, start_s))
            well = self._begin()
            self._strike(number)
        struck = time.monotonic()
        back = _until(well)
        took = time.monotonic() - struck
        return took, back and took <= self.most_s

    def _strike(self, number: signal.Signals) -> int:
        while (pid := self._processes().get(self.what)) is None:
            time.sleep(0.001)
        os.kill(pid, number)
        return pid


class HeldInstrument:
    """An instrument with a null output and one held finger."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.said: list[str] = []
        self.session = Session(packs.load(packs.find("footsteps")), OutputSettings(null=True))
        instrument = self.session.instrument
        outcomes = Outcomes(instrument)
        self.midi = MidiPorts(instrument, Learning(instrument), outcomes, announce=self.said.append)
        self.session.start()
        self.session.wait_ready(600)
        self.session.instrument.apply("/loop/freeze", (1,), FINGER)
        begin = int(self.session.board.tape_head[0])
        self._put()
        _until(lambda: self._audible_since(begin))

    def victims(self) -> tuple[StruckProcess, StruckProcess, StruckProcess]:
        """The playing process, the decoding one, and a MIDI process."""
        feed = next(iter(self.midi.processes()))
        return (
            StruckProcess("playing", self.session.processes, self._sounds, PLAYING_S),
            StruckProcess("decoding", self.session.processes, self._decodes, DECODING_S),
            StruckProcess(feed, self.midi.processes, lambda: self._fed(feed), FEED_S),
        )

    def state(self) -> tuple[object, ...]:
        """The state, except the finger's position, which the rounds change."""
        board, values = self.session.board, dict(self.session.instrument.values())
        del values["/pad/1/xy"]
        return (*values.items(), board.held.tobytes(), int(board.voice_state[0]))

    def close(self) -> None:
        self.midi.close()
        self.session.close()

    def _put(self) -> int:
        """Move the finger; returns the number of the request for its sound."""
        point = self.dice.uniform(0.3, 0.6), self.dice.uniform(0.3, 0.8)
        self.session.instrument.apply("/pad/1/xy", point, FINGER)
        return int(self.session.board.requests[0])

    def _sounds(self) -> Callable[[], bool]:
        """A function that tells whether a sound requested now has been played."""
        board = self.session.board
        playing = self.session.processes().get("playing")
        begin = board.tape_head[0]

        def well() -> bool:
            if self.session.processes().get("playing") == playing:
                return False
            return ProcessStatus.playing(board).ready and self._audible_since(begin)

        return well

    def _audible_since(self, begin: int) -> bool:
        """Whether sound has been written to the tape behind the position `begin`."""
        board = self.session.board
        head = int(board.tape_head[0])
        fresh = board.tape[np.arange(max(begin, head - 2048), head) % len(board.tape)]
        return bool((np.abs(fresh) > AUDIBLE).any())

    def _decodes(self) -> Callable[[], bool]:
        """A function that tells whether a point set during the outage has been decoded."""
        board, before = self.session.board, self.session.processes().get("decoding")
        requests: list[int] = []

        def well() -> bool:
            if self.session.processes().get("decoding") == before:
                return False
            if not requests:
                requests.append(self._put())
            given = board.sound_request[0, board.published[0] % b.BUFFERS]
            return bool(given >= requests[0]) and ProcessStatus.decoding(board).ready

        return well

    def _fed(self, feed: str) -> Callable[[], bool]:
        before = self.midi.processes().get(feed)
        return lambda: self.midi.ready(feed) and self.midi.processes().get(feed) != before


def strike(
    stage: HeldInstrument, victim: StruckProcess, count: int, seed: int, start_s: float
) -> Table:
    """`count` strikes of each kind, half of them while the replacement starts."""
    dice, table = random.Random(seed), Table()
    strikes = [(number, k % 2 == 1) for number in HOW for k in range(count)]
    dice.shuffle(strikes)
    for number, starting in strikes:
        before = stage.state()
        took, well = victim.round(dice, number, starting, start_s)
        how = f"{HOW[number]}, {STARTS[starting]}"
        results = table.setdefault((victim.what, how), StrikeResults())
        results.took.append(took)
        results.late += not well
        results.changed += stage.state() != before
    return table


def ended(count: int, seed: int) -> Table:
    """Starts of the program whose control process is ended at a random moment."""
    dice, table = random.Random(seed), Table()
    # Signals that a shell's background job or nohup ignores are ignored in children too.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for k in range(count):
        number = ENDINGS[k % len(ENDINGS)]
        program = subprocess.Popen(
            [sys.executable, "-m", "latentpad.cli.main", "play", "--null-audio",
             "--osc-port", str(free_port())],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(dice.uniform(0.3, 5.0))
        children = psutil.Process(program.pid).children(recursive=True)
        program.send_signal(number)
        struck = time.monotonic()
        with suppress(subprocess.TimeoutExpired):
            program.wait(GIVEN_UP_S)
        program.kill()  # if that was not enough
        gone = _until(lambda children=children: not any(map(_lives, children)), 10)  # type: ignore[misc]
        results = table.setdefault(("control", f"{number.name}, starting"), StrikeResults())
        results.took.append(time.monotonic() - struck)
        results.late += results.took[-1] > CONTROL_S
        results.left += 0 if gone else sum(map(_lives, children))
        for child in filter(_lives, children):
            child.kill()
    return table


def _until(condition: Callable[[], bool], seconds: float = GIVEN_UP_S) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
