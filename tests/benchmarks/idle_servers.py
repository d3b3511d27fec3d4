"""gRPC and REST servers that answer at once, in their own process, to measure a load generator's own cost."""

import asyncio
import concurrent.futures
import contextlib
import multiprocessing

import grpc

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@contextlib.contextmanager
def idle_servers():
    """Runs both; yields their addresses by protocol."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    grpc_port, rest_port = ours.recv()
    yield {"grpc": f"localhost:{grpc_port}", "rest": f"http://localhost:{rest_port}"}
    process.terminate()
    process.join()


def _serve(pipe):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    handler = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {"Predict": handler})]
    )
    grpc_port = server.add_insecure_port("localhost:0")
    server.start()
    asyncio.run(_serve_rest(pipe, grpc_port))


async def _serve_rest(pipe, grpc_port):
    server = await asyncio.get_running_loop().create_server(_Idle, "localhost", 0)
    pipe.send((grpc_port, server.sockets[0].getsockname()[1]))
    await server.serve_forever()


class _Idle(asyncio.Protocol):
    """Treats each received piece as a request, because small requests arrive in one piece."""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._transport.write(_ANSWER)
