"""`/pack`: plays another pack, with the library that it was played with before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from latentpad.engine.arguments import Argument, CommandError
from latentpad.engine.control.allocation import NOBODY, Sender
from latentpad.engine.control.instrument import Instrument
from latentpad.engine.control.pack_change import PackChange
from latentpad.engine.control.played_pack import PlayedPack
from latentpad.models.errors import LatentpadError
from latentpad.models.libraries.library import open_ as open_library
from latentpad.models.libraries.playable import as_pack
from latentpad.models.packs import pack as packs
from latentpad.models.packs import reference

NOTE = "/pack/note"

Tell = Callable[[str], None]
Publish = Callable[[str, Sequence[Argument]], None]
Refuse = Callable[[str, Sequence[Argument], Sender, Exception], None]


class PackCommand:
    """Finds packs by their names and asks for the change. Any thread may call.

    `tell` is called with a line for the performer, and `publish` with what all who follow get.
    `refuse` is called if a pack turns out to be unplayable after its command was carried out. None
    of them may wait.
    """

    def __init__(self, change: PackChange, tell: Tell, publish: Publish, refuse: Refuse) -> None:
        self._change = change
        self._tell, self._publish, self._refuse = tell, publish, refuse
        played = change.played
        # Of the packs that were played: where they are, and with which library.
        self._known = {played.name: (played.pack.path, played.library)}

    def install(self, instrument: Instrument) -> None:
        """Register `/pack`."""
        instrument.register_stages("/pack", self._stages)

    @property
    def played(self) -> PlayedPack:
        """The pack that is heard."""
        return self._change.played

    @property
    def wanted(self) -> PlayedPack:
        """The pack that will be heard when it is loaded, else the one that is heard."""
        return self._change.wanted

    def load(self, name: str) -> PlayedPack:
        """Read the pack of a name that `models.packs.reference` gives. May wait for a disk. Raises
        `CommandError`."""
        folder, library = self._known.get(name, (None, None))
        try:
            folder = folder or reference.pack_folder(name, Path())
            pack = packs.load(folder)
            if library is not None:
                pack = as_pack(pack, open_library(library, pack))
            return PlayedPack.of(pack, library)
        except (LatentpadError, OSError) as error:
            raise CommandError(f"/pack: {error}") from None

    def play(
        self,
        played: PlayedPack,
        command: str,
        sender: Sender = NOBODY,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Play a pack as soon as it is loaded, and call `then` within that change.

        `command` is the address of the command that asks for it. Raises `CommandError`.
        """
        before = self._change.played

        def changed(left_out: list[str]) -> None:
            self._known[played.name] = played.pack.path, played.library
            if not played.same_as(before):
                self._tell(f"pack   {played.name}")
                self._note_changes(before, [] if then is not None else left_out)
            if then is not None:
                then()

        def refused(reason: str) -> None:
            error = CommandError(f"{command}: {played.name} is not played: {reason}")
            self._refuse(command, (played.name,), sender, error)

        try:
            self._change.request(played, changed, refused)
        except OSError as error:
            raise CommandError(f"{command}: {error.strerror or error}") from None

    def _note_changes(self, before: PlayedPack, left_out: list[str]) -> None:
        parts = []
        if before.library is not None:
            parts.append(f"the library {before.library} is left")
        if left_out:
            parts.append(f"left out, for this pack has no such thing: {', '.join(left_out)}")
        if parts:
            note = f"{'; '.join(parts)}; /pack {Path(before.name).name} brings it back"
            self._tell(f"note   {note}")
            self._publish(NOTE, (note,))

    def _stages(self, args: Sequence[Argument], sender: Sender) -> Iterator[None]:
        if len(args) != 1 or not isinstance(args[0], str):
            raise CommandError("/pack takes the name of a pack")
        played = self.load(self._find(args[0]))
        yield
        self.play(played, "/pack", sender)

    def _find(self, name: str) -> str:
        """The reference of a pack that was played, or that is found by name. Raises
        `CommandError`."""
        if name in self._known:
            return name
        installed = {other.casefold(): other for other in packs.names()}
        if name.casefold() in installed:
            return installed[name.casefold()]
        for known in self._known:
            if Path(known).name.casefold() == name.casefold():
                return known
        if re.search(r"[/\\]", name):
            raise CommandError("/pack takes a name; folders are for `latentpad play --pack`")
        there = ", ".join(dict.fromkeys((*installed.values(), *map(_last, self._known))))
        raise CommandError(f"/pack: there is no pack {name!r:.80}; there are {there}")


def _last(name: str) -> str:
    return Path(name).name
