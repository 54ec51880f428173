"""The engine: from commands to sound, in three processes.

`control`, `decode` and `play` are the processes; the modules beside them are shared.
"""

from __future__ import annotations

import os
from pathlib import Path

from latentpad.engine.kernel_cache import folder, writable

# Numba reads it once, at its import. Spawned processes inherit it.
if not writable(Path(os.environ.get("NUMBA_CACHE_DIR", ""))):
    os.environ["NUMBA_CACHE_DIR"] = str(folder())
