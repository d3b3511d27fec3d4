"""A proxy that speaks TLS in front of a server that does not, like a web server in front of REST."""

import asyncio
import contextlib
import ssl
import threading

import trustme
from certificates import authority


@contextlib.contextmanager
def tls_proxy(port: int, leaf: trustme.LeafCert, verifies_clients: bool = False):
    """Runs a proxy in front of a local port; yields the proxy's port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    if verifies_clients:
        authority().configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    loop = asyncio.new_event_loop()
    # Clients that a test makes fail break off their handshakes.
    loop.set_exception_handler(lambda loop, context: None)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def forward(reader, writer):
        upstream_reader, upstream_writer = await asyncio.open_connection("localhost", port)
        await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))

    listening = asyncio.start_server(forward, "localhost", 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _copy(reader, writer):
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()
