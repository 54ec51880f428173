"""Takes by command: `--record`, `--record-gestures` and `/record`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from latentpad.engine import tape
from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.instrument import NOBODY, Sender
from latentpad.engine.control.session import Session
from latentpad.engine.control.takes import CLOSE_TIMEOUT_S, Take, TakeError, TakeFiles
from latentpad.engine.rate_limit import RateLimit
from latentpad.models.packs import reference
from latentpad.models.representation import Representation

FOLDER = Path("takes")  # of `/record`, in the working directory
MOST, EACH_S = 16, 2.0  # takes in a burst, and then one per EACH_S


class TakeRecorder:
    """All running takes. `tell` is called with a line for the performer, from any thread."""

    def __init__(self, session: Session, preset: str, tell: Callable[[str], None]) -> None:
        """`preset` is a name, or the path of a file (`presets.bank.PresetBank.named`)."""
        self._session = session
        self._preset = preset
        self._tell = tell
        self._takes: list[Take] = []
        self._recording: Take | None = None  # that of `/record`
        self._lock = threading.Lock()
        self._rate_limit = RateLimit(MOST, EACH_S, time.monotonic)

    def install(self) -> None:
        """Register `/record`, which writes a WAV and a file of gestures."""
        self._session.instrument.register_stages("/record", self._record)
        self._publish(0, NOBODY)

    def begin(self, sound: Path | None, gestures: Path | None) -> Take:
        """Begin to record to these files, and print their names. Raises `TakeError`."""
        take = self._begin_with(*self._open_files(sound, gestures))
        self._start(take)
        return take

    def _open_files(
        self, sound: Path | None, gestures: Path | None
    ) -> tuple[TakeFiles, Path | None, dict[str, Any]]:
        """The open files, and the folder and the head of the gestures."""
        folder = None if gestures is None else gestures.parent
        head = {} if folder is None else self._head(folder)
        return TakeFiles(self._session.board, sound, gestures), folder, head

    def _begin_with(self, files: TakeFiles, folder: Path | None, head: dict[str, Any]) -> Take:
        played = self._session.packs.played
        if folder is not None and head["fingerprint"] != played.fingerprint:
            head = self._head(folder)  # the pack has changed meanwhile
        take = files.begin(self._session.instrument, head, self._tell)
        with self._lock:
            self._takes = [other for other in self._takes if not other.over.is_set()] + [take]
        return take

    def _start(self, take: Take) -> None:
        self._tell(f"take   {take.names} begins")
        take.start()

    def _head(self, folder: Path) -> dict[str, Any]:
        """The first line of a file of gestures in `folder`: preset, pack and library."""
        played, library = self._session.packs.played, self._session.packs.played.library
        return {
            "preset": reference.written(self._preset, folder),
            "pack": reference.written(played.name, folder),
            "fingerprint": played.fingerprint,
            "touches": True,
            **({} if library is None else {"library": reference.relative(library, folder)}),
            **self._instruments_rate(played.pack.representation),
        }

    def _instruments_rate(self, r: Representation) -> dict[str, int]:
        """Rate and hop of the instrument where they are not those of the pack."""
        board = self._session.board
        rate, hop = board.shape.sample_rate, tape.hop_of(board)
        return {} if (rate, hop) == (r.sample_rate, r.n_fft // 8) else {"rate": rate, "hop": hop}

    def writes(self, path: Path) -> bool:
        """Whether a take is being recorded to this file. Any thread."""
        with self._lock:
            paths = {
                p.absolute() for take in self._takes if not take.over.is_set() for p in take.paths
            }
        return path.absolute() in paths

    def settle(self) -> None:
        """Wait until the files of the takes that were ended are closed. Any thread."""
        with self._lock:
            ending = [take for take in self._takes if take.stopped]
        for take in ending:
            take.over.wait(CLOSE_TIMEOUT_S)

    def close(self) -> None:
        """End all takes and wait for their files."""
        for take in self._takes:
            take.stop()
        for take in self._takes:
            take.close()

    def _record(self, args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        """`/record` in stages: make the files, begin the take, start to write."""
        if len(args) != 1 or isinstance(args[0], str):
            raise CommandError("/record takes 1 to begin a take and 0 to end it")
        if not args[0]:
            yield
            if not (take := self._running()):
                raise CommandError("/record: no take is under way; 1 begins one")
            take.stop()
            self._recording = None
            self._publish(0, sender)
            return
        files = None if self._running() else self._new_files()
        yield
        if take := self._running():
            if files is not None:  # another command has begun one meanwhile
                files[0].drop()
            raise CommandError(f"/record: {take.names} is under way; 0 ends it")
        # `blank` is None if the same bundle has ended a take.
        take = self._recording = self._begin_with(*(files or self._new_files()))
        self._publish(1, sender)
        yield
        self._start(take)
        threading.Thread(
            target=self._await_end, args=(take,), name="take ends", daemon=True
        ).start()

    def _await_end(self, take: Take) -> None:
        """Publish the end of a take that a disk has ended."""
        take.over.wait()
        with self._session.instrument.frozen():
            if self._recording is take:
                self._publish(0, NOBODY)

    def _publish(self, recording: int, sender: Sender) -> None:
        self._session.instrument.publish("/record", (recording,), sender)

    def _running(self) -> Take | None:
        """The running take of `/record`, if any."""
        take = self._recording
        return None if take is None or take.over.is_set() else take

    def _new_files(self) -> tuple[TakeFiles, Path | None, dict[str, Any]]:
        """New files for a take, named by the time. Raises `CommandError`."""
        try:
            with self._lock:
                if not self._rate_limit.take():
                    raise TakeError(f"{MOST} takes were begun within moments: wait {EACH_S:g} s")
            FOLDER.mkdir(exist_ok=True)
            path = FOLDER / time.strftime("take %Y-%m-%d %H.%M.%S.wav")
            return self._open_files(path, path.with_suffix(".jsonl"))
        except TakeError as error:
            raise CommandError(f"/record: no take: {error}") from None
        except OSError as error:
            reason = f"{FOLDER.absolute()}: {error.strerror}"
            raise CommandError(f"/record: no take: {reason}") from None
