from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from typing import Any

import pytest

from latentpad.controllers import layouts
from latentpad.controllers.layouts import open_stage_control
from latentpad.engine.parameters import FINGERS, GLOBAL
from tests.controllers.layouts import shown

# A widget's script as the program runs it: it has `value` or `event`, and `locals` that last.
RUN = """
const locals = {}, sent = []
const send = (address, ...args) => sent.push([address, ...args])
const run = new Function('value', 'event', 'locals', 'send', process.argv[1])
for (const {value, event} of JSON.parse(process.argv[2])) run(value, event, locals, send)
console.log(JSON.stringify(sent))
"""


def session() -> str:
    return open_stage_control.session(shown.of_preset())


def sends(script: str, calls: list[dict[str, Any]]) -> list[list[Any]]:
    """What a script sends when it is called like this, one call after the other."""
    code = files(layouts).joinpath(script).read_text("utf-8")
    made = subprocess.run(
        ["node", "-e", RUN, code, json.dumps(calls)], capture_output=True, text=True, check=True
    )
    sent: list[list[Any]] = json.loads(made.stdout)
    return sent


def test_it_is_a_session_whose_widgets_all_have_their_own_id() -> None:
    read = json.loads(session())
    assert (read["type"], read["content"]["type"]) == ("session", "root")
    ids = [widget["id"] for widget in shown.widgets(session())]
    assert len(ids) == len(set(ids))


def test_every_row_of_the_table_is_there() -> None:
    there = {widget.get("address") for widget in shown.widgets(session())}
    for row in GLOBAL:
        if row.kind != "axis":
            assert (row.address in there) != (f"/n{row.address}" in there), row.address


def test_a_choice_sends_its_names_and_shows_the_one_that_holds() -> None:
    (mode,) = (w for w in shown.widgets(session()) if w.get("address") == "/mode")
    assert (mode["values"], mode["default"]) == (["loop", "shot", "original"], "loop")


@pytest.mark.parametrize(
    ("address", "place"), [("/meter/peak", 0), ("/meter/peak", 1), ("/anchor/near", 2)]
)
def test_what_shows_one_of_several_arguments_reads_it_and_sends_nothing(
    address: str, place: int
) -> None:
    value = f"#{{[].concat(OSC{{{address}}})[{place}]}}"
    (shows,) = (widget for widget in shown.widgets(session()) if widget.get("value") == value)
    assert shows["type"] == "text" or shows["bypass"]


def test_the_pad_sends_only_the_points_that_have_moved() -> None:
    still = [0.5] * 2 * FINGERS
    moved = [0.5, 0.5, 0.25, 0.75, *still[4:]]
    first, *sent = sends("points.js", [{"value": still}, {"value": moved}, {"value": moved}])[9:]
    assert first == ["/pad/10/xy", 0.5, 0.5]
    assert sent == [["/pad/2/xy", 0.25, 0.75]]


def test_the_pad_sends_the_touches_of_its_points() -> None:
    calls = [{"event": {"type": kind, "handle": 2}} for kind in ("start", "stop")]
    assert sends("touch.js", calls) == [["/pad/3/touch", 1], ["/pad/3/touch", 0]]
