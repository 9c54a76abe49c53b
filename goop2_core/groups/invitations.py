"""Invitations into other people's groups: they wait for the owner's answer, and nothing is joined without it.

REF joins by itself (spec 5.6, 10.3); here an invitation is only a question. It cannot be withdrawn by its sender, and
declining it is not told to anybody.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container
from typing import Final

from goop2_core.data.groups import GroupStore, InvitationRow, JoinedRow
from goop2_core.errors import Refused
from goop2_core.events import Event, Invitation, InvitationChanged, InvitationGone
from goop2_core.groups import wire
from goop2_core.mq.message import Message
from goop2_core.presence.throttle import Throttle

log = logging.getLogger("goop2.groups")

MOST: Final = 100
MOST_PER_HOST: Final = 10
RATE, BURST = 0.2, 20.0


class Invitations:
    """What the owner was invited to and has not answered."""

    def __init__(
        self,
        store: GroupStore,
        *,
        supported: Container[str],
        name_of: Callable[[str], str],
        emit: Callable[[Event], None],
    ) -> None:
        self._store = store
        self._supported = supported
        self._name_of = name_of
        self._emit = emit
        self._rows: dict[str, InvitationRow] = {}
        self._throttle = Throttle(RATE, BURST)

    async def start(self) -> None:
        """Take up what was not answered."""
        self._rows = {row.group_id: row for row in await self._store.invitations()}

    def listed(self) -> list[Invitation]:
        """All of them, oldest first."""
        return [self._shown(row) for row in self._rows.values()]

    async def receive(self, message: Message) -> None:
        """An invitation came. Its host is who sent it; beyond 10 of one host, or 100 in all, it is ignored.

        Whoever is in the group that another host invited to keeps their first invitation. Raises `Refused`.
        """
        if not self._throttle.allows(message.sender):
            raise Refused("Too many invitations", status=429)
        invite = wire.parse_invite(message.payload)
        old = self._rows.get(invite.group_id)
        of_host = sum(row.host_id == message.sender for row in self._rows.values())
        if old is not None and old.host_id != message.sender:
            raise Refused("Somebody else has invited into a group of this ID", status=409)
        if old is None and (len(self._rows) >= MOST or of_host >= MOST_PER_HOST):
            raise Refused("Too many invitations wait", status=429)
        now = time.time_ns() // 1_000_000
        row = InvitationRow(invite.group_id, message.sender, invite.name, invite.type, invite.context, now)
        self._rows[row.group_id] = row
        await self._store.save_invitation(row)
        self._emit(InvitationChanged(self._shown(row)))

    async def accept(self, group_id: str) -> JoinedRow:
        """The group to join. Raises `Refused`: 404 if there is no such invitation, 409 for an unknown type."""
        row = self._of(group_id)
        if row.type not in self._supported:
            words = f"Groups of the type “{row.type or 'unknown'}” need a newer version of goop2."
            raise Refused("This group cannot be joined", words, status=409)
        await self._drop(group_id)
        name = self._name_of(row.host_id)
        return JoinedRow(row.group_id, row.host_id, row.name, row.type, row.context, host_name=name)

    async def decline(self, group_id: str) -> None:
        """Forget an invitation. Raises `Refused` (404)."""
        self._of(group_id)
        await self._drop(group_id)

    async def answered(self, group_id: str) -> None:
        """The group was joined in another way."""
        if group_id in self._rows:
            await self._drop(group_id)

    async def _drop(self, group_id: str) -> None:
        await self._store.drop_invitation(group_id)
        if self._rows.pop(group_id, None) is not None:
            self._emit(InvitationGone(group_id))

    def _of(self, group_id: str) -> InvitationRow:
        row = self._rows.get(group_id)
        if row is None:
            raise Refused("There is no such invitation", "It was answered already.", status=404)
        return row

    def _shown(self, row: InvitationRow) -> Invitation:
        return Invitation(
            row.group_id,
            row.name,
            row.host_id,
            row.type,
            supported=row.type in self._supported,
            host_name=self._name_of(row.host_id),
            received_at=row.received_at,
        )
