import errno
import socket
import subprocess
import sys

import pytest

from goop2_core.config import Address, parse_address
from goop2_core.viewer import ports
from goop2_core.viewer.ports import STABLE_PORTS, PortTaken, bind, port_user


def test_a_stable_port_is_chosen_and_kept():
    sock, port = bind(Address("127.0.0.1", 0), what="The site", setting="viewer.http_addr")
    sock.close()
    assert port in STABLE_PORTS
    again, same = bind(Address("127.0.0.1", 0), port, what="The site", setting="viewer.http_addr")
    again.close()
    assert same == port


def test_a_remembered_port_that_is_taken_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        sock, port = bind(Address("127.0.0.1", 0), taken, what="The site", setting="viewer.http_addr")
        sock.close()
        assert port != taken


@pytest.mark.parametrize("remembered", [-1, 0, 70000])
def test_a_remembered_port_that_makes_no_sense_is_ignored(remembered):
    sock, port = bind(Address("127.0.0.1", 0), remembered, what="x", setting="y")
    sock.close()
    assert port in STABLE_PORTS


def test_a_configured_port_that_is_taken_says_by_whom_and_offers_another():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(PortTaken) as raised:
            bind(parse_address(f"127.0.0.1:{taken}"), what="The site", setting="viewer.http_addr")
        error = raised.value
        assert error.title == "The site could not start"
        assert str(taken) in error.message
        assert "by another of your peers" in error.message
        kind, setting, port = error.remedy.split(":")
        assert (kind, setting) == ("use-port", "viewer.http_addr")
        socket.create_server(("127.0.0.1", int(port))).close()


def test_the_remembered_port_does_not_replace_a_configured_one():
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(PortTaken):
            bind(parse_address(f"127.0.0.1:{taken}"), 12345, what="x", setting="y")


def test_an_address_of_another_computer():
    with pytest.raises(PortTaken) as raised:
        bind(parse_address("192.0.2.1:8080"), what="The site", setting="viewer.http_addr")
    assert "192.0.2.1" in raised.value.message
    assert raised.value.remedy == ""


def test_a_port_for_administrators_offers_another(monkeypatch):
    real = ports._listen

    def listen(host, port):
        if port == 80:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(host, port)

    monkeypatch.setattr(ports, "_listen", listen)
    with pytest.raises(PortTaken) as raised:
        bind(parse_address("127.0.0.1:80"), what="The site", setting="viewer.http_addr")
    assert "1024" in raised.value.message
    assert raised.value.remedy.startswith("use-port:viewer.http_addr:")


def test_all_interfaces():
    for text in (":0", "0.0.0.0:0", "[::]:0", "localhost:0"):
        sock, port = bind(parse_address(text), what="x", setting="y")
        with sock, socket.create_connection(("::1" if text == "[::]:0" else "127.0.0.1", port)):
            pass


def test_nobody_has_a_free_port():
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
        assert port_user(free) == "another of your peers"
    argv = [
        sys.executable,
        "-c",
        f"import socket; kept = socket.create_server(('127.0.0.1', {free})); print(flush=True); input()",
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        assert port_user(free).endswith(f"(process {program.pid})")
        program.communicate(b"\n")
    assert port_user(free) == ""
