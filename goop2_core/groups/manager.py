"""All groups of one peer: those hosted here, those joined elsewhere, and invitations (spec 5)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from goop2_core.data.groups import GroupStore, JoinedRow
from goop2_core.errors import Refused
from goop2_core.events import Event, Group, GroupChanged, GroupGone, GroupState, Invitation, Person
from goop2_core.groups import wire
from goop2_core.groups.host import HostSide
from goop2_core.groups.invitations import Invitations
from goop2_core.groups.kind import GroupKind
from goop2_core.groups.member import ENDS, MemberSide
from goop2_core.identity import is_peer_id
from goop2_core.mq.bus import Bus
from goop2_core.mq.message import Message
from goop2_core.presence.throttle import Throttle
from goop2_core.tasks import TaskOwner

log = logging.getLogger("goop2.groups")

RATE, BURST = 20.0, 100.0


class Groups:
    """The facade. `person` asks presence for somebody; kinds of groups are registered before `start`."""

    def __init__(
        self,
        bus: Bus,
        store: GroupStore,
        own_id: str,
        *,
        own_name: Callable[[], str],
        person: Callable[[str], Person | None],
        tasks: TaskOwner,
        emit: Callable[[Event], None],
    ) -> None:
        self._bus = bus
        self._store = store
        self.own_id: Final = own_id
        self.own_name: Final = own_name
        self._person = person
        self._tasks = tasks.child("groups")
        self._emit = emit
        self._kinds: dict[str, GroupKind] = {}
        self._throttle = Throttle(RATE, BURST)
        self._host = HostSide(
            bus,
            store,
            own_id,
            kinds=self._kinds,
            own_name=own_name,
            name_of=self.name_of,
            online=self.online,
            tasks=self._tasks,
            changed=self._changed,
        )
        self._member = MemberSide(
            bus,
            store,
            own_id,
            kinds=self._kinds,
            name_of=self.name_of,
            online=self.online,
            tasks=self._tasks,
            changed=self._changed,
        )
        self._invitations = Invitations(store, supported=self._kinds, name_of=self.name_of, emit=emit)
        self._unsubscribe: list[Callable[[], None]] = []
        self._online: set[str] = set()

    def register(self, kind: GroupKind) -> None:
        """Make a type of group known."""
        self._kinds[kind.name] = kind

    async def start(self) -> None:
        """Take up all groups, and listen."""
        await self._invitations.start()
        await self._host.start()
        await self._member.start()
        self._unsubscribe = [
            self._bus.subscribe(wire.PREFIX, self._receive),
            self._bus.subscribe(wire.INVITE_TOPIC, self._receive_invitation),
        ]

    async def stop(self) -> None:
        """Stop listening and sending. Memberships stay."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        await self._tasks.stop()

    # ---- what there is

    @property
    def types(self) -> tuple[str, ...]:
        """What can be created."""
        return tuple(self._kinds)

    def listed(self) -> list[Group]:
        """Every group, by name."""
        found = [self._host.shown(one) for one in self._host.groups]
        found += [self._member.shown(one) for one in self._member.groups]
        return sorted(found, key=lambda group: (group.name.casefold(), group.id))

    def invitations(self) -> list[Invitation]:
        """What the owner has not answered."""
        return self._invitations.listed()

    def group(self, group_id: str) -> Group:
        """One group. Raises `Refused` (404)."""
        if group_id in self._host.groups:
            return self._host.shown(group_id)
        if group_id in self._member.groups:
            return self._member.shown(group_id)
        raise Refused("There is no such group", "It was closed, or you have left it.", status=404)

    def hosts(self, group_id: str) -> bool:
        """Whether the group is hosted here."""
        return group_id in self._host.groups

    def is_member(self, group_id: str, peer_id: str) -> bool:
        """Whether somebody is in a group that is hosted here."""
        group = self._host.groups.get(group_id)
        return group is not None and peer_id in group.members

    def members(self, group_id: str) -> list[tuple[str, bool]]:
        """The members of a group hosted here, and for each whether their program knows our extensions."""
        group = self._host.groups.get(group_id)
        return [] if group is None else [(member.peer_id, member.ours) for member in group.members.values()]

    def host_of(self, group_id: str) -> tuple[str, bool]:
        """Of a group joined elsewhere: the host, and whether it knows our extensions; `""` if there is none."""
        group = self._member.groups.get(group_id)
        return ("", False) if group is None else (group.row.host_id, group.row.ours)

    def others(self, group_id: str) -> list[str]:
        """Of a group joined elsewhere: its members but for the host and this peer."""
        group = self._member.groups.get(group_id)
        if group is None:
            return []
        return [m.peer_id for m in group.members if m.peer_id not in {self.own_id, group.row.host_id}]

    def state(self, group_id: str) -> GroupState | None:
        """How this peer stands to a group; `None` if there is none."""
        if group_id in self._host.groups:
            return GroupState.HOSTING
        group = self._member.groups.get(group_id)
        return None if group is None else group.state

    def name_of(self, peer_id: str) -> str:
        """What somebody is called; empty if that is not known."""
        if peer_id == self.own_id:
            return self.own_name()
        person = self._person(peer_id)
        return person.name if person is not None else ""

    def online(self, peer_id: str) -> bool:
        """Whether presence takes somebody for online."""
        person = self._person(peer_id)
        return person is not None and person.online

    def owe(self, group_id: str, peer_id: str = "") -> None:
        """There is something new for one member, or for all, of a group hosted here: `send_owed` is called for them."""
        self._host.owe(group_id, peer_id)

    def heard(self, group_id: str, peer_id: str) -> None:
        """A member of a group hosted here gave a sign of life."""
        self._host.lines.heard(group_id, peer_id)

    def away(self, group_id: str, peer_id: str) -> bool:
        """Whether the last attempt to reach a member of a group hosted here failed."""
        return self._host.lines.away(group_id, peer_id)

    # ---- what the owner does

    async def create(self, name: str, kind: str, max_members: int = 0, default_role: str = "viewer") -> Group:
        """Make a group. Raises `Refused`: 400 for a wrong name or type, 409 if 50 are hosted."""
        if kind not in self._kinds:
            raise Refused("There is no such type of group", f"Possible are: {', '.join(self.types)}.", status=400)
        name = self._name(name)
        return self.group(await self._host.create(name, kind, max_members, wire.line(default_role, wire.LONGEST_ROLE)))

    async def update(
        self, group_id: str, name: str | None = None, max_members: int | None = None, default_role: str | None = None
    ) -> Group:
        """Change what is not `None`. Raises `Refused`: 404, 403 if it is not hosted here, 400."""
        self._own(group_id)
        new_name = "" if name is None else self._name(name)
        role = wire.line(default_role, wire.LONGEST_ROLE)
        await self._host.update(group_id, new_name, max_members, role)
        return self.group(group_id)

    async def invite(self, group_id: str, peer_ids: list[str]) -> list[tuple[str, str]]:
        """Invite people; for each what became of it. Raises `Refused`: 404, 403, 400 for what is no peer ID."""
        self._own(group_id)
        for peer_id in peer_ids:
            self._check_other(peer_id)
        return await self._host.invite(group_id, peer_ids)

    async def uninvite(self, group_id: str, peer_id: str) -> None:
        """Forget an invitation that was not answered. Raises `Refused` (404, 403)."""
        self._own(group_id)
        await self._host.uninvite(group_id, peer_id)

    async def kick(self, group_id: str, peer_id: str) -> Group:
        """Remove a member. Raises `Refused`: 404, 403, 409 for the owner."""
        self._own(group_id)
        await self._host.kick(group_id, peer_id)
        return self.group(group_id)

    async def set_role(self, group_id: str, peer_id: str, role: str) -> Group:
        """Give a member another role. Raises `Refused`: 404, 403, 400, 409 for the owner."""
        self._own(group_id)
        role = wire.line(role, wire.LONGEST_ROLE)
        if not role:
            raise Refused("The role has no name", status=400)
        await self._host.set_role(group_id, peer_id, role)
        return self.group(group_id)

    async def join(self, host_id: str, group_id: str, kind: str = "chat") -> Group:
        """Join a group that is known by its ID. Raises `Refused`: 400, 409 if it is here already."""
        self._check_other(host_id)
        if not wire.is_group_id(group_id):
            raise Refused("There is no such group", "This is not a group's ID.", status=400)
        state = self.state(group_id)
        if await self._taken(group_id, host_id) or (state is not None and state not in ENDS):
            raise Refused("You are in this group already", status=409)
        return await self._join(JoinedRow(group_id, host_id, group_id, kind, host_name=self.name_of(host_id)))

    async def accept(self, group_id: str) -> Group:
        """Accept an invitation and join. Raises `Refused`: 404, 409."""
        return await self._join(await self._invitations.accept(group_id))

    async def decline(self, group_id: str) -> None:
        """Decline an invitation. Raises `Refused` (404)."""
        await self._invitations.decline(group_id)

    def retry(self, group_id: str) -> Group:
        """Try to join again now. Raises `Refused`: 404, 403 for an own group, 409 if it was closed."""
        state = self.group(group_id).state
        if state is GroupState.HOSTING:
            raise Refused("You host this group", status=403)
        if state in {GroupState.CLOSED, GroupState.REMOVED}:
            raise Refused("This group cannot be joined again", "It takes a new invitation.", status=409)
        self._member.retry(group_id)
        return self.group(group_id)

    async def leave(self, group_id: str) -> None:
        """Leave a group, and forget it. Raises `Refused`: 404, 403 for an own group."""
        if self.group(group_id).hosted:
            raise Refused("You host this group", "Its host cannot leave it.", "Close it instead.", status=403)
        await self.remove(group_id)

    async def remove(self, group_id: str) -> None:
        """Close an own group for everybody; leave and forget another. Raises `Refused` (404)."""
        group = self.group(group_id)
        await (self._host.close(group_id) if group.hosted else self._member.leave(group_id))
        await self._kinds[group.type].forget(group_id)
        self._emit(GroupGone(group_id))

    async def _join(self, row: JoinedRow) -> Group:
        await self._invitations.answered(row.id)
        await self._member.join(row)
        return self.group(row.id)

    def _own(self, group_id: str) -> None:
        if not self.group(group_id).hosted:
            raise Refused("This is not your group", "Only its host can do that.", status=403)

    def _check_other(self, peer_id: str) -> None:
        if not is_peer_id(peer_id):
            raise Refused("There is no such person", "This is not a peer ID.", status=400)
        if peer_id == self.own_id:
            raise Refused("This is you", "That needs somebody else.", status=400)

    def _name(self, text: str) -> str:
        name = wire.line(text, wire.LONGEST_NAME)
        if not name:
            raise Refused("The group has no name", status=400)
        return name

    async def _taken(self, group_id: str, host_id: str) -> bool:
        """Whether this ID belongs to another group, be it of a type that is not handled here."""
        group = self._member.groups.get(group_id)
        return group.row.host_id != host_id if group is not None else await self._store.knows(group_id)

    # ---- what others say

    async def _receive(self, message: Message) -> None:
        if not message.readable:
            return
        group_id, kind = wire.parse_topic(message.topic)
        if not self._throttle.allows(message.sender):
            log.debug("%s says too much about groups", message.sender)
        elif group_id in self._host.groups:
            await self._host.handle(group_id, kind, message)
        elif group_id in self._member.groups:
            await self._member.handle(group_id, kind, message)
        elif kind == "join":
            self._host.refuse_closed(group_id, message.sender)

    async def _receive_invitation(self, message: Message) -> None:
        if message.topic != wire.INVITE_TOPIC or not message.readable:
            return
        invite = wire.parse_invite(message.payload)
        state = self.state(invite.group_id)
        if await self._taken(invite.group_id, message.sender):
            raise Refused("This group is another one here", invite.group_id, status=409)
        if state is None or state in ENDS:
            await self._invitations.receive(message)
        elif state is GroupState.WAITING:
            self._member.on_presence(message.sender, online=True)

    # ---- what happens meanwhile

    def on_person(self, person: Person) -> None:
        """Presence tells that somebody changed; whether they came or went is what counts."""
        if person.online == (person.peer_id in self._online):
            return
        self._member.on_presence(person.peer_id, online=person.online)
        if person.online:
            self._online.add(person.peer_id)
            self._host.lines.back(person.peer_id)
        else:
            self._online.discard(person.peer_id)

    def _changed(self, group_id: str) -> None:
        if self.state(group_id) is not None:
            self._emit(GroupChanged(self.group(group_id)))
