"""Sends the same requests to two servers and compares the answers."""

import contextlib
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

# Time limits: of most requests, and of those that a server may never answer.
ORDINARY_SECONDS, DANGEROUS_SECONDS = 15.0, 2.0
EQUAL, ORDER, DIFFERENT = "equal", "order", "different"
_RESPONSES = {
    f"{PREDICTION_SERVICE}Predict": messages.PredictResponse,
    f"{PREDICTION_SERVICE}GetModelMetadata": messages.GetModelMetadataResponse,
    f"{MODEL_SERVICE}GetModelStatus": messages.GetModelStatusResponse,
}


_NO_ACCESS = ServerAccess()


@dataclass(frozen=True)
class Answer:
    """A server's answer to one request.

    Attributes:
        status: The gRPC code, or the HTTP status.
        content_type: A REST response's content type; `""` over gRPC.
        body: The gRPC message with its maps in alphabetical order, the REST body, or the error text.
        lines: The body in readable form.
    """

    status: str
    content_type: str
    body: bytes
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two servers' answers to one request.

    Attributes:
        request: The request.
        verdict: `EQUAL` for the same bytes; `ORDER` for JSON with the same members in another order, which
            TF Serving itself changes from run to run; `DIFFERENT` for anything else.
        answers: The first server's answer and the second's.
    """

    request: GrpcRequest | RestRequest
    verdict: str
    answers: tuple[Answer, Answer]

    def difference(self) -> list[str]:
        """Returns the lines that differ, marked - for the first server and + for the second."""
        sides = [(f"{answer.status} {answer.content_type}".strip(), *answer.lines) for answer in self.answers]
        # Line by line, because searching for moved lines takes quadratic time, and answers may have millions.
        pairs = [pair for pair in itertools.zip_longest(*sides) if pair[0] != pair[1]]
        return [
            f"{sign} {line}"
            for pair in pairs
            for sign, line in zip("-+", pair, strict=True)
            if line is not None
        ]


class AskedServer:
    """Sends raw bytes to a server and returns its uninterpreted answers. Use it as a context manager.

    Args:
        address: gRPC address, as for `connect`.
        rest_address: REST address, as for `connect`; None to send no REST requests.
        access: Certificates and API key.
    """

    def __init__(self, address: str, rest_address: str | None = None, access: ServerAccess = _NO_ACCESS):
        host_and_port, options = _with_options(address, access)
        self._channel = open_channel(host_and_port, options)
        self._metadata = options.headers()
        self._timeout_seconds = ORDINARY_SECONDS
        self._rest: httpx2.Client | None = None
        if rest_address:
            self._rest_arguments = {
                **client_arguments(*_with_options(rest_address, access)),
                "timeout": self._timeout_seconds,
            }
            self._rest = httpx2.Client(**self._rest_arguments)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._channel.close()
        if self._rest:
            self._rest.close()

    def answer(self, request: GrpcRequest | RestRequest) -> Answer:
        """Returns the server's answer; an error or a missing answer counts as one, too.

        Raises:
            ValueError: The request is one of REST, and there is no REST address.
        """
        return self._answer_grpc(request) if isinstance(request, GrpcRequest) else self._answer_rest(request)

    def _answer_grpc(self, request) -> Answer:
        seconds = DANGEROUS_SECONDS if request.danger else self._timeout_seconds
        try:
            body = self._channel.unary_unary(request.method)(
                request.message, timeout=seconds, metadata=self._metadata
            )
        except grpc.RpcError as error:
            text = error.details() or ""
            return Answer(error.code().name, "", text.encode(), tuple(text.splitlines()))
        if request.method not in _RESPONSES:
            return Answer("OK", "", body, (body.hex(),))
        message = _RESPONSES[request.method].FromString(body)
        return Answer("OK", "", _in_order(message), tuple(str(message).splitlines()))

    def _answer_rest(self, request) -> Answer:
        if self._rest is None:
            raise ValueError(
                "A server must have a REST address to answer a REST request. Received: rest_address=None, "
                f"request={request.name!r}. Give `rest_address`, or make requests without REST."
            )
        try:
            # A connection of its own, so that a broken answer breaks no other one.
            own = httpx2.Client(**self._rest_arguments) if request.danger else None
            with own or contextlib.nullcontext(self._rest) as rest:
                response = rest.request(
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
    """Sends each request to two servers in turn and compares the answers.

    Args:
        requests: As `make_requests` returns them.
        server: The first server.
        other: The second server.

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
    """Parses an answer as JSON, with numbers as their texts; returns the bytes if it is not JSON."""
    try:
        return json.loads(answer.body, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return answer.body


def _in_order(message) -> bytes:
    """Serializes a message with its maps in alphabetical order, including those packed in metadata."""
    for packed in getattr(message, "metadata", {}).values():
        signatures = messages.SignatureDefMap.FromString(packed.value)
        packed.value = signatures.SerializeToString(deterministic=True)
    return message.SerializeToString(deterministic=True)


def make_requests(
    model_name: str, signatures: Mapping[str, SignatureDescription], with_rest: bool = True
) -> list[GrpcRequest | RestRequest]:
    """Returns a model's requests, always the same ones in the same order, the dangerous ones last.

    They derive from the model's description alone: for each signature, valid requests with inputs made up
    from dtypes and shapes, and invalid requests of every kind that a server refuses with its own message.

    Args:
        model_name: Name of the model.
        signatures: Its signatures by name, as a client's `signatures` returns them.
        with_rest: Whether to include REST requests.

    Example:

    ```python
    with connect("localhost:8500") as client:
        requests = make_requests("srcnn_x3", client.signatures("srcnn_x3"))
    json.dumps([dataclasses.asdict(request) for request in requests])
    ```
    """
    made: list[GrpcRequest | RestRequest] = list(grpc_requests(model_name, signatures))
    if with_rest:
        made += rest_requests(model_name, signatures)
    return sorted(made, key=lambda request: bool(request.danger))
