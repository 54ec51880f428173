"""Whether there may be a GPU that TensorFlow can decode on, found without importing TensorFlow."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib import metadata

from latentpad.models import extras

CUDA = "libcuda.so.1"  # of NVIDIA's driver
METAL = "tensorflow-metal"  # the package with which TensorFlow uses a GPU on macOS


def may_have_gpu() -> bool:
    """Whether TensorFlow is installed and has a GPU to use: then its import is worth trying.

    On Linux a CUDA device that CUDA_VISIBLE_DEVICES does not hide, on macOS the plugin for Metal.
    Any thread. Raises nothing and takes milliseconds, though a driver that was not used since the
    computer started may take longer.
    """
    if not extras.installed("tensorflow"):
        return False
    if sys.platform == "darwin":
        return _has_metal()
    return _shown(os.environ.get("CUDA_VISIBLE_DEVICES")) and _cuda_devices() > 0


def _shown(visible: str | None) -> bool:
    """Whether CUDA_VISIBLE_DEVICES shows any device: it lists them up to the first one of -1."""
    return visible is None or visible.split(",")[0].strip() not in ("", "-1")


def _cuda_devices() -> int:
    """The number of CUDA devices that the driver shows; 0 without a driver."""
    try:
        cuda = ctypes.CDLL(CUDA)
        count = ctypes.c_int(0)
        if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
    except (OSError, AttributeError):  # no such library, or one that lacks the functions
        return 0
    return count.value


def _has_metal() -> bool:
    try:
        metadata.distribution(METAL)
    except (metadata.PackageNotFoundError, OSError):
        return False
    return True
