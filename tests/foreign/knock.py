"""Knocks at a node's X.509 listener with aioquic: a QUIC stack, a TLS and a reader of the wire that share no line with the node.

usage: knock.py HOST PORT CERTIFICATE KEY SERVER_KEY LOG_VKEY [WORDS FRAME REPLY]

Shows the client's certificate, takes only the server whose certificate holds SERVER_KEY (base64, 32 bytes), reads the hello that the node
speaks first (PROTOCOL 16), and verifies the signed note in it under LOG_VKEY. With WORDS, a file of hello and link, it says them, and reads the
link that the node says only to a hello that it took; then it sends FRAME on a stream of its own and writes what comes back to REPLY. Ends with
0 and `hello REGION SIZE` (`link HASHES`, `reply BYTES`), or with 3 and how the door was shut. Run by tests/foreign.rs where python3 has aioquic.
"""

import asyncio
import base64
import pathlib
import ssl
import struct
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamDataReceived, StreamReset
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Knock(QuicConnectionProtocol):
    """Gathers what comes on the node's control stream, and the reply to one frame."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.heard = b""
        self.replied = b""
        self.messages = asyncio.Queue()
        self.reply = asyncio.Queue()

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived) and event.stream_id % 4 == 3:
            self.heard += event.data
            while len(self.heard) >= 4 and len(self.heard) >= (end := 4 + int.from_bytes(self.heard[:4], "little")):
                self.messages.put_nowait(self.heard[4:end])
                self.heard = self.heard[end:]
        elif isinstance(event, StreamDataReceived) and event.stream_id % 4 == 0:
            self.replied += event.data
            if event.end_stream:
                self.reply.put_nowait(self.replied)
        elif isinstance(event, StreamReset):
            self.reply.put_nowait(ConnectionError(f"the stream was closed with fault {event.error_code}"))
        elif isinstance(event, ConnectionTerminated):
            ended = ConnectionError(f"code {event.error_code}: {event.reason_phrase}")
            self.messages.put_nowait(ended)
            self.reply.put_nowait(ended)

    def say(self, data, is_unidirectional):
        stream = self._quic.get_next_available_stream_id(is_unidirectional=is_unidirectional)
        self._quic.send_stream_data(stream, data, end_stream=not is_unidirectional)
        self.transmit()


async def next_of(queue):
    """What comes next, within ten seconds."""
    came = await asyncio.wait_for(queue.get(), 10)
    if isinstance(came, Exception):
        raise came
    return came


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


def read_link(link):
    """How many hashes a link has."""
    kind, hashes = struct.unpack_from("<IQ", link)
    assert kind == 1 and len(link) == 12 + 32 * hashes, (kind, hashes, len(link))
    return hashes


async def main(host, port, certificate, key, server_key, vkey, words=None, frame=None, reply=None):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=["creditbay/1"], verify_mode=ssl.CERT_NONE)
    configuration.load_cert_chain(certificate, key)
    try:
        async with connect(host, int(port), configuration=configuration, create_protocol=Knock) as knock:
            hello = await next_of(knock.messages)
            shown = knock._quic.tls._peer_certificate.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            if shown != base64.b64decode(server_key):
                raise ConnectionError("another server answers")
            region, size = read_hello(hello, vkey)
            print(f"hello {region} {size}")
            if words:
                knock.say(pathlib.Path(words).read_bytes(), is_unidirectional=True)
                print(f"link {read_link(await next_of(knock.messages))}")
                knock.say(pathlib.Path(frame).read_bytes(), is_unidirectional=False)
                answer = await next_of(knock.reply)
                pathlib.Path(reply).write_bytes(answer)
                print(f"reply {len(answer)}")
    except (ConnectionError, TimeoutError, asyncio.TimeoutError) as refused:
        print(f"shut: {type(refused).__name__} {refused}")
        sys.exit(3)


asyncio.run(main(*sys.argv[1:]))
