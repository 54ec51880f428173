"""The choice of an output device, and the formats in which it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from latentpad.engine.play.devices import DeviceError, StreamFormat, find, stream_formats

DEVICES: list[dict[str, Any]] = [
    {"name": "Built-in Microphone", "max_output_channels": 0},
    {"name": "Built-in Output", "max_output_channels": 2},
    {"name": "Scarlett 2i2", "max_output_channels": 2},
    {"name": "Scarlett 18i20", "max_output_channels": 20},
]


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    import sounddevice as sd

    listed = [dict(device) for device in DEVICES]
    monkeypatch.setattr(sd, "query_devices", lambda: listed)
    monkeypatch.setattr(sd.default, "device", (0, 2))
    yield listed


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


def card(channels: int = 2, rate: float = 48000.0) -> dict[str, Any]:
    return {"max_output_channels": channels, "default_samplerate": rate}


def test_a_device_is_tried_at_the_models_rate_and_then_at_its_own() -> None:
    assert [
        stream_format.rate for stream_format in stream_formats(card(rate=44100.0), 48000, None, 128)
    ][::4] == [
        48000,
        44100,
    ]


def test_an_asked_for_rate_is_the_only_one_that_is_tried() -> None:
    assert {stream_format.rate for stream_format in stream_formats(card(), 48000, 96000, 128)} == {
        96000
    }


@pytest.mark.parametrize(
    ("channels", "tried"), [(1, [1]), (2, [2, 1]), (8, [2, 8, 1]), (64, [2, 64, 1])]
)
def test_two_channels_are_tried_first_and_then_all_that_there_are(
    channels: int, tried: list[int]
) -> None:
    channels_tried = [
        stream_format.channels for stream_format in stream_formats(card(channels), 48000, None, 128)
    ]
    assert list(dict.fromkeys(channels_tried)) == tried


def test_a_block_that_is_refused_leaves_the_choice_to_the_host() -> None:
    assert stream_formats(card(1), 48000, None, 128) == [
        StreamFormat(48000, 1, 128),
        StreamFormat(48000, 1, 0),
    ]
    assert stream_formats(card(1), 48000, None, 0) == [StreamFormat(48000, 1, 0)]
