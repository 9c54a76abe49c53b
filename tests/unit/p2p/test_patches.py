"""What is relied upon in py-libp2p and in what lies below it: these fail if a new version changes it."""

from __future__ import annotations

import importlib.metadata
import logging
import subprocess
import sys

import pytest

from goop2_core.p2p import patches

SEED = bytes(range(32))
PEER_ID = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"


def test_the_version_is_the_one_that_was_measured() -> None:
    assert importlib.metadata.version("libp2p") == "0.8.1"


def test_the_peer_id_of_a_seed_is_that_of_the_specification() -> None:
    library = patches.load()
    keys = library.create_ed25519(seed=SEED)
    assert library.peer_id.from_pubkey(keys.public_key).to_base58() == PEER_ID
    assert library.read_public_key(keys.public_key.serialize()).to_bytes() == keys.public_key.to_bytes()


def test_ed25519_signatures_are_checked() -> None:
    library = patches.load()
    keys = library.create_ed25519(seed=SEED)
    signature = keys.private_key.sign(b"words")
    assert keys.public_key.verify(b"words", signature)
    assert not keys.public_key.verify(b"other words", signature)


def test_the_noise_payload_carries_identity_signature_and_muxers() -> None:
    library = patches.load()
    keys, static = library.create_ed25519(seed=SEED), library.create_x25519()
    signature = library.sign_noise(keys.private_key, static.public_key)
    extensions = library.noise_extensions(stream_muxers=["/yamux/1.0.0"])
    data = library.noise_payload(keys.public_key, signature, extensions=extensions).serialize()
    read = library.noise_payload.deserialize(data)
    assert library.verify_noise(read, static.public_key)
    assert not library.verify_noise(read, library.create_x25519().public_key)
    assert read.extensions.stream_muxers == ["/yamux/1.0.0"]
    assert library.x25519_public.from_bytes(static.public_key.to_bytes()).to_bytes() == static.public_key.to_bytes()


def test_the_noise_state_machine_gives_the_keys_that_it_uses() -> None:
    library = patches.load()
    sides = []
    for initiator in (True, False):
        state = library.noise_state.from_name(b"Noise_XX_25519_ChaChaPoly_SHA256")
        key = library.create_x25519().private_key.to_bytes()
        state.set_keypair_from_private_bytes(library.noise_keypair.STATIC, key)
        (state.set_as_initiator if initiator else state.set_as_responder)()
        state.start_handshake()
        sides.append(state)
    one, two = sides
    exchange = two.noise_protocol.handshake_state
    two.read_message(bytes(one.write_message(b"")))
    one.read_message(bytes(two.write_message(b"b")))
    assert two.read_message(bytes(one.write_message(b"a"))) == b"a"
    assert one.handshake_finished
    assert two.handshake_finished
    assert len(exchange.rs.public_bytes) == 32
    assert one.noise_protocol.cipher_state_encrypt.k == two.noise_protocol.cipher_state_decrypt.k
    assert one.noise_protocol.cipher_state_encrypt.n == 0


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("RPC", {"subscriptions": 1, "publish": 2, "control": 3}),
        ("Message", {"from_id": 1, "data": 2, "seqno": 3, "topicIDs": 4, "signature": 5, "key": 6}),
        ("ControlMessage", {"ihave": 1, "iwant": 2, "graft": 3, "prune": 4}),
        ("ControlIHave", {"topicID": 1, "messageIDs": 2}),
        ("ControlIWant", {"messageIDs": 1}),
        ("ControlGraft", {"topicID": 1}),
        ("ControlPrune", {"topicID": 1, "backoff": 3}),
    ],
)
def test_the_pubsub_messages_have_the_numbers_of_the_specification(message: str, fields: dict[str, int]) -> None:
    by_name = patches.load().rpc.DESCRIPTOR.message_types_by_name[message].fields_by_name
    assert {name: by_name[name].number for name in fields} == fields


def test_the_identify_message_has_the_numbers_of_the_specification() -> None:
    by_name = patches.load().identify.DESCRIPTOR.fields_by_name
    fields = {
        "public_key": 1, "listen_addrs": 2, "protocols": 3, "observed_addr": 4,
        "protocol_version": 5, "agent_version": 6,
    }  # fmt: skip
    assert {name: by_name[name].number for name in fields} == fields


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stderr == ""
    return done.stdout


def test_the_parts_are_loaded_without_the_transports_that_are_never_used() -> None:
    out = run(
        "import sys; from goop2_core.p2p import patches; patches.load();"
        "heavy = {'aioquic', 'aiortc', 'grpc', 'fastecdsa', 'requests', 'httpx', 'zeroconf', 'miniupnpc', 'libp2p'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert out == "[]\n"


def test_no_hollow_package_stays_behind() -> None:
    out = run(
        "import sys; from goop2_core.p2p import patches; patches.load();"
        "print([name for name in patches.BARE_PACKAGES if name in sys.modules])"
    )
    assert out == "[]\n"


def test_what_the_lock_leaves_out_is_not_needed() -> None:
    out = run(
        "import sys; sys.modules['fastecdsa'] = None; from goop2_core.p2p import patches; print(bool(patches.load()))"
    )
    assert out == "True\n"


def test_importing_the_package_imports_neither_trio_nor_libp2p() -> None:
    out = run("import sys, goop2_core.p2p; print(sorted({'trio', 'libp2p', 'google.protobuf'} & set(sys.modules)))")
    assert out == "[]\n"


def test_the_library_logs_nothing_and_installs_no_handler() -> None:
    patches.load()
    assert not logging.getLogger("libp2p").propagate
    assert (
        run("import logging; from goop2_core.p2p import patches; patches.load(); print(logging.root.handlers)")
        == "[]\n"
    )
