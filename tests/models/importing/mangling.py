"""Small valid files of every kind, and some hundred ways to mangle them; each tried in one process.

`python -m tests.models.importing.mangling FOLDER` prints a line of JSON for every try, then one of
memory.
"""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import struct
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import soundfile
from keras import layers
from tensorflow.core.protobuf import saved_model_pb2

from latentpad.models.audio import reading
from latentpad.models.importing import anchors, importer
from latentpad.models.importing.layout import Foreign, ForeignError
from latentpad.models.packs import networks, pack
from latentpad.models.representation import Representation
from latentpad.models.sources.sound_map import SoundMapError
from tests.models.importing.test_tfjs import write as write_tfjs

R = Representation(22050, 64, 32, "hann", 16, 100.0)
FOREIGN = Foreign(22050, n_fft=64, hop=32, orientation="frequency first")
AUDIO = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "aiff": "AIFF"}
NPZ = ("anchors.npz", "planes.npz")
Change = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One file to mangle."""

    kind: str  # which of `TRIED`
    name: str
    change: Change  # of the copied file or folder
    certain: bool = True  # whether it must be refused, or may still be whole


# ------------------------------------------------------------------ what is mangled


def decoder() -> Any:
    keras.utils.set_random_seed(0)
    z = keras.Input((4,), name="z")
    x = layers.Reshape((8, 4, 2), name="fold")(layers.Dense(64, activation="relu", name="grow")(z))
    x = layers.Conv2DTranspose(2, 3, 2, "same", activation="relu", name="up")(x)
    y = layers.Conv2DTranspose(1, 3, 2, "same", activation="sigmoid", name="sound")(x)
    return keras.Model(z, y, name="decoder")


def prepare(folder: Path) -> None:
    """The valid ones, in `folder`."""
    theirs = decoder()
    theirs.save(folder / "keras.keras")
    write_tfjs(theirs, folder / "tfjs")
    theirs.export(str(folder / "saved"), verbose=False)
    rows = [{"id": i, "name": f"s{i}", "mu": [i / 9, 0.5, -1, 2], "url": "u"} for i in range(9)]
    (folder / "map.json").write_text(json.dumps({"results": rows}))
    says: list[str] = []
    importer.import_model(
        folder / "keras.keras", folder / "pack", FOREIGN, sound_map=folder / "map.json",
        log=says.append, measure=False,
    )  # fmt: skip
    sound = np.sin(np.arange(4000) / 5) * np.exp(-np.arange(4000) / 900)
    for suffix, kind in AUDIO.items():
        soundfile.write(folder / f"audio.{suffix}", sound, 22050, format=kind)


def tried(kind: str, path: Path) -> None:
    """As the program reads it. Raises what is refused."""
    if kind == "pack":
        result = pack.load(path)
        networks.load_decoder(result)
        result.sources()
    elif kind == "map":
        anchors.from_map(path, 4, lambda line: None)
    elif kind.startswith("audio"):
        if path not in reading.sound_files(path.parent):
            raise reading.AudioError(f"{path}: is not among the files of its folder")
        reading.read_samples(path, R)
    else:
        importer.import_model(
            path, path.parent / "out", FOREIGN, log=lambda line: None, measure=False
        )


REFUSED = (ForeignError, SoundMapError, reading.AudioError, pack.PackError)
SOURCES = {"pack": "pack", "map": "map.json", "keras": "keras.keras", "tfjs": "tfjs"} | {
    "saved": "saved", **{f"audio {s}": f"audio.{s}" for s in AUDIO},
}  # fmt: skip


# ------------------------------------------------------------------ how


def cut(share: float) -> Change:
    return lambda p: p.write_bytes((data := p.read_bytes())[: int(share * len(data))])


def filled(data: bytes) -> Change:
    return lambda p: p.write_bytes(data)


def odd(make: Callable[[Path], object]) -> Change:
    """Something that is no file, where there was one."""

    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


def flipped(seed: int, count: int = 8) -> Change:
    def change(path: Path) -> None:
        rng, data = np.random.default_rng(seed), bytearray(path.read_bytes())
        for place in rng.integers(0, len(data), count):
            data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(data))

    return change


def within(name: str, change: Change) -> Change:
    return lambda folder: change(folder / name)


GENERAL: dict[str, Change] = {
    **{f"cut to {share:.0%}": cut(share) for share in (0, 0.1, 0.4, 0.7, 0.95)},
    "noise": filled(np.random.default_rng(0).bytes(5000)),
    "zeros": filled(bytes(5000)),
    "text": filled(b"hello\n" * 50),
    "missing": lambda p: p.unlink(),
    "a folder": odd(lambda p: p.mkdir()),
    "a pipe": odd(lambda p: os.mkfifo(p)),
    "a loop of links": odd(lambda p: p.symlink_to(p)),
    "a device": odd(lambda p: p.symlink_to("/dev/zero")),
}


def zipped(change: Callable[[dict[str, bytes]], object], method: int = 8) -> Change:
    def made(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            content = {n: archive.read(n) for n in archive.namelist()}
        change(content)
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in content.items():
                archive.writestr(name, data)

    return made


def array(name: str, change: Callable[[Any], Any]) -> Change:
    def made(content: dict[str, bytes]) -> None:
        value = np.load(io.BytesIO(content[f"{name}.npy"]))
        file = io.BytesIO()
        np.save(file, change(value), allow_pickle=True)
        content[f"{name}.npy"] = file.getvalue()

    return zipped(made)


def header(text: str) -> Callable[[dict[str, bytes]], object]:
    """An .npy whose header says `text`, of 8 bytes of data."""
    line = text.encode() + b" " * (117 - len(text)) + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line)) + line + bytes(8)
    return lambda content: content.update({next(iter(content)): data})


def bomb(path: Path) -> None:
    """A gigabyte of zeros in a megabyte."""
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bomb.npy", "w", force_zip64=True) as file,
    ):
        for _ in range(64):
            file.write(bytes(1 << 24))


ARRAYS: dict[str, Change] = {
    "climbing name": zipped(lambda c: c.update({"../evil.npy": next(iter(c.values()))})),
    "absolute name": zipped(lambda c: c.update({"/tmp/evil.npy": next(iter(c.values()))})),
    "no array": zipped(lambda c: c.update({next(iter(c)): b"hello"})),
    "code in its header": zipped(header("__import__('os').system('touch /tmp/evil')")),
    "huge shape": zipped(header("{'descr':'<f4','fortran_order':False,'shape':(99999999999,2)}")),
    "negative shape": zipped(header("{'descr':'<f4','fortran_order':False,'shape':(-2,-1)}")),
    "shape of text": zipped(header("{'descr':'<f4','fortran_order':False,'shape':('9',2)}")),
    "objects": zipped(header("{'descr':'|O','fortran_order':False,'shape':(1,)}")),
    "no such type": zipped(header("{'descr':'<q9','fortran_order':False,'shape':(1,)}")),
    "deep header": zipped(header("(" * 100)),
    "bomb": bomb,
    "many arrays": zipped(lambda c: c.update({f"a{i}.npy": b"" for i in range(500)})),
    "encrypted": lambda p: p.write_bytes(_marked(p.read_bytes(), 0, 1)),
    "no such compression": lambda p: p.write_bytes(_marked(p.read_bytes(), 2, 99)),
}  # fmt: skip


def _marked(data: bytes, place: int, value: int) -> bytes:
    """Every member's heading says `value`, `place` bytes after its flags."""
    done = bytearray(data)
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = done.find(sign)
        while at >= 0:
            done[at + flags + place] = value
            at = done.find(sign, at + 4)
    return bytes(done)


TOML: dict[str, tuple[str, ...]] = {
    "format": ("2", '"1"', "1.0", "true", "0x" + "f" * 5000),
    "name": ('"../evil"', '""', "7", '"a\\nb"', '"' + "n" * 65 + '"'),
    "title": ("7", '"a\\u0007b"', '"a\\nb"', "[]"),
    "licence": ("false", '"x\\ny"'),
    "sample_rate": ("0", "-1", '"48000"', "48000.5", "9" * 400, "true"),
    "n_fft": ("63", "100", "1073741824", "[64]", "nan"),
    "hop": ("0", "33", "1000000", "{}"),
    "window": ('"kaiser"', "3", '"../hann"'),
    "frames": ("0", "17", "99999999", "-16"),
    "range_db": ("0", "nan", "inf", "-inf", '"90"', "9" * 400, "1e308"),
    "dim": ("0", "3", "65", "4.0", '"4"', "9" * 30),
    "kl": ("[]", "[1,2,3]", "[1,2,3,nan]", '["a","b","c","d"]', "4", "[[1],[2],[3],[4]]"),
    "default": ('"nowhere"', "1", '"../map"'),
}


def toml(key: str, value: str) -> Change:
    def change(path: Path) -> None:
        lines = path.read_text().splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{key} = "))
        lines = [line for i, line in enumerate(lines) if i <= at or not line.startswith("    ")]
        lines[at] = f"{key} = {value}"
        while at + 1 < len(lines) and lines[at + 1] == "]":
            del lines[at + 1]
        path.write_text("\n".join(lines))

    return within("model.toml", change)


def h5(change: Callable[[Any], object]) -> Change:
    def made(content: dict[str, bytes]) -> None:
        file = io.BytesIO(content["model.weights.h5"])
        with h5py.File(file, "r+") as opened:
            change(opened)
        content["model.weights.h5"] = file.getvalue()

    return zipped(made, zipfile.ZIP_STORED)


def instead(value: Any, **how: Any) -> Change:
    def change(file: Any) -> None:
        del file["layers/dense/vars/1"]
        if value is not None:
            file.create_dataset("layers/dense/vars/1", data=value, **how)

    return h5(change)


def link(target: Any) -> Change:
    def change(file: Any) -> None:
        del file["layers/dense/vars/1"]
        file["layers/dense/vars/1"] = target

    return h5(change)


def config(old: str, new: str) -> Change:
    def change(content: dict[str, bytes]) -> None:
        assert old.encode() in content["config.json"], old
        content["config.json"] = content["config.json"].replace(old.encode(), new.encode())

    return zipped(change)


def member(name: str, data: bytes) -> Change:
    return zipped(lambda c: c.update({name: data}))


KERAS: dict[str, Change] = {
    "a layer's weights gone": h5(lambda f: f.__delitem__("layers/dense")),
    "all weights gone": h5(lambda f: f.__delitem__("layers")),
    "a bias gone": instead(None),
    "a renamed layer": h5(lambda f: f.move("layers/dense", "layers/dense_9")),
    "a short bias": instead(np.zeros(63, np.float32)),
    "a long bias": instead(np.zeros(65, np.float32)),
    "a bias of one": instead(np.zeros(1, np.float32)),
    "a bias of text": instead(np.array([b"x"] * 64)),
    "weights not finite": instead(np.full(64, np.nan, np.float32)),
    "endless weights": instead(np.full(64, np.inf, np.float32)),
    "compressed": instead(np.zeros(64, np.float32), chunks=(64,), compression="gzip"),
    "never written": h5(lambda f: f.create_dataset("x", (1 << 20, 1 << 18), "f4", chunks=(9, 9))),
    "link outside": link(h5py.ExternalLink("/etc/passwd", "/")),
    "link within": link(h5py.SoftLink("/layers/dense/vars/0")),
    "a loop of groups": h5(lambda f: f.__setitem__("layers/dense/again", f["layers"])),
    "Lambda": config('"Reshape"', '"Lambda"'),
    "TFSMLayer": config('"Reshape"', '"TFSMLayer"'),
    "someone's layer": config('"registered_name": null', '"registered_name": "my>Layer"'),
    "a module of the system": config("keras.initializers", "os"),
    "a module that downloads": config("keras.layers", "keras.utils"),
    "no such layer": config('"Reshape"', '"Nonesuch"'),
    "endless units": config('"units": 64', '"units": 64000000000'),
    "units of text": config('"units": 64', '"units": "many"'),
    "no units": config('"units": 64', '"units": -64'),
    "other units": config('"units": 64', '"units": 65'),
    "huge kernel": config('"kernel_size": [3, 3]', '"kernel_size": [99999, 99999]'),
    "huge strides": config('"strides": [2, 2]', '"strides": [99999, 99999]'),
    "huge shape": config('"target_shape": [8, 4, 2]', '"target_shape": [99999, 99999, 99999]'),
    "config a list": member("config.json", b"[]"),
    "config empty": member("config.json", b"{}"),
    "config deep": member("config.json", b"[" * 200_000),
    "config no text": member("config.json", b"\xff\xfe\x00"),
    "config a bomb": member("config.json", b" " * (20 << 20)),
    "weights a bomb": member("model.weights.h5", bytes(100 << 20)),
    "weights no file": member("model.weights.h5", b"hello"),
    "weights cut": zipped(lambda c: c.update({"model.weights.h5": c["model.weights.h5"][:9000]})),
    "climbing member": member("../evil.py", b"print()"),
    "absolute member": member("/tmp/evil.py", b"print()"),
    "a pickle in it": member("assets/layer.pkl", b"cos\nsystem\n(S'x'\ntR."),
    "no weights": zipped(lambda c: c.pop("model.weights.h5")),
    "no config": zipped(lambda c: c.pop("config.json")),
    "encrypted": lambda p: p.write_bytes(_marked(p.read_bytes(), 0, 1)),
}


def swapped(seed: int) -> Change:
    """Another kind of value at one place of a JSON."""

    def change(path: Path) -> None:
        content, rng = json.loads(path.read_text()), np.random.default_rng(seed)
        positions: list[tuple[Any, Any]] = []
        waiting = [content]
        while waiting:
            node = waiting.pop()
            keys = list(node) if isinstance(node, dict) else range(len(node))
            positions += [(node, key) for key in keys]
            waiting += [node[key] for key in keys if isinstance(node[key], dict | list)]
        node, key = positions[rng.integers(len(positions))]
        odd_ones: list[Any] = [
            None,
            -1,
            1e999,
            "../x",
            [],
            {},
            10**30,
            True,
            [[]],
            "\x1b[0m\n",
            0.5,
        ]
        node[key] = odd_ones[rng.integers(len(odd_ones))]
        path.write_text(json.dumps(content))

    return change


def manifest(**fields: Any) -> Change:
    def change(path: Path) -> None:
        content = json.loads(path.read_text())
        content["weightsManifest"][0].update(fields)
        path.write_text(json.dumps(content))

    return within("model.json", change)


MAPS: dict[str, bytes] = {
    "a number": b"3", "nothing": b"null", "an empty list": b"[]", "an object": b'{"results": 3}',
    "deep": b"[" * 200_000, "no mu": b'[{"id": 1}]', "two latents": b'[{"id": 1, "mu": [1, 2]}]',
    "NaN": b'[{"id": 1, "mu": [1, 2, 3, NaN]}]', "endless": b'[{"id":1,"mu":[1,2,3,1e999]}]',
    "far away": b'[{"id": 1, "mu": [1, 2, 3, 1e30]}]', "nulls": b"[null, null]",
    "a thousand digits": b'[{"id": 1, "mu": [1,2,3,' + b"9" * 1000 + b"]}]",
    "ten thousand digits": b'[{"id": 1, "mu": [1,2,3,' + b"9" * 10_000 + b"]}]",
    "truth": b'[{"id": 1, "mu": [1, 2, 3, true]}]', "text": b'[{"id": 1, "mu": "abcd"}]',
    "twice the same": b'[{"id": 1, "mu": [0,0,0,0]}, {"id": 1, "mu": [0,0,0,0]}]',
    "no id": b'[{"mu": [1, 2, 3, 4]}]', "a list for an id": b'[{"id": [], "mu": [1,2,3,4]}]',
    "half a pair": b'[{"id": "\\ud800", "mu": [1,2,3]}]', "UTF-16": "[]".encode("utf-16"),
}  # fmt: skip


def wav(channels: int = 1, rate: int = 22050, bits: int = 16, size: int | None = None,
        form: int = 1, data: bytes = bytes(64)) -> Change:  # fmt: skip
    """A WAV whose heading says so."""
    width = max(1, channels * bits // 8)
    heading = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, form,
        channels & 0xFFFF, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits & 0xFFFF,
        b"data", len(data) if size is None else size,
    )  # fmt: skip
    return filled(heading + data)


WAVS: dict[str, tuple[Change, bool]] = {
    "no channels": (wav(channels=0), True),
    "a thousand channels": (wav(channels=65535), True),
    "no rate": (wav(rate=0), True),
    "an endless rate": (wav(rate=2**31 - 1), True),
    "no bits": (wav(bits=0), True),
    "no such form": (wav(form=0x7777), True),
    "silence": (wav(), True),
    "nothing": (wav(data=b""), True),
    "not finite": (wav(bits=32, form=3, data=np.full(64, np.nan, "<f4").tobytes()), True),
    "endless": (wav(bits=32, form=3, data=np.full(64, np.inf, "<f4").tobytes()), True),
    "a lie of 4 GB": (wav(size=2**32 - 1, data=b"\x10\x20" * 99), False),
}


def graph(how: Callable[[Any], object]) -> Change:
    def change(folder: Path) -> None:
        file = folder / "saved_model.pb"
        content = saved_model_pb2.SavedModel.FromString(file.read_bytes())
        how(content.meta_graphs[0])
        file.write_bytes(content.SerializeToString())

    return change


def operation(old: str, new: str) -> Change:
    def change(meta: Any) -> None:
        for function in meta.graph_def.library.function:
            for node in function.node_def:
                node.op = new if node.op == old else node.op

    return graph(change)


GRAPHS: dict[str, Change] = {
    **{f"{op} in it": operation("Sigmoid", op) for op in
       ("WriteFile", "ReadFile", "PyFunc", "EagerPyFunc", "Exit", "SaveV2", "XlaHostCompute",
        "DecodeRaw", "Nonesuch", "Save\n\nV2")},
    "no functions": graph(lambda m: m.graph_def.library.ClearField("function")),
    "no objects": graph(lambda m: m.ClearField("object_graph_def")),
    "no signature": graph(lambda m: m.signature_def.clear()),
    "no tag": graph(lambda m: m.meta_info_def.ClearField("tags")),
    "no variables": lambda p: shutil.rmtree(p / "variables"),
}  # fmt: skip


def cases() -> Iterator[Case]:
    for file in ("model.toml", "decoder.keras", *NPZ):
        for name, change in GENERAL.items():
            # Its end holds only what is said of the training.
            sure = file != "model.toml" or name not in ("cut to 70%", "cut to 95%")
            yield Case("pack", f"{file}: {name}", within(file, change), sure)
    for file in NPZ:
        yield from (Case("pack", f"{file}: {n}", within(file, c)) for n, c in ARRAYS.items())
    broken = {"NaN": lambda x: x * np.nan, "far": lambda x: x + 1e30, "short": lambda x: x[:3],
              "text": lambda x: x.astype("U"), "pickled": lambda x: x.astype(object)}  # fmt: skip
    for name, change in broken.items():
        yield Case("pack", f"latents: {name}", within(NPZ[0], array("latents", change)))
        yield Case("pack", f"map: {name}", within(NPZ[1], array("map", change)))
    for key, values in TOML.items():
        yield from (Case("pack", f"{key} = {v[:20]}", toml(key, v)) for v in values)
    for name, data in {"no text": b"\xff\xfe", "long row": b"id\n1,2,3\n",
                       "long field": b"id\n" + b"x" * 200_000}.items():  # fmt: skip
        yield Case("pack", f"sources.csv: {name}", within("sources.csv", filled(data)))
    for name, change in KERAS.items():
        yield Case("keras", name, change)
        yield Case("pack", f"decoder.keras: {name}", within("decoder.keras", _ours(change)), False)
    for name, change in GENERAL.items():
        yield Case("keras", name, change)
        yield Case("map", name, change)
        yield Case("tfjs", f"model.json: {name}", within("model.json", change))
        yield Case("tfjs", f"shard: {name}", within("group1-shard2of3.bin", change))
        yield Case("saved", f"graph: {name}", within("saved_model.pb", change))
        yield Case("saved", f"index: {name}", within("variables/variables.index", change))
        data_file = "variables/variables.data-00000-of-00001"
        yield Case("saved", f"data: {name}", within(data_file, change), not name.startswith("cut"))
        for suffix in AUDIO:
            sure = not name.startswith("cut") or name == "cut to 0%"
            yield Case(f"audio {suffix}", name, change, sure)
    for path in ("../up.bin", "/etc/passwd", "http://x/y", "a\0b", "x" * 5000, ".", ""):
        yield Case("tfjs", f"shard {path[:12]!r}", manifest(paths=[path]))
    yield from (Case("map", name, filled(data)) for name, data in MAPS.items())
    yield from (Case("saved", name, change) for name, change in GRAPHS.items())
    yield from (Case("audio wav", name, c, sure) for name, (c, sure) in WAVS.items())
    for seed in range(6):
        for file in ("model.toml", "decoder.keras", *NPZ):
            yield Case("pack", f"{file}: flips {seed}", within(file, flipped(seed)), False)
        yield Case("keras", f"flips {seed}", flipped(seed), False)
        yield Case("saved", f"graph: flips {seed}", within("saved_model.pb", flipped(seed)), False)
        index = within("variables/variables.index", flipped(seed, 2))
        yield Case("saved", f"index: flips {seed}", index, False)
        yield Case("map", f"flips {seed}", flipped(seed), False)
        yield from (Case(f"audio {s}", f"flips {seed}", flipped(seed), False) for s in AUDIO)
    for seed in range(20):
        yield Case("tfjs", f"swap {seed}", within("model.json", swapped(seed)), False)
        yield Case("map", f"swap {seed}", swapped(seed), False)


def _ours(change: Change) -> Change:
    """The same of a pack's decoder, where it applies: ours has other layers around it."""

    def made(path: Path) -> None:
        try:
            change(path)
        except (AssertionError, KeyError, ValueError):
            path.write_bytes(b"")

    return made


def main(folder: Path) -> None:
    anchors.DRAWN = 8  # so that what is still whole is soon taken
    valid, trial = folder / "valid", folder / "trial"
    valid.mkdir()
    prepare(valid)
    for kind, name in SOURCES.items():  # what is whole is taken, and warms everything up
        tried(kind, valid / name)
        shutil.rmtree(valid / "out", ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in cases():
        shutil.rmtree(trial, ignore_errors=True)
        trial.mkdir()
        source = valid / SOURCES[case.kind]
        path = trial / source.name
        copy: Any = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, path)
        case.change(path)
        there = snapshot(folder)
        began, said = time.perf_counter(), ""
        try:
            tried(case.kind, path)
            outcome = "taken"
        except REFUSED as error:
            outcome, said = "refused", str(error)
        except BaseException as error:
            outcome, said = f"{type(error).__name__}", str(error)[:300]
        seconds = time.perf_counter() - began
        after = snapshot(folder)
        shutil.rmtree(trial / "out", ignore_errors=True)
        written = sorted(str(p) for p in after - there if "trial/out" not in str(p))
        print(json.dumps({
            "kind": case.kind, "name": case.name, "certain": case.certain, "outcome": outcome,
            "said": said, "seconds": seconds, "written": written,
            "left": outcome != "taken" and after != there,
        }), flush=True)  # fmt: skip
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"kind": "memory", "grown_mb": grown / 1024}))


def snapshot(folder: Path) -> set[tuple[str, int, int]]:
    result = set()
    for path in [*folder.rglob("*"), *Path("/tmp").glob("evil*")]:
        reported = path.lstat()
        result.add((str(path), reported.st_size, reported.st_mtime_ns if not path.is_dir() else 0))
    return result


if __name__ == "__main__":
    main(Path(sys.argv[1]))
