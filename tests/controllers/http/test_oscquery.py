"""OSCQuery over real sockets, with aiohttp's client."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from latentpad.controllers.osc.packet import Message, decode, encode
from latentpad.engine.control.command_table import RECEIVED
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.parameters import FINGERS, TABLE
from tests.controllers.reached import Reached, until

Socket = aiohttp.ClientWebSocketResponse


@pytest.fixture
def reached(instrument: Instrument) -> Iterator[Reached]:
    with Reached(instrument) as reached:
        yield reached


def get(url: str, **headers: str) -> tuple[int, str, str]:
    """The status, the type and the text of an answer."""

    async def ask() -> tuple[int, str, str]:
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            return answer.status, answer.content_type, await answer.text()

    return asyncio.run(ask())


def node(url: str) -> dict[str, Any]:
    status, kind, text = get(url)
    assert (status, kind) == (200, "application/json"), text
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def with_socket(reached: Reached, play: Callable[[Socket], Awaitable[None]]) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(reached.url) as socket:
            await play(socket)

    asyncio.run(run())


async def next_message(socket: Socket, address: str) -> Message:
    async with asyncio.timeout(10):
        while True:
            (message,) = decode(await socket.receive_bytes()).messages
            if message.address == address:
                return message


def nodes(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield root
    for below in root.get("CONTENTS", {}).values():
        yield from nodes(below)


def test_the_host_tells_where_osc_listens_and_what_it_can(reached: Reached) -> None:
    info = node(f"{reached.url}/?HOST_INFO")
    assert info["NAME"] == "Latentpad"
    assert (info["OSC_PORT"], info["OSC_TRANSPORT"]) == (reached.port, "UDP")
    assert info["WS_PORT"] == reached.http.port
    assert info["EXTENSIONS"]["LISTEN"] is True and info["EXTENSIONS"]["RANGE"] is True


def test_every_node_is_where_its_path_says(reached: Reached) -> None:
    root = node(f"{reached.url}/")
    assert root["FULL_PATH"] == "/"
    for parent in nodes(root):
        for name, child in parent.get("CONTENTS", {}).items():
            assert child["FULL_PATH"] == f"{parent['FULL_PATH'].rstrip('/')}/{name}"


def test_the_tree_says_of_every_parameter_what_the_table_says(reached: Reached) -> None:
    tree = {each["FULL_PATH"]: each for each in nodes(node(f"{reached.url}/"))}
    for row in TABLE:
        for n in range(1, FINGERS + 1 if row.per_finger else 2):
            found = tree[row.address.format(n=n)]
            assert found["ACCESS"] == 3 and found["DESCRIPTION"] == row.help
            assert len(found["VALUE"]) == len(found["TYPE"]) == row.size
            if row.kind == "choice":
                assert found["TYPE"] == "s" and found["RANGE"] == [{"VALS": list(row.choices)}]
                assert found["VALUE"][0] in row.choices
            elif row.kind in ("float", "int"):
                assert found["TYPE"] == row.size * row.kind[0]
                ends = {"MIN": row.low, "MAX": row.high}
                finite = {name: end for name, end in ends.items() if math.isfinite(end)}
                assert found["RANGE"] == [finite] * row.size
            elif row.kind == "switch":
                assert found["TYPE"] == ("T" if found["VALUE"][0] else "F")


def test_every_command_is_in_the_tree(reached: Reached) -> None:
    tree = {each["FULL_PATH"]: each for each in nodes(node(f"{reached.url}/"))}
    for command in RECEIVED:
        for form in command.addresses():
            assert "*" in form or tree[form]["ACCESS"] & 2
    written = [each for each in tree.values() if each["ACCESS"] & 2]
    assert all(each["TYPE"] for each in written)


def test_a_node_comes_with_what_is_below_it_alone(reached: Reached) -> None:
    found = node(f"{reached.url}/pad/3")
    assert found["FULL_PATH"] == "/pad/3"
    assert {"xy", "x", "y", "touch"} <= set(found["CONTENTS"])
    assert found["CONTENTS"]["xy"]["TYPE"] == "ff"


def test_one_attribute_comes_alone_with_the_present_value(reached: Reached) -> None:
    reached.set("/mode", "shot")
    assert node(f"{reached.url}/mode?VALUE") == {"VALUE": ["shot"]}
    assert node(f"{reached.url}/gain?TYPE") == {"TYPE": "f"}


@pytest.mark.parametrize(
    "path, status",
    [("/no/such", 404), ("/gain?NONSENSE", 400), ("/panic?VALUE", 204), ("/panic?RANGE", 204)],
)
def test_what_is_not_there_has_the_status_that_says_so(
    reached: Reached, path: str, status: int
) -> None:
    assert get(reached.url + path)[0] == status


def test_the_root_is_oscquery_for_programs(reached: Reached) -> None:
    for accept in ("*/*", "application/json"):
        assert get(f"{reached.url}/", Accept=accept)[1] == "application/json"


def test_a_client_that_listens_gets_the_value_and_its_changes(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/loop/speed"})
        assert await next_message(socket, "/loop/speed") == Message("/loop/speed", (1.0,))
        reached.set("/loop/speed", -2.0)
        assert await next_message(socket, "/loop/speed") == Message("/loop/speed", (-2.0,))
        reached.set("/gain", -20.0)  # nobody listens to it
        reached.set("/loop/speed", 0.5)
        message = decode(await socket.receive_bytes()).messages[0]
        assert message == Message("/loop/speed", (0.5,))

    with_socket(reached, play)


def test_values_come_in_the_types_that_the_node_names(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/guard"})
        assert await next_message(socket, "/guard") == Message("/guard", (True,))
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/mode"})
        assert await next_message(socket, "/mode") == Message("/mode", ("loop",))

    with_socket(reached, play)


def test_a_client_that_ignores_gets_no_more(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        for address in ("/gain", "/texture"):
            await socket.send_json({"COMMAND": "LISTEN", "DATA": address})
            await next_message(socket, address)
        await socket.send_json({"COMMAND": "IGNORE", "DATA": "/gain"})
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/focus"})
        await next_message(socket, "/focus")  # by now the other was carried out
        reached.set("/gain", -33.0)
        reached.set("/texture", 0.25)
        message = decode(await socket.receive_bytes()).messages[0]
        assert message == Message("/texture", (0.25,))

    with_socket(reached, play)


def test_listening_to_a_container_is_listening_to_all_below_it(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/loop"})
        heard: set[str] = set()
        async with asyncio.timeout(10):
            while not {"/loop/start", "/loop/end", "/loop/speed"} <= heard:
                heard |= {m.address for m in decode(await socket.receive_bytes()).messages}
        assert all(address.startswith("/loop/") for address in heard)

    with_socket(reached, play)


def test_osc_packets_over_the_socket_steer_and_are_not_sent_back(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/gain"})
        await next_message(socket, "/gain")
        await socket.send_bytes(encode("/gain", (-13.0,)))
        await asyncio.to_thread(until, lambda: reached.value("/gain") == (-13.0,))
        reached.set("/gain", -9.0)
        assert await next_message(socket, "/gain") == Message("/gain", (-9.0,))

    with_socket(reached, play)


def test_a_client_that_closes_with_a_finger_down_leaves_no_sound(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_bytes(encode("/pad/4/touch", (1,)))
        await asyncio.to_thread(until, lambda: reached.instrument.down(4))

    with_socket(reached, play)
    until(lambda: not reached.instrument.down(4), seconds=1)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"COMMAND": "LISTEN"}', '{"COMMAND": 3, "DATA": 4}', "[" * 5000],
)
def test_nonsense_over_the_socket_is_reported_and_harms_nothing(
    reached: Reached, text: str
) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_str(text)
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/gain"})
        await next_message(socket, "/gain")

    with_socket(reached, play)
    assert len(reached.outcomes) == 1


def test_listening_to_what_is_not_there_is_reported(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/no/such"})
        await asyncio.to_thread(until, lambda: reached.outcomes)

    with_socket(reached, play)
    assert reached.outcomes[0].address == "/no/such"


def test_another_pack_tells_listeners_that_the_tree_has_changed(reached: Reached) -> None:
    async def play(socket: Socket) -> None:
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/gain"})
        await next_message(socket, "/gain")
        for name in ("one", "another"):
            reached.feedback.publish("/pack", (name,))
            await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            assert await socket.receive_json() == {"COMMAND": "PATH_CHANGED", "DATA": "/"}

    with_socket(reached, play)
