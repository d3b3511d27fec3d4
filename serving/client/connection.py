"""Connects to a model server with the client for the address's protocol.

Neither this module nor a client imports TensorFlow, Keras or tensorflow_serving.
"""

from typing import TYPE_CHECKING, Any

from serving.client.address import HTTP, ServerAddress

if TYPE_CHECKING:
    from serving.client.base import AsyncClient, Client


def connect(address: str, **options: Any) -> "Client":
    """Returns a client for a server; use it as a context manager.

    Args:
        address: `HOST:PORT` or `grpc://HOST:PORT` for gRPC, `http://HOST:PORT` for REST, and
            `grpcs://HOST:PORT` or `https://HOST:PORT` for an encrypted connection.
        **options: See `ClientOptions`.

    Raises:
        ValueError: The address is malformed, or the options contradict each other.
        OSError: A certificate's file cannot be read.

    Example:

    ```python
    with connect("localhost:8500") as client:
        client.predict("srcnn_x3", {"image_bytes": [png]}, "upscale_png")["image_bytes"]
    with connect("grpcs://pictures.example:8500", ca_file="ca.pem", api_key=key) as client:
        client.status("srcnn_x3")
    ```
    """
    parsed = ServerAddress.parse(address)
    if parsed.protocol == HTTP:
        from serving.client.rest_client import RestClient

        return RestClient(parsed.host_and_port, uses_tls=parsed.uses_tls, **options)
    from serving.client.grpc_client import GrpcClient

    return GrpcClient(parsed.host_and_port, uses_tls=parsed.uses_tls, **options)


def connect_async(address: str, **options: Any) -> "AsyncClient":
    """Returns a client whose methods are coroutines; use it with `async with`.

    Args:
        address: As for `connect`.
        **options: See `ClientOptions`.

    Raises:
        ValueError: The address is malformed, or the options contradict each other.
        OSError: A certificate's file cannot be read.

    Example:

    ```python
    async with connect_async("localhost:8500") as client:
        calls = [client.predict("srcnn_x3", {"image_bytes": [png]}, "upscale_png") for png in pngs]
        answers = await asyncio.gather(*calls)
    ```
    """
    parsed = ServerAddress.parse(address)
    if parsed.protocol == HTTP:
        from serving.client.rest_client import AsyncRestClient

        return AsyncRestClient(parsed.host_and_port, uses_tls=parsed.uses_tls, **options)
    from serving.client.grpc_client import AsyncGrpcClient

    return AsyncGrpcClient(parsed.host_and_port, uses_tls=parsed.uses_tls, **options)
