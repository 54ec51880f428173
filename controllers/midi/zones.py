"""MPE: which channels belong to a zone (MIDI Polyphonic Expression, M1-100-UM v1.1).

A zone has a master channel, 1 (lower) or 16 (upper), and up to 15 member channels beside it. The
MPE configuration message on a master channel says how many; none closes the zone. The newest
message takes members from the other zone.
"""

from __future__ import annotations

LOWER, UPPER = 1, 16  # master channels
MEMBERS = 15
MEMBER_RANGE, MASTER_RANGE = 48.0, 2.0  # semitones of the pitch bend, until RPN 0 sets it


class Zones:
    """The zones of one port. With `forced`, the lower one has all channels, whatever comes."""

    def __init__(self, *, forced: bool = False) -> None:
        self._forced = forced
        self._members = {LOWER: MEMBERS if forced else 0, UPPER: 0}

    def configure(self, master: int, members: int) -> set[int]:
        """Open, change or close the zone of a master channel. Returns the channels that it
        concerns."""
        if self._forced or master not in self._members:
            return set()
        before = self.channels(LOWER) | self.channels(UPPER)
        other = UPPER if master == LOWER else LOWER
        self._members[master] = members = min(members, MEMBERS)
        # Both master channels are used only if both zones are open.
        room = MEMBERS - 1 - members if members else MEMBERS
        self._members[other] = min(self._members[other], max(room, 0))
        return before | self.channels(LOWER) | self.channels(UPPER)

    def members(self, master: int) -> range:
        """The member channels of a master channel's zone."""
        if master == LOWER:
            return range(2, 2 + self._members[LOWER])
        if master == UPPER:
            return range(16 - self._members[UPPER], 16)
        return range(0)

    def channels(self, master: int) -> set[int]:
        """The channels of a master channel's zone; none if it is closed."""
        members = {*self.members(master)}
        return members | {master} if members else members

    def master_of(self, channel: int) -> int | None:
        """The master channel of a member channel; None for any other channel."""
        return next((m for m in (LOWER, UPPER) if channel in self.members(m)), None)
