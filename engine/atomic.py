"""Atomic cursors: they make shared memory safe to read while another process writes to it.

The board's fields are plain NumPy arrays, each with one writer. A field of more than one word is
published by a cursor, a 64-bit integer that only `AtomicCursors` reads and writes:

| cursor | writer | published with it | read by |
| --- | --- | --- | --- |
| version | control | values, points, ... lattice_weight, event_head | playing, decoding |
| event_head | control | the events before it | playing |
| event_tail | playing | that the events before it have been copied | control |
| published[v] | decoding | buffer `published % 3` of sounds, waves, sound_* | playing, control |
| fills[v] | decoding | frames added to the newest sound, and sound_filled | playing |
| tape_head | playing | the frames of tape before it, and their hops' tape_version | control |
| history_head | playing | the rows of history before it | control |

A writer calls `fence` before it overwrites published data, writes, and then stores the cursor. A
reader loads the cursor, copies, calls `fence` and loads the cursor again. Its copy is complete if

- version is even, and the same as before (`Board.consistent`);
- published[v] has grown by at most one: the third buffer may be in use (`Board.newest`);
- tape_head plus one hop has not overwritten what was copied (`engine.tape`);
- history_head has not overwritten what was copied (`engine.history`).

Copies of events are always complete: no event is overwritten before event_tail has passed it. An
incomplete copy is dropped, and the read is repeated a few times. After that, the playing and the
decoding process keep their earlier values until their next turn, and a take reports what it lost.

A word that does not belong to others (a beat, a meter, a request) needs no cursor: an aligned word
is never torn, and the newest value counts. Three words publish other data without a second load,
because those data are only added: PLAYER_READY and DECODER_READY publish what was sent before them,
voice_serial[v] publishes voice_state[v]. They need a `fence` before the store and after the load.

`load_acquire`, `store_release` and `fence` are compiled by LLVM when this module is imported, which
takes some 10 ms. Python has none of the three: its locks order stores on x86, where all stores are
ordered, and guarantee nothing on ARM64. Numba could compile them too, but llvmlite alone is
imported in a third of the time, and its calls are a tenth of a microsecond faster.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from llvmlite import binding as llvm  # type: ignore[import-untyped]
from numpy.typing import NDArray

# An acquire-release fence orders all pairs except a store and a later load. x86 needs no
# instruction for it, only a compiler that does not reorder across it; ARM64 has `dmb ish`.
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
    """The execution engine that holds the machine code of `IR`."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(IR), machine)
    engine.finalize_object()
    return engine


_engine = _compiled()  # owns the machine code

# PYFUNCTYPE keeps the GIL: a call takes nanoseconds, and the render thread must not give it away.
load_acquire = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(
    _engine.get_function_address("load_acquire")
)
"""Load the word at an address. What is read after it is at least as new."""

store_release = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(
    _engine.get_function_address("store_release")
)
"""Store a word at an address. Who loads it also sees what was written before it."""

fence = ctypes.PYFUNCTYPE(None)(_engine.get_function_address("fence"))
"""Reads and writes before it stay before writes after it, and reads before it stay before reads
after it."""


class AtomicCursors:
    """Words of shared memory that publish other data, see the module.

    ``cursors[i]`` loads with acquire, ``cursors[i] = n`` stores with release. Any thread may load.
    Only one thread at a time may store to a cursor.
    """

    def __init__(self, words: NDArray[np.int64]) -> None:
        """`words` (n,) is aligned int64, in memory that exists as long as this object."""
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
