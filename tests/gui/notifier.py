"""A StatusNotifier host as GNOME and KDE have one: tray icons register with it over D-Bus, and it clicks on them."""

# ruff: noqa: F722, F821 - D-Bus signatures stand where annotations do
import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dbus_fast import Message, MessageType, PropertyAccess, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property, method, signal

ITEM = "org.kde.StatusNotifierItem"
MENU = "com.canonical.dbusmenu"


@contextmanager
def session_bus(env: dict[str, str]) -> Iterator[str]:
    """A bus of its own; gives its address."""
    bus = subprocess.Popen(
        ["dbus-daemon", "--session", "--print-address", "--nofork"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield bus.stdout.readline().strip()
    finally:
        bus.terminate()
        bus.wait(10)
        bus.stdout.close()


class Watcher(ServiceInterface):
    """Where icons register."""

    def __init__(self, items: asyncio.Queue[str]) -> None:
        super().__init__("org.kde.StatusNotifierWatcher")
        self._items = items
        self._known: list[str] = []

    @method()
    def RegisterStatusNotifierItem(self, service: "s") -> None:
        self._known.append(service)
        self._items.put_nowait(service)
        self.StatusNotifierItemRegistered(service)

    @method()
    def RegisterStatusNotifierHost(self, service: "s") -> None: ...

    @dbus_property(access=PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> "as":
        return self._known

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> "b":
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> "i":
        return 0

    @signal()
    def StatusNotifierItemRegistered(self, service) -> "s":
        return service

    @signal()
    def StatusNotifierHostRegistered(self): ...


class Notifier:
    """`items` gives the bus name of each icon that registers."""

    def __init__(self, bus: MessageBus) -> None:
        self.bus = bus
        self.items: asyncio.Queue[str] = asyncio.Queue()

    @classmethod
    async def connect(cls, address: str) -> "Notifier":
        notifier = cls(await MessageBus(bus_address=address).connect())
        notifier.bus.export("/StatusNotifierWatcher", Watcher(notifier.items))
        await notifier.bus.request_name("org.kde.StatusNotifierWatcher")
        return notifier

    async def _call(self, item: str, path: str, interface: str, member: str, signature: str, body: list[Any]) -> list:  # noqa: PLR0917
        reply = await self.bus.call(
            Message(destination=item, path=path, interface=interface, member=member, signature=signature, body=body)
        )
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return reply.body

    async def get(self, item: str, name: str) -> Any:
        body = [ITEM, name]
        values = await self._call(item, "/StatusNotifierItem", "org.freedesktop.DBus.Properties", "Get", "ss", body)
        return values[0].value

    async def activate(self, item: str) -> None:
        """A left click."""
        await self._call(item, "/StatusNotifierItem", ITEM, "Activate", "ii", [0, 0])

    async def _layout(self, item: str) -> tuple[str, list]:
        menu = await self.get(item, "Menu")
        await self._call(item, menu, MENU, "AboutToShow", "i", [0])
        values = await self._call(item, menu, MENU, "GetLayout", "iias", [0, -1, []])
        return menu, values[1]

    async def entries(self, item: str) -> list[str]:
        """What the menu says."""
        _, layout = await self._layout(item)
        return [_label(child) for child in layout[2]]

    async def click(self, item: str, *path: str) -> None:
        """Choose an entry of the menu, or of a menu in it."""
        menu, node = await self._layout(item)
        for label in path:
            node = next(child.value for child in node[2] if _label(child) == label)
        await self._call(item, menu, MENU, "Event", "isvu", [node[0], "clicked", Variant("s", ""), 0])


def _label(child: Any) -> str:
    label = child.value[1].get("label")
    return label.value.replace("_", "") if label is not None else ""
