"""What a type of group (chat, files, …) adds to the handling that all groups share."""

from __future__ import annotations

from typing import Protocol


class GroupKind(Protocol):
    """One type of group. All methods are called on the engine's loop.

    `forwarding` says that members of the existing program send on whatever they get to everyone on their member list:
    each of them is then only told of members who do not, or three of them would keep a message going round for ever
    (spec 10.1, number 4). What the others say reaches them through the host.
    """

    name: str
    forwarding: bool

    def member_joined(self, group_id: str, peer_id: str) -> None:
        """Hosted here: somebody joined, or joined again."""

    def member_left(self, group_id: str, peer_id: str) -> None:
        """Hosted here: somebody left or was removed."""

    def host_started(self, group_id: str) -> None:
        """Hosted here: the group was created, or taken up at a start of this peer."""

    def connected(self, group_id: str) -> None:
        """Hosted elsewhere: the host has welcomed this peer, at first or again."""

    async def forget(self, group_id: str) -> None:
        """The group is gone for good: drop what was kept of it."""

    async def send_owed(self, group_id: str, peer_id: str) -> bool:
        """Hosted here: send a member the next piece of what it is owed; true if there is more.

        Raises `NetworkError` if it cannot be reached: it is then called again later.
        """
