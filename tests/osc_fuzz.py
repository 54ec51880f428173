"""OSC packets of every kind, for the tests that send them to a running instrument."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from hypothesis import strategies as st

from latentpad.controllers.osc.packet import IMMEDIATELY
from latentpad.engine.parameters import TABLE

Typed = tuple[str, object]
"""An argument as its type tag and its value."""

EDGES = (
    0.0, -0.0, 1.0, -1.0, 0.5, 1e9, -1e9, 3.4e38, -3.4e38, 5e-324, -5e-324, 1.1754944e-38,
    1.7976931348623157e308, -1.7976931348623157e308, math.inf, -math.inf, math.nan,
)  # fmt: skip
WHOLE = (0, 1, -1, 2, 1023, 1024, 65_535, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))
WORDS = (
    "", " ", ".", "..", "../../etc/passwd", "/dev/zero", "C:\\nul", "walk", "0", "-1", "1e999",
    "nan", "None", "\x1b[2J", "a\nb", "\u202eabc", "\ud7ff", "🥁", "x" * 3000, "/gain", "/latent/1",
    "/anchor/0", "%s%n", "0" * 5001,
)  # fmt: skip
_STRUCTS = {"i": ">i", "h": ">q", "f": ">f", "d": ">d"}


def packed(text: bytes) -> bytes:
    return text + bytes(4 - len(text) % 4)


def message(address: str, args: Sequence[Typed]) -> bytes:
    """One message, whatever its tags: also those that the instrument does not know."""
    body = b""
    for tag, value in args:
        if tag in _STRUCTS:
            body += struct.pack(_STRUCTS[tag], value)
        elif isinstance(value, str):
            body += packed(value.encode(errors="replace").replace(b"\0", b""))
        elif isinstance(value, bytes):
            body += struct.pack(">i", len(value)) + value + bytes(-len(value) % 4)
    tags = "".join(tag for tag, _ in args)
    return packed(address.encode()) + packed(b"," + tags.encode()) + body


def bundle(messages: Sequence[bytes], timetag: int = IMMEDIATELY) -> bytes:
    elements = b"".join(struct.pack(">i", len(m)) + m for m in messages)
    return b"#bundle\0" + timetag.to_bytes(8, "big") + elements


def _float(value: float) -> Typed:
    """As 32 bits where they hold it exactly."""
    try:
        short = struct.unpack(">f", struct.pack(">f", value))[0]
    except OverflowError:
        return "d", value
    return ("f" if short == value or math.isnan(value) else "d"), value


numbers: st.SearchStrategy[Typed] = st.one_of(
    st.sampled_from(EDGES).map(_float),
    st.floats(width=32).map(_float),
    st.floats().map(lambda x: ("d", x)),
    st.floats(0, 1).map(_float),
    st.sampled_from(WHOLE).map(lambda n: ("h", n)),
    st.integers(-(2**31), 2**31 - 1).map(lambda n: ("i", n)),
    st.integers(0, 12).map(lambda n: ("i", n)),
)
texts: st.SearchStrategy[Typed] = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(sorted({choice for row in TABLE for choice in row.choices})),
    st.text(st.characters(exclude_characters="\0"), max_size=40),
).map(lambda text: ("s", text))
others: st.SearchStrategy[Typed] = st.one_of(
    st.sampled_from("TFNI").map(lambda tag: (tag, None)),
    st.binary(max_size=40).map(lambda data: ("b", data)),
    st.sampled_from("trcmS[]").map(lambda tag: (tag, None)),
)
arguments = st.one_of(numbers, numbers, numbers, texts, others)


def addresses(known: Sequence[str]) -> st.SearchStrategy[str]:
    """Mostly those that the instrument knows, any number in the place of `*`; some it does not."""
    number = st.one_of(st.integers(0, 12), st.sampled_from((-1, 63, 64, 321, 10**9, 10**10)))
    there = st.builds(lambda a, n: a.replace("*", str(n)), st.sampled_from(known), number)
    names = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
    return st.one_of(there, there, there, there, names.map(lambda name: "/" + name))


def wild(known: Sequence[str]) -> st.SearchStrategy[bytes]:
    """A message of any arguments, some of them to what takes just so many."""
    args = st.one_of(
        st.lists(arguments, max_size=5),
        st.lists(numbers, min_size=1, max_size=2),
        st.lists(numbers, min_size=4, max_size=4),
        st.lists(numbers, max_size=64),
    )
    return st.builds(message, addresses(known), args)


def _ends() -> st.SearchStrategy[bytes]:
    """A row at an end of its range, or between."""
    rows = st.sampled_from(TABLE)

    def values(row: object) -> st.SearchStrategy[bytes]:
        assert row in TABLE
        one = st.one_of(
            st.sampled_from((row.low, row.high, row.default[0])), st.floats(row.low, row.high)
        )
        args = st.lists(one.map(_float), min_size=row.size, max_size=row.size)
        n = st.integers(1, 3)
        return st.builds(lambda a, n: message(row.address.format(n=n), a), args, n)

    return rows.flatmap(values)


def _gesture() -> st.SearchStrategy[bytes]:
    """What makes and moves sounds, and brings states together."""
    n, unit = st.integers(1, 10), st.one_of(st.sampled_from((0.0, 0.5, 1.0)), st.floats(0, 1))
    return st.one_of(
        st.builds(lambda n, x, y: message(f"/pad/{n}/xy", [_float(x), _float(y)]), n, unit, unit),
        st.builds(lambda n, on: message(f"/pad/{n}/touch", [("i", on)]), n, st.integers(0, 1)),
        st.builds(
            lambda p, v: message("/note", [("f", p), ("f", v)]),
            st.floats(0, 127, width=32), st.floats(0, 127, width=32),
        ),
        st.builds(lambda k, a: message(f"/lattice/{k}", [_float(a)]), st.integers(0, 320), unit),
        st.builds(lambda k: message(f"/anchor/{k}", []), st.integers(0, 320)),
        st.builds(lambda k, do: message(f"/snapshot/{k}/{do}", []), st.integers(0, 2),
                  st.sampled_from(("store", "recall"))),
        st.builds(lambda k, s: message(f"/snapshot/{k}/recall", [_float(s)]), st.integers(0, 2),
                  st.sampled_from((1e-300, 0.05, 1e300))),
    )  # fmt: skip


def packets(known: Sequence[str]) -> st.SearchStrategy[bytes]:
    """One datagram: a message, a bundle, or bytes that are no OSC at all."""
    one = st.one_of(wild(known), wild(known), _ends(), _gesture())
    timetag = st.sampled_from((IMMEDIATELY, IMMEDIATELY, 0, 2**64 - 1, 2**63))
    return st.one_of(
        one,
        one,
        st.builds(bundle, st.lists(one, max_size=12), timetag),
        st.builds(lambda inner: bundle([bundle(inner)]), st.lists(one, max_size=3)),
        st.binary(max_size=60),
        st.builds(lambda data, cut: data[:cut], one, st.integers(0, 40)),
    )
