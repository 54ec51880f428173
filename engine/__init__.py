"""Between a gesture and a sound: parameters, plane, expander, decoder, phase, voices, stream."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import platformdirs


def _cache() -> Path:
    """Where this very source's compiled kernels are kept.

    Numba renews what it has kept when a function's own file changes, but not when a kernel of
    another file does that was compiled into it: so the folder is named after all that have kernels.
    """
    source = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        text = file.read_bytes()
        if b"njit" in text:
            source.update(text)
    return Path(platformdirs.user_cache_dir("latentpad")) / f"kernels-{source.hexdigest()[:16]}"


# Before numba is imported, which reads it once.
os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache()))
