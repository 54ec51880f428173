"""Voices that go on for others: after a restart of the process, or with another pack.

When another pack is played, the new voices get all events from their first hop on. A held loop goes
on with the old pack until its first sound of the new one is there. Then the new voice begins and
the old one fades out. Shots and released voices play to their end. Render thread only.
"""

from __future__ import annotations

from latentpad.engine import board as b
from latentpad.engine.play.sound_reader import is_ready
from latentpad.engine.play.voice_control import END_FADE_S, LOOP, VoiceControl
from latentpad.engine.play.voices import Voices

CHANGE_FADE_S = 0.03  # of a loop that the new voices have begun


def resume(voices: Voices) -> None:
    """Start every held voice, and report all others as free, after a restart.

    The control process's fields decide: the previous process may have taken events without
    reporting it. Events sent until now are dropped, because what they ask for is on the board
    before they are sent. Later events may be handled twice.
    """
    board = voices.board
    # All of one moment. The next hop handles a release that comes later.
    fields = (board.held, board.starts, board.start_request, board.start_level)
    rows, until = board.consistent(
        lambda: (zip(*(field.tolist() for field in fields), strict=True), board.event_head[0]),
        tries=b.STARTUP_TRIES,
    )
    for v, (held, serial, request, level) in enumerate(rows):
        state = b.WAITING if held else b.FREE
        voices.controls[v] = VoiceControl(state, serial, LOOP, request, level_db=level)
    list(board.received(until))
    voices.find_active()


def take_over(new: Voices, old: Voices) -> None:
    """Give the values of `old` and its held and waiting voices to `new`.

    A shot whose sound of the old pack is there remains with `old`.
    """
    new.follow(old)
    for v, voice in enumerate(old.controls):
        waiting = voice.state == b.WAITING
        if waiting and voice.mode != LOOP and is_ready(old.board, v, voice.request):
            waiting = False
        if waiting or _held(voice):
            new.controls[v] = VoiceControl(
                b.WAITING, voice.serial, voice.mode, voice.request, released=voice.released,
                level_db=voice.level_db, envelope=voice.envelope,
            )  # fmt: skip
        else:
            new.controls[v] = VoiceControl(serial=voice.serial)
        if waiting:
            voice.state = b.FREE
    old.find_active()
    new.find_active()


def give_way(old: Voices, new: Voices) -> bool:
    """Let the voices of `old` end that `new` has begun, or that were released or given to others.
    Returns whether any voice of `old` still sounds."""
    for voice, successor in zip(old.controls, new.controls, strict=True):
        if new.panics != old.panics:
            voice.fade_out(END_FADE_S)
        elif _held(voice):
            if successor.serial != voice.serial or successor.state != b.WAITING:
                voice.fade_out(CHANGE_FADE_S)
            elif successor.released:
                voice.state = b.RELEASING
    old.panics = new.panics
    return any(voice.state != b.FREE for voice in old.controls)


def end(old: Voices) -> None:
    """Fade all voices out."""
    for voice in old.controls:
        voice.fade_out(CHANGE_FADE_S)


def _held(voice: VoiceControl) -> bool:
    return voice.state == b.SOUNDING and voice.mode == LOOP and not voice.released
