"""What real controllers send: buttons, normalised faders, and pads of other names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control import aliases
from latentpad.engine.control.command import Command
from latentpad.engine.control.command_table import CHOICES, RECEIVED
from latentpad.engine.control.instrument import NOBODY
from latentpad.engine.parameters import FINGERS, MODES, ROW, TABLE
from tests.engine.control.test_instrument import PHONE, Desk

PRESSES: list[tuple[Argument, ...]] = [(), (1,), (1.0,), (True,), (0.3,), (127,)]
RELEASES: list[tuple[Argument, ...]] = [(0,), (0.0,), (False,), (-1,)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def example(command: Command) -> str:
    return next(iter(command.addresses())).replace("*", "1")


def carried_out(desk: Desk, address: str, *args: Argument) -> list[str]:
    """The addresses that a take records of a message."""
    recorded: list[str] = []
    desk.instrument.taps.append(lambda heard, *_: recorded.append(heard))
    desk.send(address, *args)
    return recorded


# -- buttons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("args", PRESSES)
def test_a_press_acts(desk: Desk, args: tuple[Argument, ...]) -> None:
    desk.send("/pad/2/touch", 1)
    desk.send("/panic", *args)
    assert not desk.instrument.down(2)
    desk.send("/anchor/6", *args)
    assert desk.instrument.args_of("/pad/1/xy") == (0.6, 0.25)
    desk.send("/snapshot/1/store", *args)
    desk.send("/mode/shot", *args)
    assert desk.instrument.args_of("/mode") == ("shot",)


@pytest.mark.parametrize("args", RELEASES)
def test_no_release_acts(desk: Desk, args: tuple[Argument, ...]) -> None:
    desk.send("/pitch", 5)
    desk.send("/snapshot/1/store")
    desk.send("/pitch", 0)
    desk.send("/pad/2/touch", 1)
    before = desk.instrument.state()
    triggers = [c for c in RECEIVED if c.trigger and "/preset" not in c.address]
    triggers = [c for c in triggers if desk.instrument.knows(example(c))]
    assert len(triggers) > 4
    for command in triggers:
        for address in command.addresses():
            assert carried_out(desk, address.replace("*", "1"), *args) == []
    assert desk.instrument.state() == before
    desk.send("/snapshot/1/recall")  # the one that was stored by a press
    assert desk.value("/pitch") == (5,)


@pytest.mark.parametrize("address", ["/panic", "/anchor/3", "/snapshot/1/store", "/mode/shot"])
def test_a_text_is_no_press(desk: Desk, address: str) -> None:
    with pytest.raises(CommandError, match=f"{address} takes nothing, or 1 for a press, got 'on'"):
        desk.send(address, "on")


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row.address)
def test_each_name_of_a_choice_is_a_button_and_the_choice_has_a_number(row) -> None:  # type: ignore[no-untyped-def]
    desk = Desk()
    for k, name in enumerate(row.choices):
        if row.address == "/plane" and name not in ("raw", "principal", "map"):
            continue
        assert carried_out(desk, f"{row.address}/{name}", 1) == [row.address]
        assert desk.instrument.args_of(f"{row.address}/index") == (k,)
        assert desk.instrument.args_of(f"{row.address}/{name}") == (1,)
        desk.send(row.address, row.default[0])
        desk.send(f"{row.address}/index", float(k))
        assert desk.instrument.args_of(row.address) == (name,)


def test_names_are_taken_in_any_case(desk: Desk) -> None:
    desk.send("/MODE/Shot", 1)
    assert desk.instrument.args_of("/mode") == ("shot",)
    desk.send("/Mode", "LOOP")
    assert desk.instrument.args_of("/mode") == ("loop",)
    desk.send("/Anchor/6")
    assert desk.instrument.args_of("/PAD/1/XY") == (0.6, 0.25)


def test_a_recall_glides_for_its_second_argument_or_for_the_row(desk: Desk) -> None:
    desk.send("/pitch", 12)
    desk.send("/snapshot/1/store")

    def pitch_after(seconds: float, *args: Argument) -> float:
        desk.send("/pitch", 0)
        desk.send("/snapshot/1/recall", *args)
        desk.now += seconds
        desk.instrument.tick()
        return desk.value("/pitch")[0]

    assert pitch_after(0.0, 1) == pitch_after(0.0) == 12  # a lone 1 is a press
    assert pitch_after(1.0, 1, 2.0) == pitch_after(1.0, 2.0) == pytest.approx(6)
    desk.send("/snapshot/glide", 4)
    assert pitch_after(1.0, 1) == pitch_after(1.0, True) == pitch_after(1.0) == pytest.approx(3)
    assert pitch_after(0.0, 1, 0) == 12


def test_a_snapshot_does_not_hold_the_length_of_its_glide(desk: Desk) -> None:
    desk.send("/snapshot/1/store")
    desk.send("/snapshot/glide", 2)
    desk.send("/snapshot/1/recall", 1, 0)
    assert desk.value("/snapshot/glide") == (2,)


def test_a_take_holds_the_length_of_glides(desk: Desk) -> None:
    assert carried_out(desk, "/snapshot/glide", 2.0) == ["/snapshot/glide"]


# -- faders ----------------------------------------------------------------------------------

OF_PACK = ("/axes", "/plane", "/lattice/base")  # are clamped further
NORMALISED = [row for row in TABLE if row.address not in OF_PACK]


@given(st.sampled_from(NORMALISED), st.integers(1, FINGERS), st.floats(-0.5, 1.5), st.data())
def test_a_normalised_fader_moves_over_the_range_by_its_curve(  # type: ignore[no-untyped-def]
    row, n: int, x: float, data: st.DataObject
) -> None:
    desk = Desk()
    address = row.address.format(n=n)
    positions = (x, *(data.draw(st.floats(0, 1)) for _ in range(row.size - 1)))
    desk.send(f"/n{address}", *positions)
    values = row.parse(desk.instrument.args_of(address))
    assert values == tuple(map(row.from_unit, positions))
    shown = desk.instrument.args_of(f"/n{address}")
    assert [row.from_unit(position) for position in shown] == pytest.approx(values)


def test_levels_are_in_db_and_times_exponential_and_the_speed_rests_at_0_and_1(desk: Desk) -> None:
    desk.send("/n/gain", 0.5)
    assert desk.value("/gain") == (-24,)
    desk.send("/n/attack", 0.5)
    assert 0.2 < desk.value("/attack")[0] < 0.3
    for position, speed in ((0.49, 0), (0.51, 0), (0.62, 1), (0.63, 1)):
        desk.send("/n/loop/speed", position)
        assert desk.value("/loop/speed") == (speed,)


@pytest.mark.parametrize("args", [(), (0.5, 0.5), ("half",), (float("nan"),)])
def test_a_normalised_fader_takes_one_number(desk: Desk, args: tuple[Argument, ...]) -> None:
    with pytest.raises(CommandError, match="/n/gain takes"):
        desk.send("/n/gain", *args)


# -- pads ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "args", "known"),
    [
        ("/multixy/2", (0.25, 0.75), "/pad/2/xy"),
        ("/multixy1/2", (0.25, 0.75), "/pad/2/xy"),
        ("/multixy12/10", (0.25, 0.75), "/pad/10/xy"),
        ("/multixy1/2/x", (0.25,), "/pad/2/x"),
        ("/multixy/2/z", (1,), "/pad/2/touch"),
        ("/pad/xy/x", (0.25,), "/pad/x"),
        ("/pad/xy/y", (0.25,), "/pad/y"),
        ("/pad/xy/z", (1,), "/pad/touch"),
        ("/pad/3/xy/y", (0.25,), "/pad/3/y"),
        ("/pad/3/xy/z", (1,), "/pad/3/touch"),
        ("/pad/z", (1,), "/pad/touch"),
    ],
)
def test_a_pad_of_another_name_is_known(
    address: str, args: tuple[Argument, ...], known: str
) -> None:
    desk, other = Desk(), Desk()
    desk.send(address, *args)
    other.send(known, *args)
    assert desk.instrument.state() == other.instrument.state()
    if not known.endswith("touch"):
        assert desk.instrument.args_of(address) == args


@pytest.mark.parametrize("address", ["/multixy/11", "/multixy/0", "/multixy/2/w", "/multixy"])
def test_what_is_no_finger_of_a_pad_is_unknown(desk: Desk, address: str) -> None:
    with pytest.raises(CommandError, match="there is no such address"):
        desk.send(address, 0.5, 0.5)


# -- what is told ----------------------------------------------------------------------------


def told(desk: Desk) -> list[tuple[str, tuple[Argument, ...]]]:
    changes: list[tuple[str, tuple[Argument, ...]]] = []
    desk.instrument.listeners.append(lambda a, args, sender: changes.append((a, tuple(args))))
    return changes


def test_a_touch_that_a_move_implies_is_told_and_so_is_its_end(desk: Desk) -> None:
    changes = told(desk)
    desk.send("/pad/2/xy", 0.1, 0.2)
    desk.send("/pad/2/xy", 0.3, 0.2)
    assert changes.count(("/pad/2/touch", (1,))) == 1
    desk.send("/panic")
    assert changes.count(("/pad/2/touch", (0,))) == 1


def test_a_finger_that_is_released_for_its_silent_sender_is_told(desk: Desk) -> None:
    desk.send("/pad/2/touch", 1)
    changes = told(desk)
    desk.instrument.release(PHONE.group)
    assert changes == [("/pad/2/touch", (0,))]


def test_a_finger_whose_voice_is_needed_for_another_sound_is_told(desk: Desk) -> None:
    desk.send("/pad/2/touch", 1)
    desk.player()
    changes = told(desk)
    for pitch in range(16):
        desk.send("/note", 40 + pitch, 100)
        desk.player()
    assert changes.count(("/pad/2/touch", (0,))) == 1


def test_the_latents_of_an_anchor_are_told_to_its_sender_too(desk: Desk) -> None:
    changes: list[tuple[str, object]] = []
    desk.instrument.listeners.append(lambda a, args, sender: changes.append((a, sender)))
    desk.send("/anchor/6")
    assert ("/latent", NOBODY) in changes and desk.instrument.args_of("/latent") == (6.0,) * 4


def test_a_base_beyond_the_pack_s_sounds_is_clamped_and_told_to_its_sender() -> None:
    desk = Desk(anchors=10)
    senders: list[object] = []
    desk.instrument.listeners.append(lambda a, args, sender: senders.append(sender))
    desk.send("/lattice/base", 9)
    desk.send("/lattice/base", 99999)
    assert desk.value("/lattice/base") == (9,) and senders == [PHONE, NOBODY]


def test_a_value_is_sent_under_the_other_addresses_that_controls_have() -> None:
    assert list(aliases.forms("/mode", ("shot",))) == [("/mode/index", (MODES.index("shot"),))]
    assert list(aliases.forms("/pad/1/xy", (0.5, 0.25))) == [("/pad/xy", (0.5, 0.25))]
    assert list(aliases.forms("/gain", (1.0,))) == []
    assert ROW["/mode"].choices == MODES
