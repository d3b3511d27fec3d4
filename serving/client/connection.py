"""Connects to a model server: picks the client for an address' protocol.

Nothing here, nor in the clients, imports TensorFlow, Keras or tensorflow_serving.
"""

from serving.client.address import HTTP, ServerAddress


def connect(address: str, **options):
    """Returns a client for a server; use it as a context manager.

    Args:
        address: `HOST:PORT` or `grpc://HOST:PORT` for gRPC, `http://HOST:PORT` for REST; encrypted,
            `grpcs://HOST:PORT` and `https://HOST:PORT`.
        **options: See `ClientOptions`.

    Raises:
        ValueError: The address is not of that form, or the options contradict each other.
        OSError: A certificate's file cannot be read.

    Example:

    ```python
    with connect("localhost:8500") as client:
        client.predict("srcnn_x3", {"image_bytes": [png]}, "upscale_png")["image_bytes"]
    with connect("grpcs://pictures.example:8500", ca_file="ca.pem", api_key=key) as client:
        client.status("srcnn_x3")
    ```
    """
    return _connect(address, False, options)


def connect_async(address: str, **options):
    """Returns a client whose methods are awaited; use it with `async with`, in a coroutine.

    Args:
        address: As for `connect`.
        **options: See `ClientOptions`.

    Raises:
        ValueError: The address is not of that form, or the options contradict each other.
        OSError: A certificate's file cannot be read.

    Example:

    ```python
    async with connect_async("localhost:8500") as client:
        calls = [client.predict("srcnn_x3", {"image_bytes": [png]}, "upscale_png") for png in pngs]
        answers = await asyncio.gather(*calls)
    ```
    """
    return _connect(address, True, options)


def _connect(address, is_async, options):
    parsed = ServerAddress.parse(address)
    make_client = _client_class(parsed.protocol, is_async)
    return make_client(parsed.host_and_port, uses_tls=parsed.uses_tls, **options)


def _client_class(protocol, is_async):
    if protocol == HTTP:
        from serving.client.rest_client import AsyncRestClient, RestClient

        return AsyncRestClient if is_async else RestClient
    from serving.client.grpc_client import AsyncGrpcClient, GrpcClient

    return AsyncGrpcClient if is_async else GrpcClient
