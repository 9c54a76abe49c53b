"""The groups and rooms of the stand-in for the console server."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from goop2_core.errors import Refused
from goop2_core.events import (
    Delivery,
    Group,
    GroupChanged,
    GroupGone,
    GroupMember,
    GroupState,
    Invitation,
    InvitationChanged,
    InvitationGone,
    RoomMessage,
    RoomMessageChanged,
    RoomMessageGone,
    RoomRead,
)
from goop2_core.web import reply

if TYPE_CHECKING:
    from tests.browser.fake_console import FakeConsole

ENDED = (GroupState.CLOSED, GroupState.REMOVED)


class FakeGroups:
    """Groups over plain dicts. `here` false is a peer without groups: every route answers 404."""

    def __init__(self, console: FakeConsole, own: str) -> None:
        self.here = True
        self.groups: dict[str, Group] = {}
        self.invitations: dict[str, Invitation] = {}
        self.messages: dict[str, list[RoomMessage]] = {}
        self.unread: dict[str, int] = {}
        self.typed: list[str] = []
        self.outcome = Delivery.DELIVERED  # what becomes of what is sent
        self.asked: list[str] = []  # "GET /api/…" of rooms, with the query
        self._console, self._own, self._number = console, own, 0

    # what a test does

    def add(self, key: str, name: str, **facts) -> Group:
        """A group is there; `members` as (peer, role) pairs after the owner."""
        hosted = facts.pop("hosted", True)
        host = self._own if hosted else facts.pop("host_id")
        people = [GroupMember(host, "owner", self._name(host), 1), *facts.pop("members", ())]
        state = facts.pop("state", GroupState.HOSTING if hosted else GroupState.CONNECTED)
        group = Group(key, name, "chat", host, hosted, state, host_name=self._name(host),
                      role="owner" if hosted else "viewer", members=tuple(people),
                      **{"created_at": int(time.time() * 1000), **facts})  # fmt: skip
        return self.set(group)

    def set(self, group: Group) -> Group:
        self.groups[group.id] = group
        self._console.emit(GroupChanged(group))
        return group

    def invite_us(self, key: str, name: str, host_id: str, *, supported: bool = True, host_name: str = "") -> None:
        self.invitations[key] = Invitation(
            key, name, host_id, "chat" if supported else "listen", supported, host_name, 5
        )
        self._console.emit(InvitationChanged(self.invitations[key]))

    def say(self, key: str, from_id: str, content: str, *, at: int = 0, unread: int = 0, **facts) -> RoomMessage:
        """A message is in the room; `from_id` "" is ours."""
        own = from_id in ("", self._own)
        self._number += 1
        facts = {"delivery": Delivery.DELIVERED if own else Delivery.RECEIVED, **facts}
        name = facts.pop("from_name", self._name(from_id))
        at = at or int(time.time() * 1000)
        message = RoomMessage(self._number, key, from_id or self._own, name, content, at, **facts)
        self.messages.setdefault(key, []).append(message)
        self.unread[key] = unread
        self._console.emit(RoomMessageChanged(message, unread))
        return message

    def change(self, message: RoomMessage, **values) -> RoomMessage:
        talk = self.messages[message.group_id]
        at = next(i for i, other in enumerate(talk) if other.id == message.id)
        talk[at] = replace(talk[at], **values)
        self._console.emit(RoomMessageChanged(talk[at], self.unread.get(message.group_id, 0)))
        return talk[at]

    def close(self, key: str) -> None:
        self.groups.pop(key)
        self.messages.pop(key, None)
        self._console.emit(GroupGone(key))

    def _name(self, peer_id: str) -> str:
        person = self._console.people.get(peer_id)
        return person.name if person else ""

    # what the console asks for

    def routes(self):
        get, post, delete = web.get, web.post, web.delete
        table = [
            (get, "/api/groups", self._list), (post, "/api/groups", self._create),
            (post, "/api/groups/{gid}", self._edit), (delete, "/api/groups/{gid}", self._leave),
            (post, "/api/groups/{gid}/leave", self._leave), (post, "/api/groups/{gid}/invite", self._invite),
            (post, "/api/groups/{gid}/uninvite", self._uninvite), (post, "/api/groups/{gid}/kick", self._kick),
            (post, "/api/groups/{gid}/role", self._role), (post, "/api/groups/{gid}/retry", self._retry),
            (post, "/api/invitations/{gid}/{answer}", self._answer),
            (get, "/api/rooms", self._rooms), (get, "/api/rooms/{gid}", self._history),
            (get, "/api/rooms/{gid}/search", self._search), (post, "/api/rooms/{gid}", self._send),
            (post, "/api/rooms/{gid}/read", self._read), (post, "/api/rooms/{gid}/typing", self._typing),
            (post, r"/api/rooms/{gid}/{id:\d+}/edit", self._edit_message),
            (post, r"/api/rooms/{gid}/{id:\d+}/retry", self._send_again),
            (delete, r"/api/rooms/{gid}/{id:\d+}", self._delete_message),
        ]  # fmt: skip
        return [method(path, self._guarded(handler)) for method, path, handler in table]

    def _guarded(self, handler):
        async def guarded(request):
            if not self.here:
                raise web.HTTPNotFound
            gid = request.match_info.get("gid", "")
            if request.path.startswith("/api/rooms/"):
                self.asked.append(f"{request.method} {request.path_qs}")
            if gid and gid not in (self.invitations if "/invitations/" in request.path else self.groups):
                raise Refused("There is no such group", "It may have been closed.", status=404)
            body = json.loads(await request.read() or b"{}")
            return reply(await handler(request, gid, body))

        return guarded

    async def _list(self, _request, _gid, _body):
        return {"groups": [*self.groups.values()], "invitations": [*self.invitations.values()], "types": ["chat"]}

    async def _create(self, _request, _gid, body):
        if len(self.groups) >= 50:
            raise Refused("You host 50 groups already", "More would be too many.", "Close one first.", status=409)
        return self.add(f"new{len(self.groups)}", body["name"], max_members=body["max_members"])

    async def _edit(self, _request, gid, body):
        return self.set(replace(self.groups[gid], **body))

    async def _leave(self, _request, gid, _body):
        self.close(gid)
        return {}

    async def _invite(self, _request, gid, body):
        group, ids = self.groups[gid], body["peer_ids"]
        assert 1 <= len(ids) <= 50
        self.set(replace(group, invited=(*group.invited, *ids)))
        state = {peer: "sent" if self._console.people[peer].online else "waiting" for peer in ids}
        return {"invited": [{"peer_id": peer, "state": state[peer]} for peer in ids]}

    async def _uninvite(self, _request, gid, body):
        group = self.groups[gid]
        self.set(replace(group, invited=tuple(peer for peer in group.invited if peer != body["peer_id"])))
        return {}

    async def _kick(self, _request, gid, body):
        group = self.groups[gid]
        return self.set(replace(group, members=tuple(m for m in group.members if m.peer_id != body["peer_id"])))

    async def _role(self, _request, gid, body):
        group, who = self.groups[gid], body["peer_id"]
        changed = (replace(m, role=body["role"]) if m.peer_id == who else m for m in group.members)
        return self.set(replace(group, members=tuple(changed)))

    async def _retry(self, _request, gid, _body):
        return self.set(replace(self.groups[gid], state=GroupState.JOINING, reason="Joining…"))

    async def _answer(self, request, gid, _body):
        invitation = self.invitations.pop(gid)
        self._console.emit(InvitationGone(gid))
        if request.match_info["answer"] == "decline":
            return {}
        return self.add(gid, invitation.group_name, hosted=False, host_id=invitation.host_id, state=GroupState.JOINING)

    async def _rooms(self, _request, _gid, _body):
        talks = [(gid, self.messages.get(gid)) for gid in self.groups]
        return [
            {"group_id": g, "unread": self.unread.get(g, 0), "last": talk[-1] if talk else None} for g, talk in talks
        ]

    async def _history(self, request, gid, _body):
        talk = self.messages.get(gid, [])
        before, after = (int(request.query.get(key, "0")) for key in ("before", "after"))
        limit = int(request.query.get("limit", "50"))
        assert 1 <= limit <= 200
        wanted = [m for m in talk if (not before or m.id < before) and (not after or m.id > after)]
        page = wanted[:limit] if after else wanted[-limit:]
        return {"messages": page, "more": len(wanted) > limit, "unread": self.unread.get(gid, 0)}

    async def _search(self, request, gid, _body):
        words = request.query["q"].lower()
        found = [m for m in reversed(self.messages.get(gid, [])) if words in m.content.lower()]
        return {"messages": found[:50], "more": len(found) > 50}

    async def _send(self, _request, gid, body):
        if self.groups[gid].state in ENDED:
            raise Refused("Nothing more can be written here", "The group was closed.", status=409)
        waiting = self.groups[gid].state == GroupState.WAITING
        state = Delivery.WAITING if waiting else Delivery.SENDING
        message = self.say(gid, "", body["content"], reply_to=body.get("reply_to", 0), delivery=state)
        if not waiting:
            self._settle(message)
        return message

    def _settle(self, message):
        error = "The host's disk is full." if self.outcome == Delivery.FAILED else ""
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, lambda: self.change(message, delivery=self.outcome, error=error))

    def _message(self, request, gid):
        found = next((m for m in self.messages[gid] if m.id == int(request.match_info["id"])), None)
        if found is None:
            raise Refused("This message is gone", "It was deleted.", status=404)
        return found

    async def _edit_message(self, request, gid, body):
        message = self._message(request, gid)
        if "refuse" in body["content"]:
            raise Refused("The host's program knows no edits", "It is an older one.", status=409)
        return self.change(message, content=body["content"], edited_at=message.timestamp + 1)

    async def _delete_message(self, request, gid, _body):
        message = self._message(request, gid)
        if message.delivery in (Delivery.WAITING, Delivery.FAILED):
            self.messages[gid].remove(message)
            self._console.emit(RoomMessageGone(gid, message.id, self.unread.get(gid, 0)))
        else:
            self.change(message, content="", deleted=True)
        return {}

    async def _send_again(self, request, gid, _body):
        message = self.change(self._message(request, gid), delivery=Delivery.SENDING, error="")
        self._settle(message)
        return message

    async def _read(self, _request, gid, _body):
        self.unread[gid] = 0
        self._console.emit(RoomRead(gid))
        return {}

    async def _typing(self, _request, gid, _body):
        self.typed.append(gid)
        return {}


def fill_groups(console: FakeConsole, at) -> None:
    """A book club that we host, a choir that we joined, and groups in every state. `at(hour, minute, days)` in ms."""
    groups = console.groups
    by_name = {person.name: peer for peer, person in console.people.items()}
    bob, carol, library = by_name["Bob Marsh"], by_name["Carol Díaz"], by_name["Lighthouse library"]
    erik = by_name["Erik"]
    members = [
        GroupMember(bob, "viewer", "Bob Marsh", 2), GroupMember(carol, "editor", "Carol Díaz", 3),
        GroupMember(library, "viewer", "Lighthouse library", 4), GroupMember(erik, "viewer", "Erik", 5, away=True),
        GroupMember("12D3KooWStranger".ljust(52, "s"), "viewer", "", 6),
    ]  # fmt: skip
    groups.add("club", "Reading club", members=members, invited=(by_name["Devika Subramaniam-Okafor"],))
    groups.say("club", "", "Shall we take “The Garden Party” for Thursday?", at=at(18, 2, 1))
    asked = groups.say("club", bob, "Who brings the copies? @Carol Díaz, do you still have three?", at=at(9, 12))
    groups.say("club", bob, "If not, the library has it: https://example.org/katherine", at=at(9, 13))
    groups.say("club", carol, "I have two. @Alice's desk has one, I think.", at=at(9, 20), reply_to=asked.id)
    groups.say("club", library, "Two more are on the shelf here.", at=at(9, 41), edited_at=at(9, 44))
    groups.say("club", "", "Then we are complete.", at=at(10, 2))
    groups.say("club", erik, "", at=at(10, 3), deleted=True)
    groups.say("club", bob, "See you on Thursday!", at=at(14, 30))
    groups.say("club", bob, "Half past seven, as ever.", at=at(14, 31), unread=2)
    groups.add("choir", "Choir", hosted=False, host_id=carol, state=GroupState.WAITING, reason="Carol Díaz is away.",
               members=[GroupMember(bob, "viewer", "Bob Marsh", 2)])  # fmt: skip
    groups.say("choir", carol, "Rehearsal moves to Monday.", at=at(8, 5))
    groups.say("choir", "", "Fine with me", at=at(8, 30), delivery=Delivery.WAITING)
    groups.say(
        "choir", "", "I bring the scores", at=at(8, 31), delivery=Delivery.FAILED, error="The host's disk is full."
    )
    groups.add("full", "A group whose name is much longer than what the list has room for", hosted=False, host_id=bob,
               state=GroupState.FULL, reason="all 12 places are taken", max_members=12)  # fmt: skip
    groups.add("old", "Moving house", hosted=False, host_id=bob, state=GroupState.CLOSED, reason="Bob Marsh closed it.")
    groups.say("old", bob, "Thanks to all of you!", at=at(17, 0, 5))
    groups.invite_us("chess", "Chess evenings", bob)
    groups.invite_us("radio", "Late radio", library, supported=False)
