from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentpad.engine.sound_writer import SoundFileWriter, format_of

RATE = 48000
ENDINGS = pytest.mark.parametrize("ending", [".wav", ".flac", ".FLAC"])


def opened(path: Path) -> tuple[int, SoundFileWriter]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    return fd, SoundFileWriter(fd, format_of(path), RATE)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).normal(size=(frames, 2)).astype(np.float32)


@contextmanager
def files_of_at_most(count: int) -> Iterator[None]:
    """A disk with this much space, in bytes: the system refuses more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@ENDINGS
def test_what_is_written_is_read_back_in_24_bits(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sound{ending}"
    fd, file = opened(path)
    sound = noise(10_000)
    for part in np.array_split(sound, 7):
        file.write(part)
    file.close()
    os.close(fd)
    read_back, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE and read_back.shape == sound.shape
    assert np.abs(read_back - sound).max() < 2**-22


@ENDINGS
def test_the_file_is_whole_while_it_is_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sound{ending}"
    fd, file = opened(path)
    for k in range(5):
        file.write(noise(5000, k))
        file.settle()
        copy = tmp_path / f"copy {k}{ending}"
        shutil.copyfile(path, copy)  # as a kill would leave it
        read_back = soundfile.read(copy)[0]
        missing = 5000 * (k + 1) - len(read_back)
        assert 0 <= missing <= (4096 if ending.lower() == ".flac" else 0)
    file.close()
    os.close(fd)


@ENDINGS
def test_on_a_full_disk_it_keeps_all_that_found_room(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"sound{ending}"
    fd, file = opened(path)
    written = [noise(4800, k) for k in range(50)]
    with files_of_at_most(300_001):
        with pytest.raises(OSError, match="too large"):
            for part in written:
                file.write(part)
        with pytest.raises(OSError, match="too large"):
            file.write(noise(1))
        with pytest.raises(OSError, match="too large"):
            file.close()
    os.close(fd)
    read_back = soundfile.read(path, dtype="float32")[0]
    room = 300_001 // 6
    assert room - 8192 < len(read_back) <= (room if ending == ".wav" else 2 * room)
    assert np.abs(read_back - np.concatenate(written)[: len(read_back)]).max() < 2**-22


def test_a_small_wav_is_a_plain_one_and_beyond_4_gb_it_is_rf64(tmp_path: Path) -> None:
    """Four hours of silence, as a sparse file that takes no space on the disk."""
    path = tmp_path / "long.wav"
    fd, file = opened(path)
    file.write(noise(1000))
    file.settle()
    assert path.read_bytes()[:4] == b"RIFF"
    frames = 4_300_000_000 // 6
    os.ftruncate(fd, path.stat().st_size + 6 * (frames - 1000))
    file._file.seek(frames)
    file.write(noise(1000, 1))
    file.settle()
    with soundfile.SoundFile(path) as read:  # as a kill would leave it
        assert read.format == "RF64" and read.frames == frames + 1000
    file.close()
    os.close(fd)
    with soundfile.SoundFile(path) as read:
        assert read.format == "RF64" and read.frames == frames + 1000
        read.seek(frames)
        assert np.abs(read.read(dtype="float32") - noise(1000, 1)).max() < 2**-22


@pytest.mark.parametrize("name", ["take.mp3", "take", "take.wav.bak", ".wav", "take.jsonl"])
def test_other_endings_are_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"\.wav or \.flac"):
        format_of(Path(name))


def test_libsndfile_s_own_words_stay_off_the_terminal(tmp_path: Path) -> None:
    """The C library and its bindings print nothing when the system refuses."""
    program = (
        "import os, resource, sys; from pathlib import Path; import numpy as np\n"
        "from latentpad.engine.sound_writer import SoundFileWriter, format_of\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, -1))\n"
        "fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "file = SoundFileWriter(fd, format_of(Path(sys.argv[1])), 48000)\n"
        "for end in (lambda: [file.write(np.zeros((9999, 2), 'f4')) for _ in range(9)],\n"
        "            file.settle, file.close):\n"
        "    try: end()\n"
        "    except OSError: pass\n"
        "    else: raise SystemExit(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "sound.wav")],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout == "" and done.stderr == ""
