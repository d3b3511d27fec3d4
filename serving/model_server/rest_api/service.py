"""TF Serving's REST API as a thin ASGI adapter over the core.

Sources:
    [TFS] tensorflow/serving, `model_servers/http_rest_api_{handler,util}.cc`, `http_server.cc`
"""

import asyncio
import concurrent.futures
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from export.versions.version_dirs import LARGEST_VERSION
from serving.model_server.core.classify_regress import Classes
from serving.model_server.core.model_messages import metadata_response, status_response
from serving.model_server.core.model_signature import CLASSIFY, REGRESS, UnknownSignature
from serving.model_server.core.request_types import ModelSpec
from serving.model_server.core.server_core import ServerCore
from serving.model_server.rest_api import examples_request, json_responses, predict_request
from serving.wire import json_tensor
from serving.wire.status import InvalidArgument, from_exception

MAX_UNPACKED_BYTES = 100 * 10**6
_VERSION_OR_LABEL = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICTION_PATH = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION_OR_LABEL}:(?P<method>classify|regress|predict)", re.I | re.A
)
_STATUS_PATH = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION_OR_LABEL}(?:/(?P<method>metadata))?", re.I | re.A
)
_METHOD_NAMES = {"classify": CLASSIFY, "regress": REGRESS}
_NOT_FOUND_PAGE = (
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_CORS_HEADERS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
)


@dataclass(frozen=True)
class Answer:
    """An HTTP response: status, body, and the body's type."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"


# The type of a response without a body.
_NO_TYPE = b"text/html; charset=ISO-8859-1"


class _UnreadableVersion(InvalidArgument):
    """A version beyond 64 bits, to which TF Serving responds without a body."""


class RestService:
    """The ASGI application.

    Args:
        core: The server's core.
        num_threads: Requests answered at a time; four per CPU by default, as in TF Serving.
        timeout_seconds: Time limit of a prediction; None for no limit.
        enable_cors: Whether browsers on other sites may read the responses.
        metrics_path: Path of Prometheus' page; None for no page.
    """

    def __init__(
        self,
        core: ServerCore,
        num_threads: int | None = None,
        timeout_seconds: float | None = 30.0,
        enable_cors: bool = False,
        metrics_path: str | None = None,
    ):
        self._core = core
        self._timeout_seconds = timeout_seconds
        self._metrics_path = metrics_path
        self._headers = _CORS_HEADERS if enable_cors else ()
        self._pool = concurrent.futures.ThreadPoolExecutor(num_threads or 4 * (os.cpu_count() or 1), "rest")

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        if body is None:
            return
        path = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            path += "?" + scope["query_string"].decode("latin-1")
        # Neither the model nor the parsing of JSON runs on the event loop.
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(
            self._pool, self.answer, scope["method"], path, dict(scope["headers"]), body
        )
        length = str(len(answer.body)).encode()
        headers = [(b"content-type", answer.content_type), (b"content-length", length), *self._headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def answer(self, method: str, path: str, headers: Mapping[bytes, bytes], body: bytes) -> Answer:
        """Returns the response to any request, and never raises.

        Args:
            method: HTTP method in upper case.
            path: Path in the request line, including the query string, which must match, too.
            headers: Headers by lower-case name.
            body: The received body, possibly compressed.
        """
        if self._metrics_path and path.partition("?")[0] == self._metrics_path:
            return self._metrics_page(path)
        if path[:4].lower() != "/v1/":
            return Answer(404, _NOT_FOUND_PAGE, b"text/html")
        if method == "OPTIONS":
            with self._core.metrics.request("", "", "REST"):
                allowed = re.search(rb"https?://", headers.get(b"origin", b""))
            return Answer(200 if allowed else 400, b"", _NO_TYPE)
        try:
            if b"gzip" in headers.get(b"content-encoding", b""):
                body = _unpack(body)
            with self._measured(method, path):
                return Answer(200, self._dispatch(method, path, body))
        except _UnreadableVersion:
            return Answer(InvalidArgument.http_status, b"", _NO_TYPE)
        except Exception as error:  # noqa: BLE001 - every error of a request becomes its response
            status = from_exception(error)
            return Answer(status.http_status, json_responses.error(status.message))

    def _metrics_page(self, path):
        if path != self._metrics_path:
            message = f"Unexpected path: {path}. Should be {self._metrics_path}"
            return Answer(400, message.encode(), b"text/plain")
        return Answer(200, self._core.metrics.page(), b"text/plain")

    def _measured(self, method, path):
        match = _match(method, path)
        name = unquote(match["name"] or "") if match else ""
        api = match["method"] or "" if match and method == "POST" else ""
        return self._core.metrics.request(name, api, "REST")

    def _dispatch(self, method, path, body) -> bytes:
        match = _match(method, path)
        if not match:
            raise InvalidArgument(f"Malformed request: {method} {path}")
        spec = ModelSpec(unquote(match["name"] or ""), _version(match), unquote(match["label"] or ""))
        if method == "GET":
            return self._describe(spec, with_metadata=match["method"] == "metadata")
        if match["method"] == "predict":
            return self._predict(spec, body)
        if match["method"] in _METHOD_NAMES:
            return self._infer(match["method"], spec, body)
        # The grammar ignores case, but TF Serving accepts its methods only in lower case.
        raise InvalidArgument(f"Malformed request: {method} {path}")

    def _predict(self, spec, body) -> bytes:
        document = json_tensor.parse(body)
        spec = replace(spec, signature_name=predict_request.signature_name(document))

        def read_inputs(signature):
            data_types = {alias: tensor.data_type for alias, tensor in signature.inputs.items()}
            return predict_request.read_inputs(document, data_types, spec.signature_name)

        try:
            prediction = self._core.predict(
                spec, read_inputs, timeout_seconds=self._timeout_seconds, decode=_as_it_is
            )
        except UnknownSignature as error:
            name = error.signature_name
            raise InvalidArgument(f'Serving signature name: "{name}" not found in signature def') from error
        if predict_request.is_row_format(document):
            return json_responses.predictions(prediction.outputs)
        return json_responses.outputs(prediction.outputs)

    def _infer(self, method, spec, body) -> bytes:
        document = json_tensor.parse(body)
        spec = replace(spec, signature_name=predict_request.signature_name(document))
        examples = examples_request.read_examples(document)
        result = self._core.infer(spec, _METHOD_NAMES[method], examples, self._timeout_seconds).result
        if isinstance(result, Classes):
            return json_responses.classifications(result.labels, result.scores)
        return json_responses.regressions(result)

    def _describe(self, spec, with_metadata: bool) -> bytes:
        if not spec.name:
            raise InvalidArgument("Missing model name in request.")
        if not with_metadata:
            return _proto_text(status_response(self._core, spec)).encode()
        response = metadata_response(self._core, spec)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return (
            f'{{\n"model_spec":{_proto_text(response.model_spec)},\n'
            f'"metadata": {{"signature_def": {_proto_text(signatures)}}}\n}}\n'
        ).encode()


def _version(match: re.Match) -> int | None:
    digits = (match["version"] or "").lstrip("0")
    # Python refuses to convert thousands of digits in words of its own.
    if len(digits) > len(str(LARGEST_VERSION)) or int(digits or 0) > LARGEST_VERSION:
        raise _UnreadableVersion(f"Failed to convert version: {match['version']} to numeric.")
    return int(digits or 0) if match["version"] else None


def _match(method, path) -> re.Match | None:
    pattern = {"POST": _PREDICTION_PATH, "GET": _STATUS_PATH}.get(method)
    return pattern and pattern.fullmatch(path)


async def _read_body(receive) -> bytes | None:
    """Returns the body; None if the client disconnects before its end."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _unpack(body: bytes) -> bytes:
    """Decompresses a body; like TF Serving, returns nothing for a damaged or too large one."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(body, MAX_UNPACKED_BYTES)
    except zlib.error:
        return b""
    return unpacked if unpacker.eof else b""


def _proto_text(message) -> str:
    text = json_format.MessageToJson(
        message, indent=1, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return text + "\n"  # as protobuf prints it in C++


def _as_it_is(array):
    return array
