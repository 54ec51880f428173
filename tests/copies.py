"""Copies of the sources that a test changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from numba.core.caching import UserProvidedCacheLocator

ROOT = Path(__file__).parents[1]


def copy_kernels(package: Path, kept: Path) -> None:
    """Put this checkout's compiled kernels where a copy of the package finds them, with `kept` as
    its NUMBA_CACHE_DIR. Numba compiles anew those of files that are no copies."""
    own = Path(os.environ["NUMBA_CACHE_DIR"])
    for module in (ROOT / "engine").rglob("__init__.py"):  # Numba keeps those of each place apart
        place = module.relative_to(ROOT)
        old, new = (
            UserProvidedCacheLocator.get_suitable_cache_subpath(str(root / place))
            for root in (ROOT / "latentpad", package)
        )
        if (own / old).is_dir():
            shutil.copytree(own / old, kept / new)
