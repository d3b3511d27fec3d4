"""Sends the same requests to two servers and says where their answers differ."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import grpc
import httpx2

from serving.client.access import ServerAccess
from serving.client.address import ServerAddress
from serving.client.descriptions import SignatureDescription
from serving.client.grpc_client import open_channel
from serving.client.options import ClientOptions
from serving.client.rest_client import client_arguments
from serving.compare.grpc_requests import MODEL_SERVICE, PREDICTION_SERVICE, GrpcRequest, grpc_requests
from serving.compare.rest_requests import RestRequest, rest_requests
from serving.wire import messages

EQUAL, ORDER, DIFFERENT = "equal", "order", "different"
_RESPONSES = {
    f"{PREDICTION_SERVICE}Predict": messages.PredictResponse,
    f"{PREDICTION_SERVICE}GetModelMetadata": messages.GetModelMetadataResponse,
    f"{MODEL_SERVICE}GetModelStatus": messages.GetModelStatusResponse,
}


_NO_ACCESS = ServerAccess()


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        status: gRPC's code, or the HTTP status.
        content_type: Of a REST answer.
        body: The message of gRPC, its maps in alphabetical order; the body of REST; the text of an error.
        lines: The body for people.
    """

    status: str
    content_type: str
    body: bytes
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two answers to one request.

    Attributes:
        request: The request.
        verdict: `EQUAL`: byte for byte. `ORDER`: JSON of the same members in another order, which means the
            same, and which TF Serving itself changes from run to run. `DIFFERENT`: anything else.
        answers: Of the one server and of the other.
    """

    request: GrpcRequest | RestRequest
    verdict: str
    answers: tuple[Answer, Answer]

    def difference(self) -> list[str]:
        """Returns the lines that differ: those of the one answer behind a -, of the other behind a +."""
        sides = [(f"{answer.status} {answer.content_type}".strip(), *answer.lines) for answer in self.answers]
        # Line by line, for answers of a million lines: searching for what moved takes the square of that.
        pairs = [pair for pair in itertools.zip_longest(*sides) if pair[0] != pair[1]]
        return [
            f"{sign} {line}"
            for pair in pairs
            for sign, line in zip("-+", pair, strict=True)
            if line is not None
        ]


class AskedServer:
    """A server that is sent bytes and whose answers nobody interprets. Use it as a context manager.

    Args:
        address: Of gRPC, as for `connect`.
        rest_address: Of REST, as for `connect`; None where it is not asked.
        access: Certificates and API key.
    """

    def __init__(self, address: str, rest_address: str | None = None, access: ServerAccess = _NO_ACCESS):
        host_and_port, options = _with_options(address, access)
        self._channel = open_channel(host_and_port, options)
        self._metadata = options.headers()
        self._timeout_seconds = options.timeout_seconds
        self._rest = None
        if rest_address:
            self._rest = httpx2.Client(
                **client_arguments(*_with_options(rest_address, access)), timeout=self._timeout_seconds
            )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._channel.close()
        if self._rest:
            self._rest.close()

    def answer(self, request: GrpcRequest | RestRequest) -> Answer:
        """Returns what the server says, whatever it is; no answer at all is one too."""
        return self._answer_grpc(request) if isinstance(request, GrpcRequest) else self._answer_rest(request)

    def _answer_grpc(self, request) -> Answer:
        try:
            body = self._channel.unary_unary(request.method)(
                request.message, timeout=self._timeout_seconds, metadata=self._metadata
            )
        except grpc.RpcError as error:
            text = error.details() or ""
            return Answer(error.code().name, "", text.encode(), tuple(text.splitlines()))
        if request.method not in _RESPONSES:
            return Answer("OK", "", body, (body.hex(),))
        message = _RESPONSES[request.method].FromString(body)
        return Answer("OK", "", _in_order(message), tuple(str(message).splitlines()))

    def _answer_rest(self, request) -> Answer:
        try:
            response = self._rest.request(
                request.method, request.path, headers=request.headers, content=request.body
            )
        except httpx2.TransportError as error:
            return Answer(type(error).__name__, "", b"", (str(error),))
        lines = tuple(response.content.decode("utf-8", "backslashreplace").splitlines())
        content_type = response.headers.get("content-type", "")
        return Answer(str(response.status_code), content_type, response.content, lines)


def _with_options(address, access) -> tuple[str, ClientOptions]:
    parsed = ServerAddress.parse(address)
    options = ClientOptions(uses_tls=parsed.uses_tls, **access.options(address))
    options.check_address(parsed.host_and_port)
    return parsed.host_and_port, options


def compare(
    requests: Iterable[GrpcRequest | RestRequest], server: AskedServer, other: AskedServer
) -> Iterator[Comparison]:
    """Asks two servers, one request after the other.

    Args:
        requests: As `make_requests` returns them.
        server: The one.
        other: The other.

    Yields:
        One comparison per request.
    """
    for request in requests:
        answers = server.answer(request), other.answer(request)
        yield Comparison(request, _verdict(*answers), answers)


def _verdict(one: Answer, other: Answer) -> str:
    if (one.status, one.content_type) != (other.status, other.content_type):
        return DIFFERENT
    if one.body == other.body:
        return EQUAL
    same_json = one.content_type and len(one.body) == len(other.body) and _parsed(one) == _parsed(other)
    return ORDER if same_json else DIFFERENT


def _parsed(answer: Answer):
    """Returns the JSON of an answer, with numbers as they are spelled; the bytes where it is none."""
    try:
        return json.loads(answer.body, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return answer.body


def _in_order(message) -> bytes:
    """Serializes with maps in alphabetical order, also in the packed signatures of metadata."""
    for packed in getattr(message, "metadata", {}).values():
        signatures = messages.SignatureDefMap.FromString(packed.value)
        packed.value = signatures.SerializeToString(deterministic=True)
    return message.SerializeToString(deterministic=True)


def make_requests(
    model_name: str, signatures: Mapping[str, SignatureDescription], with_rest: bool = True
) -> list[GrpcRequest | RestRequest]:
    """Returns the requests for a model, always the same ones in the same order.

    They need nothing but the model's own description: for each signature good requests with inputs made up
    from types and shapes, and every way of asking wrongly that a server refuses in words of its own.

    Args:
        model_name: The model.
        signatures: Its signatures by name, as a client's `signatures` returns them.
        with_rest: Whether to ask over REST too.

    Example:

    ```python
    with connect("localhost:8500") as client:
        requests = make_requests("srcnn_x3", client.signatures("srcnn_x3"))
    json.dumps([dataclasses.asdict(request) for request in requests])
    ```
    """
    over_grpc = list(grpc_requests(model_name, signatures))
    return over_grpc + (list(rest_requests(model_name, signatures)) if with_rest else [])
