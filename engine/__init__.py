"""Between a gesture and a sound: parameters, plane, expander, decoder, phase, voices, stream."""

from __future__ import annotations

import os
from pathlib import Path

from latentpad.engine.kernel_cache import folder, writable

# Before numba is imported, which reads it once. The processes we start have it from us.
if not writable(Path(os.environ.get("NUMBA_CACHE_DIR", ""))):
    os.environ["NUMBA_CACHE_DIR"] = str(folder())
