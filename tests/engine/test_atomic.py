"""The cursors: their order is guaranteed by the processor's instructions, on every processor."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from llvmlite import binding as llvm  # type: ignore[import-untyped]

from latentpad.engine import atomic
from latentpad.engine.atomic import AtomicCursors


def assembly(triple: str) -> dict[str, list[str]]:
    """The instructions of each function of `atomic.IR`, without its return."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(opt=2)
    functions: dict[str, list[str]] = {}
    for line in machine.emit_assembly(llvm.parse_assembly(atomic.IR)).splitlines():
        if name := re.fullmatch(r"_?([a-z]\w+):.*", line):
            functions[name[1]] = here = []
        elif re.match(r"\t[a-z]", line) and line.strip() not in ("ret", "retq"):
            here.append(" ".join(line.split()))
    return functions


@pytest.mark.parametrize("system", ["unknown-linux-gnu", "apple-darwin"])
def test_on_arm64_the_order_is_in_the_instructions(system: str) -> None:
    functions = assembly(f"aarch64-{system}")
    assert functions["load_acquire"] == ["ldar x0, [x0]"]
    assert functions["store_release"] == ["stlr x1, [x0]"]
    assert functions["fence"] == ["dmb ish"]


def test_on_x86_where_loads_and_stores_are_ordered_a_plain_move_is_enough() -> None:
    functions = assembly("x86_64-unknown-linux-gnu")
    assert functions["load_acquire"] == ["movq (%rdi), %rax"]
    assert functions["store_release"] == ["movq %rsi, (%rdi)"]


@pytest.mark.parametrize("function", [atomic.load_acquire, atomic.store_release, atomic.fence])
def test_no_call_gives_the_interpreters_lock_away(function: Any) -> None:
    """Otherwise another thread would take it, and the render thread would wait."""
    python_api = 4  # FUNCFLAG_PYTHONAPI of CPython's ctypes.h
    assert function._flags_ & python_api


@pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_a_cursor_holds_any_64_bits_and_leaves_its_neighbours(value: int) -> None:
    words = np.array([7, 7, 7], np.int64)
    cursors = AtomicCursors(words)
    cursors[1] = value
    assert cursors[1] == value and words.tolist() == [7, value, 7]
    words[2] = value
    assert cursors[2] == value and len(cursors) == 3


def test_no_cursor_lies_beyond_the_last() -> None:
    cursors = AtomicCursors(np.zeros(3, np.int64))
    with pytest.raises(IndexError):
        cursors[3] = 1
    with pytest.raises(IndexError):
        cursors[3]


def test_cursors_keep_their_memory() -> None:
    cursors = AtomicCursors(np.full(1000, 5, np.int64))
    _ = [np.zeros(1000, np.int64) for _ in range(100)]
    assert all(cursors[k] == 5 for k in range(1000))
