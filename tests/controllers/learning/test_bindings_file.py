from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentpad.controllers.learning.binding import Binding, OscControl
from latentpad.controllers.learning.bindings_file import BindingsError, BindingsFile
from latentpad.controllers.learning.midi_control import MidiControl
from latentpad.controllers.learning.shape import Constant, Free, Moving, Shape
from latentpad.engine.control.instrument import Instrument
from tests.controllers.learning.teaching import Teacher

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
CONSTANT = st.builds(
    Constant,
    st.integers(-(2**31), 2**31) | st.floats(-1e6, 1e6, width=32) | TEXT | st.booleans(),
)
RANGE = st.tuples(st.floats(-1e6, -1), st.floats(1, 1e6))
OTHERS = st.lists(CONSTANT | st.just(Free()), max_size=3)
POINT = st.builds(
    lambda before, x, between, y, after: Shape(
        (*before, Moving("x", *x), *between, Moving("y", *y), *after)
    ),
    OTHERS, RANGE, OTHERS, RANGE, OTHERS,
)  # fmt: skip
VALUE = st.builds(
    lambda before, span, after: Shape((*before, Moving("value", *span), *after)),
    OTHERS, RANGE, OTHERS,
)  # fmt: skip
OSC = st.one_of(
    st.builds(lambda n, s: Binding.make(OscControl("/" + n, s), "/pad/3/xy"), TEXT, POINT),
    st.builds(
        lambda n, s, c, p: Binding.make(OscControl("/" + n, s), "/attack", c, p),
        TEXT, VALUE, st.sampled_from(["", "linear", "exponential"]), st.booleans(),
    ),
    st.builds(
        lambda n, s: Binding.make(OscControl("/" + n, Shape(tuple(s))), "/panic"), TEXT, OTHERS
    ),
)  # fmt: skip
MIDI = st.builds(
    lambda port, channel, kind, number, address: Binding.make(
        MidiControl(port, channel, kind, number if kind in ("cc", "nrpn", "note") else 0), address
    ),
    TEXT, st.integers(1, 16), st.sampled_from(["cc", "nrpn", "note", "bend", "pressure"]),
    st.integers(0, 127), st.sampled_from(["/texture", "/panic", "/guard", "/pad/7/x"]),
)  # fmt: skip


@given(st.lists(OSC, max_size=5), st.lists(MIDI, max_size=5))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, osc: list[Binding], midi: list[Binding]
) -> None:
    file = BindingsFile(tmp_path_factory.getbasetemp() / "round trip" / "bindings.toml")
    file.write([*osc, *midi])
    assert file.read() == ([*midi, *osc], False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bindings.toml"


OSC_ENTRY = '[[osc]]\ncontrol = "/a"\naddress = "/pad/xy"\n'
MIDI_ENTRY = '[[midi]]\nchannel = 1\ncontrol = "cc 74"\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (MIDI_ENTRY + 'address = "/no/such"\n', "/no/such"),
        (MIDI_ENTRY + 'address = "/pad/xy"\n', "takes two values"),
        (MIDI_ENTRY + 'address = "/gain"\npikup = true\n', "pikup"),
        (MIDI_ENTRY + 'address = "/gain"\npickup = 1\n', "pickup is true or false"),
        (MIDI_ENTRY + 'address = "/gain"\ncurve = "steep"\n', "curve is linear or"),
        (MIDI_ENTRY, "[[midi]] 1: there is no address"),
        ('[[midi]]\nchannel = 17\ncontrol = "cc 74"\naddress = "/gain"\n', "channel 17"),
        ('[[midi]]\nchannel = 1\ncontrol = "knob"\naddress = "/gain"\n', "knob"),
        (OSC_ENTRY, "are not those of /pad/xy"),
        (OSC_ENTRY + 'arguments = ["x", "x"]\n', "are not those of /pad/xy"),
        (OSC_ENTRY + 'arguments = ["x", "left"]\n', "left"),
        (OSC_ENTRY + 'arguments = ["x", "y"]\nranges = [[0, 1]]\n', "each of the 2 that move"),
        (OSC_ENTRY + 'arguments = ["x", "y"]\nranges = [[0, 1], [1, 0]]\n', "that rise"),
        (OSC_ENTRY + 'arguments = ["x", "y"]\nranges = [[0, 1], [0, nan]]\n', "that rise"),
        (OSC_ENTRY + 'arguments = ["x", "y"]\nranges = [[0, 1], [0, inf]]\n', "that rise"),
        ("osc = 3\n", "[[osc]]"),
        ("[bindings]\n", "bindings"),
        ("[[osc]\n", "line 1"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("a = " + "9" * 5001, ""),
        ("a." * 500_000 + "a = 1", "line 1 has more than 250 dots"),
        ('[[osc]]\ncontrol = "/a"\naddress = "/\\u001b]0;owned\\u0007"\n', "/learn"),
    ],
)
def test_a_broken_file_is_explained_in_one_line(path: Path, text: str, what: str) -> None:
    path.write_text(text)
    with pytest.raises(BindingsError) as error:
        BindingsFile(path).read()
    message = str(error.value)
    assert str(path) in message and what in message
    assert message.isprintable() and len(message) < 1000


def test_a_file_that_does_not_end_is_told_and_not_read(path: Path) -> None:
    path.symlink_to("/dev/zero")
    with pytest.raises(BindingsError, match="is no file"):
        BindingsFile(path).read()


def test_the_bindings_of_earlier_versions_are_carried_over_once(
    instrument: Instrument, path: Path
) -> None:
    earlier = path.with_name("midi.toml")
    earlier.write_text(
        '[bindings]\n"channel 1 cc 74" = "/texture"\n"channel 10 note 36" = "/panic"\n'
    )
    first = Teacher(instrument, path)
    expected = [
        ("any port channel 1 cc 74", "/texture"),
        ("any port channel 10 note 36", "/panic"),
    ]
    assert first.bound() == expected
    first.keys("any keys").send([0xB0, 74, 127])
    assert instrument.value("/texture") == (1.0,)
    first.learning.close()
    earlier.write_text("[bindings]\n")
    assert Teacher(instrument, path).bound() == expected


def test_a_broken_file_of_earlier_versions_is_explained(path: Path) -> None:
    earlier = path.with_name("midi.toml")
    for text in ('[bindings]\n"knob" = "/gain"\n', "bindings = 3\n", '[bindings]\n"a" = 3\n'):
        earlier.write_text(text)
        with pytest.raises(BindingsError, match=r"midi\.toml"):
            BindingsFile(path).read()
