"""The script of requests that shows whether two servers of one model answer alike."""

from collections.abc import Mapping

from serving.client import SignatureDescription
from serving.conformance_grpc_requests import GrpcRequest, grpc_requests
from serving.conformance_rest_requests import RestRequest, rest_requests


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
