"""The decoding process: the newest point of each voice becomes a sound on the board.

It is separate from the playing process, so nothing that TensorFlow does can interrupt the sound.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from latentpad.engine import board as b
from latentpad.engine import pack_order
from latentpad.engine.board import Board
from latentpad.engine.decode.background import Background
from latentpad.engine.decode.mailbox import Mailbox
from latentpad.engine.decode.pack_loader import Model, PackLoader
from latentpad.engine.decode.rehearsal import rehearse_pointing
from latentpad.engine.kernel_cache import compile_once
from latentpad.engine.process import report_step, send_message, share_arena
from latentpad.engine.process_status import ProcessStatus


def serve(
    board: Board,
    folder: Path,
    library_folder: Path | None,
    wake: socket.socket,
    orders: socket.socket,
    generation: int,
    control_socket: socket.socket,
) -> None:
    """The decoding process's main function. Returns when the control process closes
    `control_socket`.

    `folder` is the pack's. `library_folder` is that of the library whose sounds are the anchors, if
    any. A byte on `wake` says that a sound is wanted. `orders` brings further packs
    (engine/pack_order.py). `generation` is the number of this process (engine/process_status.py).
    """
    share_arena()
    background = Background()
    model = Model.load(folder, library_folder, partial(report_step, control_socket))
    report_step(control_socket, "loads its kernels")
    compile_once(lambda: rehearse_pointing(model.pack))
    report_step(control_socket, "fits the expander")
    mailbox = model.mailbox(board.showing(board.sound_memory), background)
    loader = PackLoader(board, background, partial(send_message, control_socket))
    loader.keep(folder, library_folder, model)
    threading.Thread(target=mailbox.warm, name="warm", daemon=True).start()
    _report_decoder(board, model, control_socket)
    status = ProcessStatus.decoding(board)
    status.become_ready(generation)
    wake.setblocking(False)
    told: set[str] = set()  # notes: each is told once
    earlier: Mailbox | None = None  # of the pack that was played before
    while True:
        status.count_beat()
        if loaded := loader.take(int(board.pack[0])):
            earlier = mailbox
            model, mailbox = loaded
            mailbox.resume()
            _report_decoder(board, model, control_socket)
        for note in model.notes:
            if note not in told:
                told.add(note)
                send_message(control_socket, "note", text=note)
        timeout = mailbox.work(time.monotonic())
        if earlier is not None:  # its sounds are still played
            if earlier.complete_a_sound():
                timeout = 0.0
            else:
                earlier = None
        readable, _, _ = select.select([wake, orders, control_socket], [], [], timeout)
        if control_socket in readable:
            return
        if orders in readable and (received := pack_order.receive(orders)):
            board.show(received[1])  # which frees the memory of an earlier pack
            loader.order(*received)
        if wake in readable:
            with suppress(BlockingIOError):
                wake.recv(4096)


def _report_decoder(board: Board, model: Model, control_socket: socket.socket) -> None:
    board.decoder[b.DECODE_US] = model.milliseconds * 1000
    send_message(
        control_socket, "decoder", device=model.decoder.device, milliseconds=model.milliseconds
    )
