"""The notes of one port: keys, pedals, bends and pressures, on single channels and in MPE zones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from latentpad.controllers.midi.change import FINE, Change
from latentpad.controllers.midi.channel import Channel
from latentpad.controllers.midi.keys import PEDAL_DOWN
from latentpad.controllers.midi.zones import MASTER_RANGE, MEMBER_RANGE, Zones
from latentpad.engine.arguments import Argument

Command = tuple[int, str, tuple[Argument, ...]]
"""The channel whose notes it concerns, an address and its arguments."""

SUSTAIN, SOSTENUTO, SLIDE = 64, 66, 74
RESET, NOTES_OFF = 121, range(123, 128)  # the mode messages after 123 release notes as well
BEND_RANGE, MPE_CONFIGURATION = 0, 6  # registered parameters
SWELL_DB = 12.0  # of the full pressure of a channel or key
PAD_SEMITONES = 48.0  # of bend that lead an MPE note across the whole pad


class PortNotes:
    """Turns what concerns notes into commands. One thread at a time.

    `point` gives finger 1's point, where notes begin.
    """

    def __init__(self, zones: Zones, point: Callable[[], tuple[float, float]]) -> None:
        self._zones = zones
        self._point = point
        self._channels = {channel: Channel() for channel in range(1, 17)}
        for channel in zones.members(1):
            self._channels[channel].bend_range = MEMBER_RANGE

    def is_member(self, channel: int) -> bool:
        """Whether the channel's controls shape its own notes, as those of an MPE member do."""
        return self._zones.master_of(channel) is not None

    def holds(self, channel: int, key: int) -> bool:
        """Whether a note is held, by its key or by a pedal."""
        return key in self._channels[channel].keys

    def read(self, change: Change) -> list[Command] | None:
        """The commands of a change; None if it is none of the notes'."""
        channel = change.channel
        match change.kind, change.number:
            case "note", key:
                return [*self._note(channel, key, change.value)]
            case "bend", _:
                middle = (FINE + 1) // 2
                offset = change.value - middle
                self._channels[channel].bend = offset / (middle if offset < 0 else middle - 1)
                return [*self._bent(channel)]
            case "pressure", _:
                self._channels[channel].pressure = change.position
                return [*self._pressed(channel)]
            case "key pressure", key:
                self._channels[channel].key_pressures[key] = change.position
                return [*self._pressed(channel, key)]
            case "rpn", _:
                return self._parameter(change)
            case "cc", number:
                return self._control(channel, number, change)
            case "stop", _:
                return self.let_go(range(1, 17))
        return None

    def let_go(self, channels: Iterable[int]) -> list[Command]:
        """Release all notes of these channels, whatever the pedals do."""
        return [
            (channel, "/note", (key, 0))
            for channel in channels
            for key in self._channels[channel].keys.clear()
        ]

    def forget(self) -> None:
        """The device has gone: its keys and pedals are up."""
        for channel, state in self._channels.items():
            self._channels[channel] = Channel(bend_range=state.bend_range)

    def _control(self, channel: int, number: int, change: Change) -> list[Command] | None:
        if number == SUSTAIN:
            return [*self._sustain(channel, change.value >= PEDAL_DOWN)]
        if number == SOSTENUTO:
            return [*self._sostenuto(channel, change.value >= PEDAL_DOWN)]
        if number == SLIDE and self.is_member(channel):
            self._channels[channel].slide = change.position
            return [*self._moved(channel)]
        if number == RESET:
            return [*self._reset(channel)]
        if number in NOTES_OFF:
            return self.let_go(self._reached_by(channel))
        return None

    # -- keys and pedals ---------------------------------------------------------------------

    def _note(self, channel: int, key: int, velocity: int) -> Iterator[Command]:
        state = self._channels[channel]
        state.key_pressures.pop(key, None)
        if not velocity:
            released = state.keys.lift(key, sustained=self._sustained(channel))
            yield from self._released(channel, released)
            return
        state.keys.press(key)
        yield channel, "/note", (key, velocity)
        if self.is_member(channel):
            state.begins[key] = self._point()
            yield from self._moved(channel, key)
            if state.pressure:
                yield channel, f"/note/{key}/pressure", (state.pressure,)
        if semitones := self._semitones(channel):
            yield channel, f"/note/{key}/bend", (semitones,)
        if level := self._swell_db(channel, key):
            yield channel, f"/note/{key}/level", (level,)

    def _sustain(self, channel: int, down: bool) -> Iterator[Command]:
        state = self._channels[channel]
        state.sustains = down
        released = state.keys.sustain(down, sustained=self._sustained(channel))
        yield from self._released(channel, released)
        for member in () if down else self._zones.members(channel):
            yield from self._released(member, self._channels[member].keys.end_sustain())

    def _sostenuto(self, channel: int, down: bool) -> Iterator[Command]:
        for each in self._reached_by(channel):
            keys = self._channels[each].keys
            yield from self._released(each, keys.hold(down, sustained=self._sustained(each)))

    def _sustained(self, channel: int) -> bool:
        """Whether the pedal of a member's zone is down."""
        master = self._zones.master_of(channel)
        return master is not None and self._channels[master].sustains

    def _released(self, channel: int, keys: Iterable[int]) -> Iterator[Command]:
        for key in keys:
            self._channels[channel].begins.pop(key, None)
            yield channel, "/note", (key, 0)

    def _reset(self, channel: int) -> Iterator[Command]:
        state = self._channels[channel]
        state.reset()
        yield from self._sustain(channel, False)
        yield from self._sostenuto(channel, False)
        yield from self._bent(channel)
        yield from self._pressed(channel)

    # -- what shapes notes -------------------------------------------------------------------

    def _bent(self, channel: int) -> Iterator[Command]:
        if self.is_member(channel):
            yield from self._moved(channel)
            return
        for each in self._reached_by(channel):
            for key in self._channels[each].keys:
                yield each, f"/note/{key}/bend", (self._semitones(each),)

    def _moved(self, channel: int, only: int | None = None) -> Iterator[Command]:
        """The points of a member's notes."""
        state = self._channels[channel]
        for key in state.keys:
            if only in (None, key):
                x, y = state.begins.get(key) or self._point()
                x += state.semitones / PAD_SEMITONES
                y = y if state.slide is None else state.slide
                yield channel, f"/note/{key}/xy", (min(max(x, 0.0), 1.0), y)

    def _pressed(self, channel: int, only: int | None = None) -> Iterator[Command]:
        state = self._channels[channel]
        if self.is_member(channel):
            for key in state.keys:
                if only in (None, key):
                    pressure = state.pressure if only is None else state.key_pressures[key]
                    yield channel, f"/note/{key}/pressure", (pressure,)
            return
        for each in self._reached_by(channel):
            for key in self._channels[each].keys:
                if only is None or (only, channel) == (key, each):
                    yield each, f"/note/{key}/level", (self._swell_db(each, key),)

    def _semitones(self, channel: int) -> float:
        """How far the notes of a channel are bent: those of a member by its master."""
        return self._channels[self._zones.master_of(channel) or channel].semitones

    def _swell_db(self, channel: int, key: int) -> float:
        """What pressure adds to a note: that of a member is its level instead."""
        state = self._channels[self._zones.master_of(channel) or channel]
        by_key = 0.0 if self.is_member(channel) else state.key_pressures.get(key, 0.0)
        return SWELL_DB * max(state.pressure, by_key)

    def _reached_by(self, channel: int) -> list[int]:
        """The channels whose notes a channel's messages reach: a master's its members', too."""
        return [channel, *self._zones.members(channel)]

    # -- registered parameters ---------------------------------------------------------------

    def _parameter(self, change: Change) -> list[Command] | None:
        channel = change.channel
        fine = change.top == FINE
        coarse = change.value // 128 if fine else change.value
        if change.number == BEND_RANGE:
            semitones = coarse + (change.value % 128) / 100 if fine else float(coarse)
            master = self._zones.master_of(channel)
            for each in [channel] if master is None else self._zones.members(master):
                self._channels[each].bend_range = semitones
            return [*self._bent(channel)]
        if change.number == MPE_CONFIGURATION:
            concerned = self._zones.configure(channel, coarse)
            commands = self.let_go(sorted(concerned))
            for each in concerned:
                reach = MEMBER_RANGE if self.is_member(each) else MASTER_RANGE
                self._channels[each] = Channel(bend_range=reach)
            return commands
        return None
