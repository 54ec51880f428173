"""What a learned texture does to the sounds of a pack.

    python -m latentpad.benchmarks.textures PACK FOLDER [--sounds 24] [--add]

Compares some anchors of PACK with their recordings in FOLDER: how near the texture that the decoder
tells is to the measured one, and how the sounds are with it and without: as heard, which means
played as a voice plays them, and analysed again. With --add the texture is first learned for a copy
of a pack that has none.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from latentpad.benchmarks import shapes
from latentpad.engine.decode.frame_decoder import FrameDecoder
from latentpad.engine.play.resynthesis import resynthesise
from latentpad.models.audio.texture import frame_texture
from latentpad.models.metrics import heard
from latentpad.models.packs import networks
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.representation import Floats, Representation
from latentpad.models.training import dataset, texture
from latentpad.models.training.quality import JudgedPhase

HEARD = 0.02  # textures above this are of cells that are heard
TIMED = 20  # sounds


def with_texture(pack: Pack, folder: Path, out: Path) -> Pack:
    """A copy of the pack that has learned the texture of its recordings."""
    r, sources = pack.representation, pack.sources()
    clips = [dataset.Clip(folder / row["id"], row["id"], "", "", split="train") for row in sources]
    sounds, _ = dataset.spectrograms(clips, r)
    began = time.process_time()
    made = texture.textured(
        networks.load_decoder(pack), pack.anchors.latents, sounds, r, clips, shapes.PHASE
    )
    spent = time.process_time() - began
    print(f"learned in {spent:.0f} s of processor time: {made.figures}\n")
    copy = replace(
        pack, path=out, name=out.name, representation=made.representation,
        training={**pack.training, "texture": made.figures},
    )  # fmt: skip
    packs.save(copy, None, made.decoder, sources)
    return packs.load(out)


def told(pack: Pack, decoder: FrameDecoder, chosen: list[int], folder: Path) -> str:
    """How near the decoded textures are to those measured."""
    r = pack.representation
    pairs = []
    for i in chosen:
        clip = dataset.Clip(folder / str(pack.anchors.ids[i]), "", "", "")
        recorded = r.unscaled(dataset.spectrogram(clip, r)[0])
        decoded = decoder.whole(pack.anchors.latents[i : i + 1])[0]
        pairs.append((frame_texture(recorded, r).ravel(), decoded[:, r.bins :].ravel()))
    measured, found = (np.concatenate(side) for side in zip(*pairs, strict=True))
    factor = pack.training.get("texture", {}).get("factor", 1.0)
    measured = np.minimum(factor * measured, 1)
    away, heard = np.abs(measured - found), measured > HEARD
    return (
        f"Told and measured texture of {len(chosen)} sounds: correlation "
        f"{np.corrcoef(measured, found)[0, 1]:.2f}, mean difference {away.mean():.3f}, where there "
        f"is any {away[heard].mean():.3f}; mean {found.mean():.2f}.\n"
    )


def hop_us(decoded: Floats, r: Representation, learned: float) -> float:
    """The median processor time of one voice's hop, microseconds."""
    spent = []
    for _ in range(TIMED):
        began = time.process_time()
        resynthesise(decoded, r, learned=learned)
        spent.append(time.process_time() - began)
    return 1e6 * float(np.median(spent)) * min(r.hop, r.n_fft // 8) / (len(decoded) * r.hop)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pack")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sounds", type=int, default=24, help="compared, at most")
    parser.add_argument("--add", action="store_true", help="learn the texture first, for a copy")
    options = parser.parse_args()
    pack = packs.load(packs.find(options.pack))
    print(f"\n## {pack.name}\n")
    with tempfile.TemporaryDirectory() as scratch:
        if options.add:
            pack = with_texture(pack, options.folder, Path(scratch) / "textured")
        decoder, r = FrameDecoder(pack), pack.representation
        chosen = heard.evenly(range(len(pack.anchors)), options.sounds)
        print(told(pack, decoder, chosen, options.folder))
        print(shapes.HEAD)
        for learned in (0.0, 1.0):
            sound = partial(resynthesise, learned=learned)
            phase = JudgedPhase(shapes.PHASE.name, sound)
            name = f"`/texture/learned` {learned:g}"
            print(shapes.row(name, pack, decoder, chosen, options.folder, phase), flush=True)
        decoded = decoder.whole(pack.anchors.latents[:1])[0]
        costs = [hop_us(decoded, r, learned) for learned in (0.0, 1.0)]
        print(f"\nA voice's hop: {costs[0]:.0f} µs without, {costs[1]:.0f} µs with it.")


if __name__ == "__main__":
    main()
