"""Atomic cursors: what makes shared memory safe to read while another process writes it.

The board's fields are plain NumPy arrays, each with one writer. What is more than one word of them
is published by a cursor, a 64-bit integer that only `AtomicCursors` reads and writes:

| cursor | writer | published with it | read by |
| --- | --- | --- | --- |
| version | control | values, points, ... fader_value, event_head | playing, decoding |
| event_head | control | the events before it | playing |
| event_tail | playing | that the events before it have been copied | control |
| published[v] | decoding | buffer `published % 3` of sounds, waves, sound_* | playing, control |
| tape_head | playing | the frames of tape before it, and their hops' tape_version | control |
| history_head | playing | the rows of history before it | control |

A writer calls `fence` before it begins to write over what was published; then it writes; then it
stores the cursor. A reader loads the cursor, copies, calls `fence` and loads the cursor again. What
it copied is whole if

- version is even, and the same as before (`Board.consistent`);
- published[v] has grown by one at most: the third buffer may be written to (`Board.newest`);
- tape_head, and the hop that is written after it, do not reach round to it (`engine.tape`);
- history_head does not reach round to it (`engine.history`).

Events are whole always: none is written over before event_tail has passed it. A reading that is
not whole is dropped. It is tried again a few times; after that a player and a decoder keep what
they have until their next turn, and a take tells what it has lost.

A word that belongs to no other (a beat, a meter, a request) needs no cursor: an aligned word is
never torn, and the newest wins. Three words publish others without a recheck, as these are only
added to: PLAYER_READY and DECODER_READY what was told before them, voice_serial[v] its voice_state.
There a `fence` stands before the store and after the load.

`load_acquire`, `store_release` and `fence` are compiled by LLVM as this module is imported, in some
10 ms. Python has none of the three: its locks order stores on x86, where all stores are ordered,
and promise nothing on ARM64. Numba could compile them, too, but llvmlite alone is imported in a
third of the time, and such a call costs every process a tenth of a microsecond.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llvmlite import binding as llvm  # type: ignore[import-untyped]
from numpy.typing import NDArray

# A full acquire-release fence orders all pairs but a store and a later load. x86 needs no
# instruction for it, only a compiler that moves nothing across; ARM64 has `dmb ish`.
IR = """
define i64 @load_acquire(i64* %word) {
  %value = load atomic i64, i64* %word acquire, align 8
  ret i64 %value
}

define void @store_release(i64* %word, i64 %value) {
  store atomic i64 %value, i64* %word release, align 8
  ret void
}

define void @fence() {
  fence acq_rel
  ret void
}
"""


def _compiled() -> Any:
    """The engine that holds the code of `IR`."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(IR), machine)
    engine.finalize_object()
    return engine


_engine = _compiled()  # its code lives as long as it does

# With the interpreter's lock held: they take nanoseconds, and the render thread gives it to nobody.
load_acquire = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(
    _engine.get_function_address("load_acquire")
)
"""The word at an address; what is read after it is at least as new."""

store_release = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(
    _engine.get_function_address("store_release")
)
"""Set the word at an address; who sees it sees what was written before it."""

fence = ctypes.PYFUNCTYPE(None)(_engine.get_function_address("fence"))
"""What is read or written before it stays before what is written after it, and what is read before
it stays before what is read after it."""


class AtomicCursors:
    """Words of shared memory that publish what lies beside them, see the module.

    ``cursors[i]`` loads with acquire, ``cursors[i] = n`` stores with release. Any thread may load;
    each cursor has one thread that stores, under a lock if it is not always the same.
    """

    def __init__(self, words: NDArray[np.int64]) -> None:
        """`words` (n,) int64, aligned, in memory that is kept as long as this."""
        self._words = words
        self._addresses = [words.ctypes.data + 8 * k for k in range(len(words))]

    def __len__(self) -> int:
        return len(self._addresses)

    def __getitem__(self, i: int) -> int:
        """Raises `IndexError`."""
        value: int = load_acquire(self._addresses[i])
        return value

    def __setitem__(self, i: int, value: int) -> None:
        """Raises `IndexError`."""
        store_release(self._addresses[i], value)
