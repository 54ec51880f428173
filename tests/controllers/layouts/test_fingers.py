"""The script of the pad, as TouchOSC runs it: on the uppermost XY, in Lua 5.1."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime

from latentpad.controllers import layouts
from latentpad.engine.parameters import FINGERS

SCRIPT = files(layouts).joinpath("fingers.lua").read_text("utf-8")
WIDTH, HEIGHT = 400, 200
BEGIN, ACTIVE, MOVE, END = range(1, 5)


@dataclass
class Pad:
    """What the script sees of TouchOSC. `sent` is what it sends; a point is sent when a script
    sets a value, as any other change of it."""

    sent: list[tuple[Any, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lua = LuaRuntime(unpack_returned_tuples=True)
        globals_ = self.lua.globals()
        globals_.sendOSC = lambda address, value: self.sent.append((address, value))
        globals_.moved = self._moved
        self.lua.execute(f"""
            PointerState = {{BEGIN = {BEGIN}, ACTIVE = {ACTIVE}, MOVE = {MOVE}, END = {END}}}
            CursorDisplay = {{ALWAYS = 0, ACTIVE = 1}}
            local children = {{}}
            for n = {FINGERS}, 1, -1 do
              local point = {{x = 0, y = 0}}
              local child = {{values = setmetatable({{}}, {{
                __index = point,
                __newindex = function(_, key, value)
                  point[key] = value
                  moved(n, point.x, point.y)
                end}})}}
              children[#children + 1] = child
              children['finger' .. n] = child
            end
            self = {{frame = {{w = {WIDTH}, h = {HEIGHT}}}, parent = {{children = children}}}}
        """)
        self.lua.execute(SCRIPT)

    def cursor(self, n: int) -> int | None:
        """How the cursor of an XY is shown; None as the file has it."""
        shown: int | None = self.lua.globals().self.parent.children[f"finger{n}"].cursorDisplay
        return shown

    def _moved(self, n: int, x: float, y: float) -> None:
        self.sent.append((f"/pad/{n}/xy", round(x, 3), round(y, 3)))

    def point(self, ID: int, state: int, x: float = 0, y: float = 0) -> list[tuple[Any, ...]]:
        """One pointer in one frame: what is sent."""
        self.sent.clear()
        pointer = self.lua.table(ID=ID, state=state, x=x, y=y)
        self.lua.globals().onPointer(self.lua.table(pointer))
        return list(self.sent)


def test_one_finger_is_left_to_touchosc() -> None:
    pad = Pad()
    for state in (BEGIN, MOVE, ACTIVE, END, BEGIN, END):
        assert pad.point(7, state, 30, 40) == []


def test_a_second_finger_plays_the_next_xy_until_it_is_lifted() -> None:
    pad = Pad()
    pad.point(7, BEGIN)
    assert pad.point(9, BEGIN, 100, 50)[-2:] == [("/pad/2/xy", 0.25, 0.75), ("/pad/2/touch", 1)]
    assert pad.point(9, MOVE, 200, 50)[-1] == ("/pad/2/xy", 0.5, 0.75)
    assert pad.point(9, MOVE, 999, -5)[-1] == ("/pad/2/xy", 1.0, 1.0)
    assert pad.cursor(2) == 0
    assert pad.point(9, END, 200, 50) == [("/pad/2/touch", 0)]
    assert pad.cursor(2) == 1
    assert pad.point(7, END) == []


def test_a_first_finger_that_is_lifted_before_the_second_is_released_at_once() -> None:
    pad = Pad()
    pad.point(1, BEGIN)
    pad.point(2, BEGIN)
    assert pad.point(1, END) == [("/pad/1/touch", 0)]
    assert pad.point(3, BEGIN)[-1] == ("/pad/3/touch", 1), "the first XY follows the second finger"


def test_an_eleventh_finger_plays_nothing() -> None:
    pad = Pad()
    for n in range(1, FINGERS + 1):
        pad.point(n, BEGIN)
    assert pad.point(11, BEGIN) == pad.point(11, MOVE) == pad.point(11, END) == []


@given(st.lists(st.integers(1, 12), max_size=40))
def test_no_two_fingers_share_an_xy_and_none_is_left_touched(pointers: list[int]) -> None:
    """Each number puts that finger down, or lifts it if it is down."""
    pad = Pad()
    down: set[int] = set()
    touched: set[str] = set()

    def change(pointer: int) -> None:
        sent = pad.point(pointer, END if pointer in down else BEGIN)
        down.symmetric_difference_update({pointer})
        for address, *args in sent:
            if address.endswith("/touch") and args[0]:
                assert address not in touched
                touched.add(address)
            elif address.endswith("/touch"):
                touched.discard(address)
        assert len(touched) <= len(down)

    for pointer in pointers:
        change(pointer)
    for pointer in sorted(down):
        change(pointer)
    assert touched == set()
