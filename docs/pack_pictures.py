"""Redraw the pictures of a pack's card: `python docs/pack_pictures.py PACK [RECORDINGS]`.

plane.png shows the positions of its sounds on the pad. reconstructions.png, recordings above what
is heard of them, needs the folder of the recordings that the pack was trained on; without it that
picture is not changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from latentpad.engine.play import resynthesis
from latentpad.models.audio import reading
from latentpad.models.maps import picture as plane_picture
from latentpad.models.packs import networks, pack
from latentpad.models.training import reconstructions_picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack", help="by name or folder")
    parser.add_argument("recordings", nargs="?", type=Path)
    arguments = parser.parse_args()
    loaded = pack.load(pack.find(arguments.pack))
    pictures = {plane_picture.FILE: plane_picture.draw(loaded)}
    if arguments.recordings is not None:
        r = loaded.representation
        chosen = reconstructions_picture.pictured_rows([row["split"] for row in loaded.sources()])
        recorded = [
            r.decibels(
                r.magnitudes(
                    reading.read_samples(arguments.recordings / str(loaded.anchors.ids[i]), r)
                )
            )
            for i in chosen
        ]
        pictures[reconstructions_picture.FILE] = reconstructions_picture.draw(
            loaded, networks.load_decoder(loaded), chosen, recorded, resynthesis.resynthesise
        )
    for name, picture in pictures.items():
        (loaded.path / name).write_bytes(picture)
        print(loaded.path / name)


if __name__ == "__main__":
    main()
