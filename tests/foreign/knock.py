"""Knocks at a node's X.509 listener with aioquic: a QUIC stack, a TLS and a reader of the wire that share no line with the node.

usage: knock.py HOST PORT CERTIFICATE KEY SERVER_KEY LOG_VKEY

Shows the client's certificate, takes only the server whose certificate holds SERVER_KEY (base64, 32 bytes), reads the hello that the node
speaks first (PROTOCOL 16), and verifies the signed note in it under LOG_VKEY. Ends with 0 and `hello REGION SIZE`, or with 3 and how the door
was shut. Run by tests/foreign.rs where python3 has aioquic.
"""

import asyncio
import base64
import ssl
import struct
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Knock(QuicConnectionProtocol):
    """Gathers what comes on the node's control stream."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.heard = b""
        self.hello = asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        if self.hello.done():
            return
        if isinstance(event, StreamDataReceived) and event.stream_id % 4 == 3:
            self.heard += event.data
            length = int.from_bytes(self.heard[:4], "little") if len(self.heard) >= 4 else None
            if length is not None and len(self.heard) >= 4 + length:
                self.hello.set_result(self.heard[4 : 4 + length])
        elif isinstance(event, ConnectionTerminated):
            self.hello.set_exception(ConnectionError(f"code {event.error_code}: {event.reason_phrase}"))


def read_hello(hello, vkey):
    """Region and size of the log, out of a hello whose note verifies."""
    kind, version, region, _now, length = struct.unpack_from("<IH8sQQ", hello)
    assert (kind, version) == (0, 1), (kind, version)
    note = hello[30 : 30 + length].decode()
    text, signatures = note.split("\n\n", 1)
    name, _hash, key = vkey.split("+", 2)
    line = next(line for line in signatures.splitlines() if line.startswith(f"\u2014 {name} "))
    key, signature = base64.b64decode(key), base64.b64decode(line.rsplit(" ", 1)[1])
    assert key[0] == 1, "not an Ed25519 key"
    Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], f"{text}\n".encode())
    return region.rstrip(b"\0").decode(), int(text.split("\n")[1])


async def main(host, port, certificate, key, server_key, vkey):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["creditbay/1"], verify_mode=ssl.CERT_NONE)
    configuration.load_cert_chain(certificate, key)
    try:
        async with connect(host, int(port), configuration=configuration, create_protocol=Knock) as knock:
            hello = await asyncio.wait_for(knock.hello, 10)
            shown = knock._quic.tls._peer_certificate.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            if shown != base64.b64decode(server_key):
                raise ConnectionError("another server answers")
            region, size = read_hello(hello, vkey)
            print(f"hello {region} {size}")
    except (ConnectionError, TimeoutError, asyncio.TimeoutError) as refused:
        print(f"shut: {type(refused).__name__} {refused}")
        sys.exit(3)


asyncio.run(main(*sys.argv[1:]))
