"""Outputs that need no device: the clock that takes hops, and the choice of a device by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine import stream
from engine.stream import DeviceError, NullOutput, Settings, find

HOP = 128
DEVICES: list[dict[str, Any]] = [
    {"name": "Built-in Microphone", "max_output_channels": 0},
    {"name": "Built-in Output", "max_output_channels": 2},
    {"name": "Scarlett 2i2", "max_output_channels": 2},
    {"name": "Scarlett 18i20", "max_output_channels": 20},
]


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stream, "time", clock)
    return clock


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    import sounddevice as sd

    listed = [dict(device) for device in DEVICES]
    monkeypatch.setattr(sd, "query_devices", lambda: listed)
    monkeypatch.setattr(sd.default, "device", (0, 2))
    yield listed


def taken(output: NullOutput) -> int:
    """Hops it takes before it has had enough."""
    hops = 0
    while output.room(HOP):
        output.write(np.zeros((HOP, 2), np.float32))
        hops += 1
    return hops


def test_the_null_output_takes_its_ring_and_then_a_hop_when_one_has_been_played(
    clock: Clock,
) -> None:
    output = NullOutput(Settings(block=128, ring=3), 48000)
    assert taken(output) == 3
    clock.now += 0.9 * HOP / 48000
    assert taken(output) == 0
    clock.now += 0.2 * HOP / 48000
    assert taken(output) == 1


def test_the_null_output_keeps_the_rate_whatever_the_steps_of_the_clock(clock: Clock) -> None:
    output = NullOutput(Settings(), 44100)
    rng = np.random.default_rng(0)
    hops = taken(output)
    for step in rng.uniform(0, 0.02, 500):
        clock.now += step
        hops += taken(output)
    assert hops * HOP == pytest.approx((clock.now - 100) * 44100, abs=2 * HOP + 256)


def test_after_a_machine_slept_the_null_output_does_not_run_after_lost_time(clock: Clock) -> None:
    output = NullOutput(Settings(), 48000)
    taken(output)
    clock.now += 3600
    assert taken(output) <= 2
    clock.now += 0.1
    assert taken(output) == pytest.approx(0.1 * 48000 / HOP, abs=1)


def test_the_null_output_says_what_it_is(clock: Clock) -> None:
    output = NullOutput(Settings(block=64, ring=4), 44100)
    assert (output.rate, output.block, output.length.blocks) == (44100, 64, 4)
    assert output.starved == 0 and 0 < output.pause() < HOP / 44100
    output.close()


@pytest.mark.parametrize(
    ("name", "index"),
    [(None, 2), ("built-in output", 1), ("2i2", 2), ("SCARLETT 18", 3), ("3", 3)],
)
def test_a_device_is_found_by_name_by_part_of_it_and_by_number(
    devices: list[dict[str, Any]], name: str | None, index: int
) -> None:
    assert find(name) == index


def test_a_whole_name_wins_over_a_part_of_another(devices: list[dict[str, Any]]) -> None:
    devices.append({"name": "Scarlett", "max_output_channels": 2})
    assert find("Scarlett") == 4


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Scarlett", "is several devices"),
        ("Focusrite", "is no output device"),
        ("Microphone", "is no output device"),
        ("0", "is no output device"),
    ],
)
def test_an_unclear_name_is_refused_with_what_there_is(
    devices: list[dict[str, Any]], name: str, what: str
) -> None:
    with pytest.raises(DeviceError, match=what) as error:
        find(name)
    assert "1 Built-in Output, 2 Scarlett 2i2, 3 Scarlett 18i20" in str(error.value)
    assert "\n" not in str(error.value)


def test_no_device_at_all_is_said(
    devices: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sounddevice as sd

    devices.clear()
    monkeypatch.setattr(sd.default, "device", (-1, -1))
    with pytest.raises(DeviceError, match="no audio output device"):
        find(None)
    with pytest.raises(DeviceError, match="none at all"):
        find("anything")


def test_without_a_default_the_first_output_is_taken(
    devices: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sounddevice as sd

    monkeypatch.setattr(sd.default, "device", (-1, -1))
    assert find(None) == 1


class Card:
    """A device that plays at some rates only."""

    class PortAudioError(Exception):
        pass

    def __init__(self, *rates: int) -> None:
        self.rates = rates

    def check_output_settings(self, **settings: Any) -> None:
        if settings["samplerate"] not in self.rates:
            raise self.PortAudioError("Invalid sample rate")


def test_the_rate_is_the_performers_else_the_models_else_the_devices() -> None:
    card = Card(44100, 48000, 96000)
    assert stream._rate(card, 0, Settings(sample_rate=96000), 48000, 44100) == 96000
    assert stream._rate(card, 0, Settings(), 48000, 44100) == 48000
    assert stream._rate(Card(44100), 0, Settings(), 48000, 44100) == 44100
    with pytest.raises(DeviceError, match="does not play at 96000 Hz; its own rate is 44100"):
        stream._rate(Card(44100, 48000), 0, Settings(sample_rate=96000), 48000, 44100)
