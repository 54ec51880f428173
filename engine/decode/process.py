"""The decoding process: the newest point of each voice becomes a sound on the board.

Beside the playing process, so that nothing TensorFlow does can hold the sound up.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from latentpad.engine import board as b
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.decoder import Decoder
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.decode.originals import Originals
from latentpad.engine.decode.rehearsal import rehearse_pointing
from latentpad.engine.kernel_cache import compile_once
from latentpad.engine.process import report_step, send_message
from latentpad.engine.process_status import ProcessStatus
from latentpad.models.libraries.library import open_ as open_library
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs.pack import load

IDLE_S = 0.1
WARM_S = 0.01  # a decoder that has rested for longer takes up to twice its time
PLAYED_S = 20.0  # so long after the last gesture it is kept warm for the next one


def serve(
    board: Board,
    folder: Path,
    place: Path | None,
    wake: socket.socket,
    generation: int,
    words: socket.socket,
) -> None:
    """The decoding process's main function; returns when the control process closes `words`.

    `folder` is the pack's, `place` the library's whose sounds are its anchors; a byte on `wake`
    says that a sound is wanted; `generation` is what it was started as (engine/process_status.py).
    """
    report_step(words, "loads the pack")
    pack = load(folder)
    report_step(words, "loads its kernels")
    compile_once(lambda: rehearse_pointing(pack))
    library = None if place is None else open_library(place, pack)
    report_step(words, "builds the decoder")
    decoder = Decoder(pack)
    report_step(words, "fits the expander")
    originals = None if library is None else Originals(library, decoder)
    if library is not None:
        pack = as_pack(pack, library)
    mailbox = Mailbox(board, pack, decoder, originals, Background())
    threading.Thread(target=mailbox.warm, name="warm", daemon=True).start()
    board.decoder[b.DECODE_US] = decoder.milliseconds * 1000
    send_message(words, "decoder", device=decoder.device, milliseconds=decoder.milliseconds)
    signs = ProcessStatus.decoding(board)
    signs.become_ready(generation)
    wake.setblocking(False)
    inputs = -PLAYED_S
    while True:
        signs.count_beat()
        voices = mailbox.waiting()
        now = time.monotonic()
        if voices:
            mailbox.serve(voices[: decoder.batch], now)
            inputs, timeout = now, 0.0
        elif now - inputs < PLAYED_S:
            mailbox.rehearse()
            timeout = WARM_S
        else:
            timeout = IDLE_S
        stirred, _, _ = select.select([wake, words], [], [], timeout)
        if words in stirred:
            return
        if wake in stirred:
            with suppress(BlockingIOError):
                wake.recv(4096)
