"""Servers that answer with the statuses a test prescribes, over real connections."""

import concurrent.futures
import contextlib
import http.server
import threading

import grpc

from serving.wire import messages, status

REST_ANSWER = b'{"model_version_status": [{"version": "1", "state": "AVAILABLE"}]}'
GRPC_ANSWER = messages.GetModelStatusResponse(model_version_status=[{"version": 1, "state": 30}])
_CODES = {
    error.http_status: grpc.StatusCode[error.name]
    for error in (
        status.InvalidArgument,
        status.Unauthenticated,
        status.PermissionDenied,
        status.NotFound,
        status.ResourceExhausted,
        status.Internal,
        status.Unavailable,
        status.DeadlineExceeded,
    )
}


@contextlib.contextmanager
def scripted_server(protocol: str, answer, num_threads: int = 4):
    """Runs a server; yields its address for `connect`.

    Args:
        protocol: `"grpc"` or `"http"`.
        answer: Given a request's headers, returns an HTTP status: 200, for a response in which the model `m`
            has an available version 1, or an error's. gRPC responds with the corresponding code.
        num_threads: Number of gRPC requests answered at a time; REST answers any number.
    """
    run = _grpc_server if protocol == "grpc" else _http_server
    with run(answer, num_threads) as port:
        yield f"{protocol}://localhost:{port}"


@contextlib.contextmanager
def _grpc_server(answer, num_threads):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(num_threads), handlers=[_Rpcs(answer)])
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def _http_server(answer, num_threads):
    server = _HttpServer(("localhost", 0), _HttpRequests)
    server.answer = answer
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class _Rpcs(grpc.GenericRpcHandler):
    def __init__(self, answer):
        self._answer = answer

    def service(self, details):
        headers = dict(details.invocation_metadata)

        def respond(request, context):
            http_status = self._answer(headers)
            if http_status != 200:
                context.abort(_CODES[http_status], f"scripted {http_status}")
            return GRPC_ANSWER.SerializeToString()

        return grpc.unary_unary_rpc_method_handler(respond)


class _HttpServer(http.server.ThreadingHTTPServer):
    request_queue_size = 100
    daemon_threads = True


class _HttpRequests(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        http_status = self.server.answer(dict(self.headers))
        body = REST_ANSWER if http_status == 200 else b"<html>a page for people</html>"
        self.send_response(http_status)
        self.send_header("content-type", "application/json" if http_status == 200 else "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass
