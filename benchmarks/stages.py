"""Cost of each stage on this machine: decoder, expanders, voices, and the program at rest."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from latentpad.benchmarks import rest as rest_costs
from latentpad.benchmarks.machine import machine
from latentpad.engine import board as b
from latentpad.engine.board import Board, BoardShape, Event
from latentpad.engine.pack_order import sound_shape
from latentpad.engine.parameters import MODES, OFFSET, PHASES
from latentpad.engine.play.memory import scratch, voice_memory
from latentpad.engine.play.mix import Instruction, play_hop
from latentpad.engine.play.phase import frame
from latentpad.engine.play.voice import NOISE, RTPGHI, clear_voice
from latentpad.engine.play.voices import Voices
from latentpad.engine.sound_memory import SoundMemory
from latentpad.models.audio.texture import interpolation
from latentpad.models.packs import pack as packs
from latentpad.models.packs.pack import Pack
from latentpad.models.progress import LogCallback, LoopProgress
from latentpad.models.representation import Representation

ANCHORS = (1_000, 1_000_000)
MOVES_S = 0.0053  # between two new sounds of a moving finger
Sounds = NDArray[np.float32]


def bench(name: str, *, rest: bool, say: LogCallback) -> str:
    """The report as Markdown. Raises `PackError` if there is no such pack."""
    pack = packs.load(packs.find(name))
    lines = [
        f"# What each stage costs, {time.strftime('%Y-%m-%d')}", "",
        f"`latentpad bench`, pack {pack.name}, on {machine()}.", "",
    ]  # fmt: skip
    if rest:
        say("the program at rest ...")
        lines += rest_costs.measured(None, rest_costs.import_s(), say)
    say("decoder ...")
    sounds, decoder = decoding(pack)
    lines += decoder
    say("expanders ...")
    lines += expanders()
    say("voices ...")
    lines += voices(pack, sounds, LoopProgress(say, "voices"))
    return "\n".join(lines) + "\n"


def decoding(pack: Pack) -> tuple[Sounds, list[str]]:
    """Decoded sounds of some anchors, and lines about the cost of a decode."""
    from latentpad.engine.decode.decoder import fastest_decoder
    from latentpad.engine.decode.sound import describe

    decoder, _ = fastest_decoder(pack)
    latents = pack.anchors.latents
    picked = latents[np.linspace(0, len(latents) - 1, 32).astype(int)]
    spent, outlining = [], []
    for k in range(300):
        began = time.perf_counter()
        frames = decoder.whole(picked[k % 32][None])[0]
        decoded = time.perf_counter()
        describe(frames, pack.representation)
        spent.append(decoded - began)
        outlining.append(time.perf_counter() - decoded)
    p50, p99 = 1000 * np.percentile(spent, (50, 99))
    sounds = np.concatenate([decoder.whole(z[None]) for z in picked])
    return sounds, [
        f"Decoder, one sound of {pack.representation.seconds:.2f} s on "
        f"{decoder.device}: p50 {p50:.2f} ms, p99 {p99:.2f} ms; its level, onset and "
        f"end {1000 * np.median(outlining):.2f} ms.",
        "",
    ]


def expanders() -> list[str]:
    """Microseconds of a single point, and seconds to fit."""
    from latentpad.engine.expanders import NAMES, cost

    head = " | ".join(f"{n:,} anchors: point | fit" for n in ANCHORS)
    lines = [f"| expander | {head} |", "| --- |" + " --- | --- |" * len(ANCHORS)]
    for name in NAMES:
        cells = (f"{us:.1f} us | {fit:.2f} s" for fit, us in (cost(name, n) for n in ANCHORS))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


#: Voices, method and look-ahead of the kernels alone, and voices and method of the full loop.
ALONE = (
    (1, RTPGHI, 1), (8, RTPGHI, 0), (8, RTPGHI, 1), (8, RTPGHI, 2), (12, RTPGHI, 1),
    (8, NOISE, 1), (24, NOISE, 1),
)  # fmt: skip
TOGETHER = ((8, "rtpghi"), (12, "rtpghi"), (16, "rtpghi"), (16, "noise"))


def voices(pack: Pack, sounds: Sounds, pace: LoopProgress) -> list[str]:
    """Microseconds per voice and hop, and the share of a hop's time that many voices take."""
    r = pack.representation
    hop_us = 1e6 * r.n_fft / 8 / r.sample_rate
    lines = [
        f"A hop is {hop_us:.0f} us. The compiled voices alone (interpolation, phase, irfft, "
        "overlap-add, level and pan):",
        "",
        "| voices | method | look-ahead | us a hop p50 | p99 | us a voice |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for k, (count, method, lookahead) in enumerate(ALONE):
        pace(k, len(ALONE) + len(TOGETHER))
        p50, p99 = np.percentile(_kernel(pack, sounds, count, method, lookahead), (50, 99))
        name = "noise" if method == NOISE else "rtpghi"
        lines.append(
            f"| {count} | {name} | {lookahead} | {p50:.0f} | {p99:.0f} | {p50 / count:.0f} |"
        )
    lines += [
        "",
        "All told, as the playing process does it (events, morphs, envelopes, limiter):",
        "",
        "| voices | method | us a hop p50 | p99 | us a voice | of the hop |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for k, (count, method_name) in enumerate(TOGETHER, len(ALONE)):
        pace(k, len(ALONE) + len(TOGETHER))
        p50, p99 = np.percentile(driven(r, sounds, count, method_name), (50, 99))
        lines.append(
            f"| {count} | {method_name} | {p50:.0f} | {p99:.0f} | {p50 / count:.0f} | "
            f"{100 * p50 / hop_us:.0f} % |"
        )
    return [*lines, ""]


def _kernel(
    pack: Pack, sounds: Sounds, count: int, method: int, lookahead: int, hops: int = 1000
) -> list[float]:
    r = pack.representation
    constants = frame(r.n_fft, r.n_fft // 8, r.window, interpolation(r))
    state = voice_memory(count, r.frames, r.n_fft, r.samples, r.texture_bands)
    space = scratch(r.n_fft)
    todo = np.zeros(count, Instruction)
    for v in range(count):
        state.tables[v, 1] = sounds[v % len(sounds)]
        state.playhead[v] = 3 * v
        clear_voice(state, v, constants, r.range_db)
    for name in ("active", "ratio", "loops", "level", "learned"):
        todo[name] = 1
    todo["advance"], todo["high"] = r.n_fft / 8 / r.hop, 70.0
    todo["method"], todo["lookahead"], todo["iterations"] = method, lookahead, 2
    for name in ("left_from", "left_to", "right_from", "right_to"):
        todo[name] = 0.1
    mono = np.zeros(constants.hop, np.float32)
    tail = np.zeros((r.n_fft, 2), np.float32)
    out = np.zeros((constants.hop, 2), np.float32)
    spent = []
    for _ in range(hops):
        began = time.perf_counter()
        play_hop(state, space, constants, todo, float(r.range_db), mono, tail, out)
        spent.append(1e6 * (time.perf_counter() - began))
    return spent[50:]


def driven(
    r: Representation,
    sounds: Sounds,
    count: int,
    method: str,
    lookahead: int = 1,
    hops: int = 1500,
) -> list[float]:
    """Microseconds of each hop of `count` looping voices, as the playing process renders them.

    `sounds` (n, frames, columns). A finger moves: a new sound every `MOVES_S`, each voice in turn.
    """
    shape = BoardShape(r.frames, r.bins, r.samples, r.sample_rate)
    board = Board(shape, sound_memory=SoundMemory(sound_shape(r)))
    board.values[OFFSET["/phase"]] = PHASES.index(method)
    board.values[OFFSET["/lookahead"]] = lookahead
    player = Voices(board, r)
    out = np.zeros((player.hop_size, 2), np.float32)
    every = max(1, round(MOVES_S * r.sample_rate / player.hop_size))
    for v in range(count):
        board.sounds[v] = sounds[v % len(sounds)]
        board.sound_filled[v] = True
        board.sound_end[v] = 70.0
        board.publish(v)
        board.send(Event(b.START, v, MODES.index("loop"), 0, 0.0, v + 1))
    spent = []
    for k in range(hops):
        if k % every == 0:
            board.publish((k // every) % count)
        began = time.perf_counter()
        player.hop(out)
        spent.append(1e6 * (time.perf_counter() - began))
    return spent[100:]
