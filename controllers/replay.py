"""Takes replayed by command: `--replay`, `/take/play`, `/take/stop` and `/take/loop`."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from latentpad.controllers.outcomes import Outcomes
from latentpad.controllers.recording import FOLDER, TakeRecorder
from latentpad.engine.arguments import Argument, CommandError, finite
from latentpad.engine.control.allocation import NOBODY, Sender
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.pack_command import PackCommand
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.engine.control.replay import REPLAY, Replay
from latentpad.engine.gestures import GestureRecording, TakeError
from latentpad.engine.parameters import GLOBAL
from latentpad.models.errors import LatentpadError
from latentpad.models.packs import reference
from latentpad.models.text import line, printable
from latentpad.presets.bank import PresetBank
from latentpad.presets.commands import recall
from latentpad.presets.preset import Preset

PLAY, STOP, LOOP = "/take/play", "/take/stop", "/take/loop"
ENDING = ".jsonl"
CLOSE_S = 0.5  # the longest wait for a replay at the end
MOST_LISTED = 5  # takes that a refusal names
ROOM = frozenset(row.address for row in GLOBAL if not row.in_presets)
"""Rows of the room and the performer: once the performer has moved one, no replay moves it."""

Tell = Callable[[str], None]
Publish = Callable[[str, Sequence[Argument]], None]


class TakePlayer:
    """The replay of a take, one at a time. Any thread may call.

    `tell` is called with a line for the performer, and `publish` with what all who follow get.
    Neither may wait.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        bank: PresetBank,
        packs: PackCommand,
        takes: TakeRecorder,
        publish: Publish,
        tell: Tell,
    ) -> None:
        self._instrument: Instrument = outcomes.instrument
        self._outcomes, self._bank, self._packs, self._takes = outcomes, bank, packs, takes
        self._publish, self._tell = publish, tell
        self._room: set[str] = set()  # rows of ROOM that the performer has moved
        self._looping = False
        self._request = 0  # counts what was asked for: a take may wait for its pack
        self._replay: Replay | None = None

    def install(self) -> None:
        """Register the commands."""
        self._instrument.register_stages(PLAY, self._play)
        self._instrument.register(STOP, self._stop)
        self._instrument.register(LOOP, self._loop)
        self._instrument.taps.append(self._heard)

    def play(self, path: Path, *, on_present: bool = False) -> None:
        """Replay the recording in this file; if `on_present`, on the pack that is played.

        Raises `TakeError`, `PresetError`, `CommandError`.
        """
        begin = self._read(path, NOBODY, on_present)
        with self._instrument.together():
            begin()

    def close(self) -> None:
        """End the replay, and wait until nothing sounds by it."""
        with self._instrument.frozen():
            self._request += 1
            replay = self._replay
        if replay is not None:
            replay.stop()
            replay.join(CLOSE_S)

    # -- commands ----------------------------------------------------------------------------

    def _play(self, args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        """`/take/play` in stages: read the take, begin."""
        if len(args) > 1:
            raise CommandError(f"{PLAY} takes the name of a take, or nothing for the newest")
        name = args[0] if args and isinstance(args[0], str) else None
        if args and name is None and finite(PLAY, args[0]) <= 0:
            return  # the button was released
        self._takes.settle()
        try:
            begin = self._read(self._find(name), sender)
        except LatentpadError as error:
            raise CommandError(f"{PLAY}: {error}") from None
        yield
        begin()

    def _stop(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) > 1:
            raise CommandError(f"{STOP} takes no argument, or 1 of a button")
        if args and finite(STOP, args[0]) <= 0:
            return
        self._request += 1
        if self._replay is not None:
            self._replay.stop()

    def _loop(self, args: Sequence[Argument], sender: Sender) -> None:
        if len(args) != 1:
            raise CommandError(f"{LOOP} takes 1 to repeat takes and 0 to play them once")
        self._looping = finite(LOOP, args[0]) >= 0.5
        self._publish(LOOP, (int(self._looping),))

    def _heard(self, address: str, args: Sequence[Argument], sender: Sender) -> None:
        if address in ROOM and sender.group not in ("", REPLAY.group):
            self._room.add(address)

    # -- a take ------------------------------------------------------------------------------

    def _find(self, name: str | None) -> Path:
        """The take of a name, or the newest, in the folder of takes. Not one that is being
        recorded. Raises `TakeError`."""
        if name is not None and ("/" in name or "\\" in name):
            raise TakeError("it takes a name; files are for `latentpad play --replay`")
        found: dict[str, tuple[float, Path]] = {}
        with suppress(OSError), os.scandir(FOLDER) as entries:
            for entry in entries:
                path = FOLDER / entry.name
                if entry.name.endswith(ENDING) and not self._takes.writes(path):
                    found[_key(path.stem)] = entry.stat().st_mtime, path
        newest = sorted(found.values(), reverse=True)
        if name is not None and (key := _key(name.removesuffix(ENDING))) in found:
            return found[key][1]
        if name is None and newest:
            return newest[0][1]
        there = ", ".join(path.stem for _, path in newest[:MOST_LISTED])
        named = "" if name is None else f" {line(name)!r}"
        names = f"the newest are {there}" if there else f"none is in {FOLDER.absolute()}"
        raise TakeError(f"there is no take{named}; {names}; /record 1 begins one")

    def _read(self, path: Path, sender: Sender, on_present: bool = False) -> Callable[[], None]:
        """Read what the replay needs. Returns what begins it, within a change."""
        recording = GestureRecording(path, whole=False)
        head, name = recording.head, printable(path.stem)
        preset, pack_named = None, head.get("pack")
        if not recording.self_contained and (named := head.get("preset")):
            preset = self._preset(named, path.parent)
            pack_named = pack_named or preset.pack
        pack = self._pack(recording, None if on_present else pack_named)

        def begin() -> None:
            self._request += 1
            request = self._request
            if self._replay is not None:
                self._replay.stop()
            self._packs.play(pack, PLAY, sender, lambda: started(request))

        def started(request: int) -> None:
            if request != self._request:  # stopped, or another take, while the pack was loaded
                return
            if preset is not None:
                recall(self._instrument, preset, pack.name, pack.fingerprint)
            replay = Replay(
                self._instrument,
                recording,
                change_pack=lambda named, heard: self._packs.play(
                    self._load(named, path.parent), "/pack", REPLAY, heard
                ),
                report=self._outcomes.report,
                loops=lambda: self._looping,
                ended=lambda reason: ended(replay, reason),
                taken=self._room,
            )
            replay.start(after=self._replay)
            self._replay = replay
            self._tell(f"replay {name} begins")
            self._publish(PLAY, (name,))

        def ended(replay: Replay, reason: str) -> None:
            self._tell(f"replay {name} ended{reason and ': '}{printable(reason)}")
            if self._replay is replay:
                self._publish(STOP, ())

        return begin

    def _preset(self, name: str, folder: Path) -> Preset:
        if reference.is_path(name) and (path := reference.resolve_path(name, folder)).is_file():
            name = str(path)
        return self._bank.load(name)

    def _load(self, name: str, folder: Path) -> PlayedPack:
        """The pack of a reference in a take. Raises `CommandError`."""
        try:
            name = reference.pack_name(reference.pack_folder(name, folder))
        except LatentpadError as error:
            raise CommandError(f"/pack: {error}") from None
        wanted = self._packs.wanted
        return wanted if name == wanted.name else self._packs.load(name)

    def _pack(self, recording: GestureRecording, name: str | None) -> PlayedPack:
        """The take's pack; if it is not there, the one that is played. Says what differs."""
        head, folder = recording.head, recording.path.parent
        pack, title = self._packs.wanted, printable(str(recording.path))
        if name is not None:
            try:
                pack = self._load(name, folder)
            except CommandError as error:
                self._tell(f"note   {title}: {printable(str(error))}; playing {pack.name}")
        if head.get("fingerprint", pack.fingerprint) != pack.fingerprint:
            self._tell(
                f"note   {title} was played on another model than {pack.name} has now: its "
                "gestures are played on this one"
            )
        library = head.get("library") and reference.resolve_path(head["library"], folder)
        if library != (pack.library and pack.library.resolve()):
            start = f"latentpad play --library {library}" if library else "latentpad play"
            self._tell(f"note   {title} was played on other sounds: those of `{start}`")
        return pack


def _key(name: str) -> str:
    """A name in the form in which names are compared."""
    return unicodedata.normalize("NFC", name).casefold()
