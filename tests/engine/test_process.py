"""What spawned processes have in common."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

HEAPS = """
import ctypes, tempfile, threading
from latentpad.engine.process import share_arena

if {shares}:
    share_arena()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
ready = threading.Barrier(9)

def allocate():
    libc.malloc(ctypes.c_size_t(100))
    ready.wait()
    ready.wait()

for _ in range(8):
    threading.Thread(target=allocate).start()
ready.wait()
with tempfile.NamedTemporaryFile("r") as file:
    out = ctypes.c_void_p(libc.fopen(file.name.encode(), b"w"))
    libc.malloc_info(0, out)
    libc.fclose(out)
    print(file.read().count("<heap nr="))
ready.wait()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such heaps")
def test_threads_have_no_heaps_of_their_own_where_the_process_shares_one() -> None:
    heaps = [
        int(subprocess.check_output([sys.executable, "-c", HEAPS.format(shares=shares)]))
        for shares in (False, True)
    ]
    assert heaps[0] > 1 == heaps[1]
