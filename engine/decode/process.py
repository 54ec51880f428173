"""The decoding process: the newest point of each voice becomes a sound on the board.

It is separate from the playing process, so nothing that TensorFlow does can interrupt the sound.
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
from latentpad.engine.decode.decoder import fastest_decoder
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
WARM_S = 0.01  # after a longer pause a decode takes up to twice as long
PLAYED_S = 20.0  # after the last gesture the decoder is kept warm this long


def serve(
    board: Board,
    folder: Path,
    library_folder: Path | None,
    wake: socket.socket,
    generation: int,
    control_socket: socket.socket,
) -> None:
    """The decoding process's main function. Returns when the control process closes
    `control_socket`.

    `folder` is the pack's. `library_folder` is that of the library whose sounds are the anchors, if
    any. A byte on `wake` says that a sound is wanted. `generation` is the number of this process
    (engine/process_status.py).
    """
    report_step(control_socket, "loads the pack")
    pack = load(folder)
    report_step(control_socket, "loads its kernels")
    compile_once(lambda: rehearse_pointing(pack))
    library = None if library_folder is None else open_library(library_folder, pack)
    report_step(control_socket, "builds the decoder")
    decoder, milliseconds = fastest_decoder(pack)
    report_step(control_socket, "fits the expander")
    originals = None if library is None else Originals(library)
    if library is not None:
        pack = as_pack(pack, library)
    mailbox = Mailbox(board, pack, decoder, originals, Background())
    threading.Thread(target=mailbox.warm, name="warm", daemon=True).start()
    board.decoder[b.DECODE_US] = milliseconds * 1000
    send_message(control_socket, "decoder", device=decoder.device, milliseconds=milliseconds)
    status = ProcessStatus.decoding(board)
    status.become_ready(generation)
    wake.setblocking(False)
    last_served = -PLAYED_S
    while True:
        status.count_beat()
        voices = mailbox.waiting()
        now = time.monotonic()
        if voices:
            mailbox.serve(voices[: decoder.batch], now)
            last_served, timeout = now, 0.0
        elif now - last_served < PLAYED_S:
            mailbox.rehearse()
            timeout = WARM_S
        else:
            timeout = IDLE_S
        readable, _, _ = select.select([wake, control_socket], [], [], timeout)
        if control_socket in readable:
            return
        if wake in readable:
            with suppress(BlockingIOError):
                wake.recv(4096)
