"""The command line: `goop2 peer DIR`, `goop2 id DIR`, `goop2 console DIR`; without a command, the desktop app."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from goop2_core import logs
from goop2_core.config import ConfigFile, explain
from goop2_core.control import ask_for_console
from goop2_core.errors import ConfigError, Goop2Error
from goop2_core.events import Event, PeerChanged, PeerState
from goop2_core.identity import load_or_create
from goop2_core.link import parse_link
from goop2_core.peerdir import PeerDir
from goop2_core.version import VERSION

FRONT_ENDS = "goop2.front_ends"
COMMANDS = ("peer", "id", "console")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0, 1 after an error that is printed, 2 for a wrong command line."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in (*COMMANDS, "-h", "--help", "--version", "-version"):
        return _front_end(arguments)
    parsed = _parser().parse_args(arguments)
    try:
        status = int(parsed.run(parsed))
        sys.stdout.flush()  # here, where a reader that has gone is expected
        return status
    except ConfigError as error:
        print(f"goop2: {error.title}", file=sys.stderr)
        for problem in error.problems:
            print(
                f"  {problem.key} {problem.message}" + (f": {problem.suggestion}" if problem.suggestion else ""),
                file=sys.stderr,
            )
        if error.hint:
            print(error.hint, file=sys.stderr)
    except Goop2Error as error:
        print(f"goop2: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # `goop2 peer DIR --check | head`; what is still to be written at the end goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="goop2",
        description="The ephemeral web: sites, chat and calls that exist while your computer is on.",
        epilog="Without a command, goop2 opens its window. `goop2 LINK` opens a goop2: link in it.",
    )
    parser.add_argument("--version", "-version", action="version", version=f"goop2 {VERSION}")
    commands = parser.add_subparsers(title="commands", required=True)

    peer = commands.add_parser("peer", help="run a peer without a window, until Ctrl-C")
    peer.add_argument("directory", type=Path, metavar="DIR", help="its directory; made if it is not there")
    peer.add_argument("--check", action="store_true", help="only check the settings, and explain them")
    peer.add_argument("--verbose", "-v", action="store_true", help="log more")
    peer.set_defaults(run=lambda a: _check(a.directory) if a.check else asyncio.run(_run(a.directory, a.verbose)))

    identity = commands.add_parser("id", help="print a peer's ID")
    identity.add_argument("directory", type=Path, metavar="DIR")
    identity.set_defaults(run=lambda a: _print_id(a.directory))

    console = commands.add_parser("console", help="print a new link to the console of a running peer")
    console.add_argument("directory", type=Path, metavar="DIR")
    console.set_defaults(run=lambda a: asyncio.run(_print_console(a.directory)))
    return parser


def _front_end(arguments: list[str]) -> int:
    """Start the installed front end; without one, say so and show what the command line can do."""
    if arguments and not arguments[0].startswith("-") and not _is_link(arguments[0]):
        _parser().error(f"{arguments[0]!r} is neither a command nor a goop2: link")
    found = importlib.metadata.entry_points(group=FRONT_ENDS)
    for entry in found:
        try:
            start = entry.load()
        except ImportError as error:
            print(f"goop2: the window needs {error.name}, which is not installed.", file=sys.stderr)
            continue
        return int(start(arguments) or 0)
    _parser().print_help(sys.stderr)
    return 2


def _is_link(text: str) -> bool:
    try:
        parse_link(text)
    except Goop2Error:
        return False
    return True


def _check(path: Path) -> int:
    file = ConfigFile(PeerDir(path).config_file)
    config = file.load()
    print(explain(config, file.warnings))
    print(f"{file.path} can be used.")
    return 0


def _print_id(path: Path) -> int:
    key = PeerDir(path).identity_key
    if not key.exists():
        raise Goop2Error("There is no peer here", f"{key} is not there.", "`goop2 peer DIR` makes one.")
    print(load_or_create(key).peer_id)
    return 0


async def _print_console(path: Path) -> int:
    print(await ask_for_console(PeerDir(path).data))
    return 0


async def _run(path: Path, verbose: bool) -> int:
    """Run one peer on this loop until SIGINT or SIGTERM; the second one ends the program at once."""
    from goop2_core.engine import Engine  # noqa: PLC0415 (keeps `goop2 id` and --help quick)
    from goop2_core.p2p import Network  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            sys.exit(1)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            loop.add_signal_handler(number, on_signal)
    unlog = logs.setup_stderr(verbose=verbose)
    network = Network()
    engine: Engine | None = None
    try:
        engine = Engine(await asyncio.to_thread(PeerDir.ensure, path), _progress)
        await network.start()
        if await _started(engine.start(network), stop):
            print(f"{engine.name} is running as {engine.identity.peer_id}", flush=True)
            print(f"Site:    {engine.site_link()}", flush=True)
            print(f"Console: {engine.console_url('people')}", flush=True)
            await stop.wait()
    finally:
        if engine is not None:
            await engine.stop()
        await network.stop()
        unlog()
    return 0


async def _started(start: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Whether `start` got through before `stop` was set. Raises what it raises."""
    starting = asyncio.create_task(start, name="start")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            return False
        starting.result()
        return True
    finally:
        stopping.cancel()


def _progress(event: Event) -> None:
    if isinstance(event, PeerChanged) and event.state is PeerState.STARTING and event.label:
        print(f"[{event.step}/{event.steps}] {event.label}", file=sys.stderr)
