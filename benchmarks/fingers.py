"""How many new points a second each of many voices is heard at, and what a moving voice costs.

    python -m latentpad.benchmarks.fingers [SECONDS] [PACK ...] > benchmarks/fingers.md

Eight fingers send OSC to `latentpad play` on a JACK server, 60 new points a second each.
`benchmarks.heard` counts what each voice took up. Sixteen voices get points of their own on the
board, where no controller has so many fingers. Without PACK: those that are shipped, and a larger
one, untrained.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from latentpad.benchmarks.jack_server import JackServer, jack_server
from latentpad.benchmarks.machine import machine
from latentpad.benchmarks.programs import PlayProcess, free_port, least_program
from latentpad.benchmarks.rest import kind, used
from latentpad.benchmarks.wide_pack import wide_pack
from latentpad.engine import board as b
from latentpad.engine.control.session import Session
from latentpad.engine.history import SOUND, History
from latentpad.engine.output_settings import OutputSettings
from latentpad.engine.parameters import VOICES
from latentpad.models.packs.pack import SHIPPED, Pack, load
from latentpad.models.progress import LogCallback

BLOCK = 128
HEARD = "latentpad.benchmarks.heard"
RATE = 60  # new points a second
FINGERS = 8
WARM_S = 60.0  # from then on memory should not grow
SIXTEEN_S = 20.0
ONE_S = 10.0
WHOLE = 50  # whole decodes that are timed


def points(k: int, finger: int) -> tuple[float, float]:
    """The point of a finger at its turn `k`: a curve that all but never comes back."""
    phase = 0.9 * finger + k / RATE
    return 0.5 + 0.45 * np.sin(1.7 * phase), 0.5 + 0.45 * np.sin(2.3 * phase + finger)


def eight_fingers(
    pack: Pack, server: JackServer, seconds: float, say: LogCallback
) -> Iterator[str]:
    """Rows: points heard by each finger, and what came late."""
    late: dict[str, list[list[float]]] = {}
    with least_program(server, BLOCK, late):
        instrument = PlayProcess(
            server, free_port(), BLOCK, None, say, str(pack.path), ("--controller", HEARD)
        )
        try:
            instrument.send(("/mode", ("loop",)), ("/gain", (-18.0,)))
            for finger in range(1, FINGERS + 1):
                instrument.send((f"/pad/{finger}/xy", points(0, finger)))
                instrument.send((f"/pad/{finger}/touch", (1,)))
            time.sleep(1.0)
            before = instrument.meters()
            began = time.monotonic()
            warm_s = min(WARM_S, seconds / 2)
            for k in range(int(seconds * RATE)):
                if k == int(warm_s * RATE):
                    family, memory = instrument.family(), instrument.memory()
                for finger in range(1, FINGERS + 1):
                    instrument.send((f"/pad/{finger}/xy", points(k, finger)))
                time.sleep(max(0.0, began + (k + 1) / RATE - time.monotonic()))
            after = instrument.meters()
            replaced = len(set(family) - set(instrument.family()))
            growth = 100 * (instrument.memory() / memory - 1)
        finally:
            instrument.close()

    def since(address: str) -> list[int]:
        both = zip(before[address], after[address], strict=True)
        return [int(later) - int(earlier) for earlier, later in both]

    faults, windows = since("/meter/faults"), since("/bench/windows")
    heard = [count / seconds for count in since("/bench/heard")]
    yield f"| new points heard a second, of {RATE} that each finger sent | {_spread(heard)} |"
    yield f"| starved ring reads in {seconds:.0f} s | {faults[0]} |"
    yield f"| late callbacks of the least possible program beside it | {len(late['late'])} |"
    yield f"| points dropped for newer ones | {faults[4]} |"
    yield f"| sounds played before they were decoded there, of {windows[1]} | {windows[0]} |"
    yield f"| sounds decoded whole | {windows[2]} |"
    yield (
        f"| memory of the processes (RssAnon) in second {warm_s:.0f}, and its growth since then "
        f"| {memory:.0f} MB, {growth:+.2f} % |"
    )
    yield f"| processes replaced | {replaced} |"


def sixteen_voices(pack: Pack) -> Iterator[str]:
    """Rows: points heard by each of sixteen voices whose points are set on the board."""
    session = Session(pack, OutputSettings(null=True))
    session.start()
    try:
        session.wait_ready(300)
        instrument, board = session.instrument, session.board
        for note in range(VOICES):
            instrument.apply("/note", (40 + note, 100))
        time.sleep(2.0)
        history, counted = History(board), [board.decoder.copy(), board.player.copy()]
        heard: Counter[int] = Counter()
        began = time.monotonic()
        for k in range(int(SIXTEEN_S * RATE)):
            with board.writing():
                for v in range(VOICES):
                    board.points[v] = points(k, v)
                    board.requests[v] += 1
            session.wake_decoder()
            time.sleep(max(0.0, began + (k + 1) / RATE - time.monotonic()))
            heard.update(e.number for e in history.read(board.tape_head[0]) if e.kind == SOUND)
        late = board.player[b.LATE_WINDOWS] - counted[1][b.LATE_WINDOWS]
        completed = board.decoder[b.COMPLETED]
        time.sleep(1.0)
        rest = board.decoder[b.COMPLETED] - completed
    finally:
        session.close()
    rates = [count / SIXTEEN_S for count in heard.values()]
    yield f"| the same for {VOICES} voices, set on the board | {_spread(rates)} |"
    yield f"| windows that came too late, of them | {late:.0f} |"
    yield f"| sounds completed within a second after the last point | {rest:.0f} |"


def one_voice(pack: Pack, say: LogCallback) -> Iterator[str]:
    """Rows: what one moving voice costs, beside whole decodes of its points."""
    instrument = PlayProcess(None, free_port(), BLOCK, None, say, str(pack.path))
    try:
        processes = instrument.family()
        instrument.send(("/mode", ("loop",)), ("/pad/1/xy", points(0, 1)))
        instrument.send(("/pad/1/touch", (1,)))
        time.sleep(2.0)
        before = [used(process) for process in processes]
        began = time.monotonic()
        for k in range(int(ONE_S * RATE)):
            instrument.send(("/pad/1/xy", points(k, 1)))
            time.sleep(max(0.0, began + (k + 1) / RATE - time.monotonic()))
        seconds = time.monotonic() - began
        costs: defaultdict[str, float] = defaultdict(float)
        for process, earlier in zip(processes, before, strict=True):
            costs[kind(process)] += 100 * (used(process) - earlier) / seconds
    finally:
        instrument.close()
    each = ", ".join(f"{name} {cost:.1f}" for name, cost in costs.items() if cost >= 0.05)
    yield f"| one moving voice, {RATE} points a second, % of a core | {sum(costs.values()):.1f} |"
    yield f"| of these | {each} |"
    yield f"| whole decodes of the same points alone | {100 * RATE * whole_s(pack):.1f} |"


def whole_s(pack: Pack) -> float:
    """The time of a whole decode and the measuring of the sound, s."""
    from latentpad.engine.decode.decoder import fastest_decoder
    from latentpad.engine.decode.sound import describe

    decoder, _ = fastest_decoder(pack)
    seconds = []
    for k in range(WHOLE):
        latent = pack.anchors.latents[k % len(pack.anchors)][None]
        began = time.process_time()
        describe(decoder.whole(latent)[0], pack.representation)
        seconds.append(time.process_time() - began)
    return float(np.median(seconds))


def _spread(rates: list[float]) -> str:
    return f"{min(rates):.0f} to {max(rates):.0f}" if rates else "none"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    print(
        f"# Many fingers, {time.strftime('%Y-%m-%d')}\n\n"
        f"`python -m latentpad.benchmarks.fingers {seconds:.0f}` on {machine()}, with a load "
        f"average of {os.getloadavg()[0]:.1f} before. JACK (dummy driver), blocks of {BLOCK}; "
        "sixteen voices and one voice on the null output.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        packs = [load(path) for path in sys.argv[2:]] or [
            load(SHIPPED / "footsteps"),
            load(SHIPPED / "oneshots"),
            wide_pack(Path(folder) / "wide"),
        ]
        for pack in packs:
            print(f"## {pack.title}\n\n| | |\n| --- | --- |")
            with jack_server("fingers", BLOCK) as server:
                for row in eight_fingers(pack, server, seconds, _tell):
                    print(row)
            for row in (*sixteen_voices(pack), *one_voice(pack, _tell)):
                print(row, flush=True)
            print()


if __name__ == "__main__":
    main()
