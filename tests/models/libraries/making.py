"""Sounds and libraries made for the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from latentpad.models.libraries import library, store
from latentpad.models.packs import pack

ROOT = str(Path(__file__).parents[3])
FILL = """
import sys
from pathlib import Path
from latentpad.models.libraries import library
from latentpad.models.packs import pack
mine = library.open_(sys.argv[1], pack.load(sys.argv[2]))
print("open", flush=True)
mine.add(Path(sys.argv[3]))
"""
# An encoder at once: each "sound" is its own number. Only what is written matters.
PRETEND = """
from pathlib import Path
import numpy as np
from latentpad.models.libraries import fill
from latentpad.models.libraries.encode import Encoded, encoder_hash
def encode_batch(pack_path, sounds, steps):
    z = np.array([[int(s), 0] for s in sounds], np.float32)
    own = encoder_hash(Path(pack_path))
    return Encoded(z, z[:, 1], z[:, 1], np.tile(z, 3), z[:, 1], ("",) * len(sounds), own)
fill.encode_batch = encode_batch
"""


def fill(code: str, path: Path, small: pack.Pack, folder: Path) -> subprocess.Popen[str]:
    """A process of its own that adds `folder`, once it has opened the library."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), str(small.path), str(folder)],
        env={**os.environ, "PYTHONPATH": ROOT, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "open\n"
    return process


def noise(path: Path, seed: int, rate: int = 16000, seconds: float = 0.2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = 0.1 * np.random.default_rng(seed).normal(size=int(rate * seconds))
    soundfile.write(path, sound, rate)
    return path


def many(path: Path, small: pack.Pack, count: int) -> Path:
    """A library of `count` sounds, written as `add` would."""
    library.create(path, small)
    latents = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    zeros = np.zeros(count, np.float32)
    rows = [
        store.SoundRow(
            f"{i:064x}", f"folder {i % 100}/a sound of some length {i}.flac", f"a sound {i}",
            f"label {i % 100}", "Ann", "CC0", "", "folder", f"audio/{i:064x}.flac", 1.0, True, "",
        )
        for i in range(count)
    ]  # fmt: skip
    with store.writing(path, 2) as writer:
        writer.append(rows, latents, zeros, zeros)
    return path
