"""Limits HTTP connections: size and slowness of requests, and number of open connections.

TF Serving has no such limits and relies on a proxy. A client that exceeds one gets a status and a message
before the connection closes.
"""

import asyncio
import http
from dataclasses import dataclass

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.model_server.rest_api import json_responses

# A body that arrives at this rate or faster may take longer than the time limit.
MIN_BYTES_PER_SECOND = 10_000
# Time to keep reading a refused request, because a client that is still sending would get no response.
LINGER_SECONDS = 2.0


@dataclass(frozen=True)
class RestLimits:
    """Limits on connections.

    Attributes:
        max_request_bytes: Largest body.
        max_header_bytes: Largest size of request line and headers together.
        max_connections: Most connections open at a time.
        idle_seconds: Longest time without a request, or without reading a response.
        receive_seconds: Longest time for a request to arrive; a body of at least `MIN_BYTES_PER_SECOND` may
            take longer.
    """

    max_request_bytes: int
    max_header_bytes: int
    max_connections: int
    idle_seconds: float
    receive_seconds: float


def protocol(limits: RestLimits) -> "type[LimitedConnection]":
    """Returns the limited protocol, for uvicorn's `http` option."""

    class Connection(LimitedConnection):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, limits=limits, **kwargs)

    return Connection


class LimitedConnection(HttpToolsProtocol):
    """A uvicorn connection that enforces limits.

    Args:
        *args: Arguments of uvicorn's protocol.
        limits: The limits.
        **kwargs: Keyword arguments of uvicorn's protocol.
    """

    def __init__(self, *args, limits: RestLimits, **kwargs):
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._is_refused = False
        self._is_receiving = False
        self._has_head = False
        # These count the arriving request's bytes; unparsed ones belong to no header and no body yet.
        self._num_unparsed_bytes = 0
        self._num_head_bytes = 0
        self._num_body_bytes = 0
        self._num_all_body_bytes = 0  # of all requests
        self._begin = 0.0

    def connection_made(self, transport):
        super().connection_made(transport)
        maximum = self._limits.max_connections
        if len(self.connections) > maximum:
            self._refuse(
                503,
                f"At most {maximum} connections may be open (--max_connections). Received: one more. "
                "Try again later.",
            )
        else:
            self._arm(self._limits.idle_seconds, self._close)

    def connection_lost(self, exc):
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data):
        if self._is_refused:
            return
        num_before = self._num_all_body_bytes
        super().data_received(data)
        if self._is_refused or self.transport.is_closing():
            return
        if self._is_receiving:
            # Bytes that are no body belong to a head, or to the trailers of a body in chunks.
            is_body = self._num_all_body_bytes > num_before
            self._num_unparsed_bytes = 0 if is_body else self._num_unparsed_bytes + len(data)
            if self._num_unparsed_bytes > self._limits.max_header_bytes:
                self._refuse_head()
        elif not self._is_receiving and self._timer is None and self._is_idle():
            # Bytes that do not begin a request have stopped uvicorn's own timer.
            self._arm(self._limits.idle_seconds, self._close)

    def send_400_response(self, msg):
        self._refuse(400, f"{msg} It must be HTTP/1.0 or HTTP/1.1.")

    def on_message_begin(self):
        super().on_message_begin()
        self._is_receiving, self._has_head = True, False
        self._num_unparsed_bytes = self._num_head_bytes = self._num_body_bytes = 0
        self._begin = self.loop.time()
        self._arm(self._limits.receive_seconds, self._check_progress)

    def on_url(self, url):
        self._num_head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name, value):
        self._num_head_bytes += len(name) + len(value)
        if not self._has_head:
            super().on_header(name, value)
        elif self._num_head_bytes > self._limits.max_header_bytes and not self._is_refused:
            self._refuse_head()  # otherwise trailers are passed over

    def on_headers_complete(self):
        if self._is_refused:
            return
        self._has_head = True
        lengths = [int(value) for name, value in self.headers if name == b"content-length"]
        if self._num_head_bytes > self._limits.max_header_bytes:
            self._refuse_head()
        elif lengths and lengths[0] > self._limits.max_request_bytes:
            self._refuse_body(lengths[0])
        else:
            super().on_headers_complete()

    def on_body(self, body):
        self._num_body_bytes += len(body)
        self._num_all_body_bytes += len(body)
        if self._is_refused:
            return
        if self._num_body_bytes > self._limits.max_request_bytes:
            self._refuse_body(self._num_body_bytes)
        else:
            super().on_body(body)

    def on_message_complete(self):
        self._is_receiving = False
        if not self._is_refused:
            self._disarm()
            super().on_message_complete()

    def pause_writing(self):
        super().pause_writing()
        self._arm(self._limits.idle_seconds, self.transport.abort)

    def resume_writing(self):
        super().resume_writing()
        self._disarm()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _check_progress(self):
        elapsed = self.loop.time() - self._begin
        allowed = self._limits.receive_seconds + self._num_body_bytes / MIN_BYTES_PER_SECOND
        if elapsed < allowed:
            self._arm(allowed - elapsed + 0.01, self._check_progress)
            return
        self._refuse(
            408,
            f"A request must arrive within {self._limits.receive_seconds:g} seconds "
            f"(--receive_timeout_seconds), or at {MIN_BYTES_PER_SECOND} bytes a second. Received: "
            f"{self._num_body_bytes} bytes of its body in {elapsed:.0f} seconds.",
        )

    def _refuse_head(self):
        maximum = self._limits.max_header_bytes
        self._refuse(
            431,
            f"The request line and its headers must have at most {maximum} bytes (--max_header_bytes). "
            "Received: more.",
        )

    def _refuse_body(self, num_bytes):
        maximum = self._limits.max_request_bytes
        self._refuse(
            413,
            f"The body of a request must have at most {maximum} bytes (--max_request_bytes). Received: "
            f"{num_bytes} or more. Send fewer rows at a time.",
        )

    def _refuse(self, status, message):
        """Sends an error response and closes the connection once the client had time to read it."""
        self._is_refused = True
        if self._is_idle() or not self.cycle.response_started:
            body = json_responses.error(message)
            head = (
                f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        if not self._is_idle():
            # Ends the application's wait for the rest of the body.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._arm(LINGER_SECONDS, self._close)

    def _close(self):
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _arm(self, seconds, handler):
        self._disarm()
        self._timer = self.loop.call_later(seconds, handler)

    def _disarm(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
