"""`latentpad play` as it is reached over the network: what it prints, and that it is there."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from latentpad.controllers.osc import interfaces
from latentpad.controllers.osc.client import ask
from latentpad.controllers.osc.packet import encode
from latentpad.models.packs.pack import SHIPPED, load
from tests.playing import Playing

OPTIONS = ("--null-audio", "--http-port", "0", "--lan", "--lan-oscquery")


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    played = Playing(*OPTIONS, home=tmp_path_factory.mktemp("home"))
    try:
        played.says("ready")
        yield played
    finally:
        played.close()


def node(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        parsed: dict[str, Any] = json.load(answer)
    return parsed


def test_the_interfaces_numbers_are_printed(playing: Playing) -> None:
    line = playing.says("OSC ")
    for address in interfaces.addresses("::"):
        assert address in line
    assert f"UDP and TCP port {playing.port}" in line


def test_every_way_that_is_printed_leads_to_the_instrument(playing: Playing) -> None:
    url = re.findall(r"http://\S+/", playing.says("HTTP"))[0]
    info = node(f"{url}?HOST_INFO")
    assert info["OSC_PORT"] == playing.port
    for n, host in enumerate((*interfaces.addresses("::"), "localhost")):
        gain = -20.0 - n
        ask(encode("/gain", (gain,)), host, playing.port)
        assert node(f"{url}gain?VALUE") == {"VALUE": [gain]}
        with socket.create_connection((host, playing.port), timeout=20) as tcp:
            packet = encode("/gain", (gain - 20,))
            tcp.sendall(len(packet).to_bytes(4, "big") + packet)
            while node(f"{url}gain?VALUE") != {"VALUE": [gain - 20]}:
                time.sleep(0.01)


def test_the_tree_has_the_numbers_of_the_pack_that_plays(playing: Playing) -> None:
    url = re.findall(r"http://\S+/", playing.says("HTTP"))[0]
    pack = load(SHIPPED / "footsteps")
    anchors = node(f"{url}anchor")["CONTENTS"]
    assert set(anchors) == {"near", *(str(k) for k in range(len(pack.anchors)))}
    latents = node(f"{url}latent")
    assert latents["TYPE"] == "f" * pack.latent_dim
    assert list(latents["CONTENTS"]) == [str(k) for k in range(1, pack.latent_dim + 1)]
