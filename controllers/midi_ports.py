"""The MIDI ports the instrument listens on, whatever is unplugged or dies meanwhile.

Each MIDI system (ALSA, JACK, CoreMIDI) is held by a process of its own, see
`controllers.midi_feed`; here one thread for each carries out what it tells, and starts it
anew when it has ended.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from controllers.learn import Bindings
from controllers.midi import Layout, MidiCounts, MidiInput
from controllers.midi_feed import LEAVE, apis
from engine.instrument import Instrument

RETRY = 1.0
"""Seconds before a feed that has ended is started again."""


class MidiPorts:
    """Opens a virtual input "latentpad" wherever that can be had, and the port that each of
    `names` means (part of its name in any case), now or as soon as it is plugged in.

    `announce` gets one line for whatever the performer should know; any thread may call it.
    """

    def __init__(
        self,
        instrument: Instrument,
        bindings: Bindings,
        names: Sequence[str] = (),
        *,
        layout: Layout = "pad",
        announce: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.counts = MidiCounts()
        self.open: set[str] = set()
        self._instrument = instrument
        self._bindings = bindings
        self._names = list(names)
        self._layout = layout
        self._announce = announce
        self._closing = threading.Event()
        self._feeds: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._follow, args=(api,), name=f"midi {api}", daemon=True)
            for api in apis()
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let everything go and end the feeds."""
        with self._lock:
            self._closing.set()
            for feed in self._feeds.values():
                assert feed.stdin is not None
                feed.stdin.close()
        for feed in self._feeds.values():
            try:
                feed.wait(LEAVE + 0.2)
            except subprocess.TimeoutExpired:
                feed.kill()
        for thread in self._threads:
            thread.join()

    def _follow(self, api: str) -> None:
        fault = 0
        while not self._closing.is_set():
            inputs: dict[str, MidiInput] = {}
            with self._lock:
                if self._closing.is_set():
                    return
                feed = self._feeds[api] = _feed(api, *self._names)
            with feed:
                assert feed.stdout is not None
                for line in feed.stdout:
                    self._hear(inputs, *json.loads(line))
            for port in list(inputs):
                self._hear(inputs, "closed", port)
            if feed.returncode not in (0, fault) and not self._closing.is_set():
                fault = feed.returncode
                self._announce(f"MIDI: {api} failed (status {fault}); it is tried again")
            self._closing.wait(RETRY)

    def _hear(
        self, inputs: dict[str, MidiInput], kind: str, what: str, data: Sequence[int] = ()
    ) -> None:
        if kind == "midi" and what in inputs:
            inputs[what].receive(list(data))
        elif kind == "opened":
            inputs[what] = MidiInput(
                self._instrument, what, self._bindings, self._layout, self.counts
            )
            self.open.add(what)
            self._announce(f"MIDI: listening to {what}")
        elif kind == "closed":
            inputs.pop(what).release()
            self.open.discard(what)
            if not self._closing.is_set():
                self._announce(f"MIDI: {what} is gone")
        elif kind == "says":
            self._announce(f"MIDI: {what}")


def ports() -> list[str]:
    """The MIDI inputs there are now, by the names that `--midi` takes."""
    feed = _feed("list")
    try:
        lines, _ = feed.communicate(timeout=5)
    except subprocess.TimeoutExpired:  # a sound server that hangs
        feed.kill()
        lines, _ = feed.communicate()
    return [json.loads(line)[1] for line in lines.splitlines()]


def _feed(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "controllers.midi_feed", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libjack and libasound talk to themselves there
        cwd=Path(__file__).parents[1],  # where the package is, installed or not
        start_new_session=True,  # Ctrl-C is for the instrument; it ends its feeds itself
    )
