"""gRPC's standard health service, for probes and load balancers.

Sources:
    [TFS] tensorflow/serving, `model_servers/server.cc`
"""

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# TF Serving's names, without the package that the services' own names have.
SERVICES = ("", "ModelService", "PredictionService")


class HealthService(health.HealthServicer):
    """Answers `grpc.health.v1.Health`, with SERVING for every name of `SERVICES`.

    Models do not matter: the port opens when all of them are loaded.
    """

    def __init__(self):
        super().__init__()
        self._watchers = set()
        for service in SERVICES:
            self.set(service, health_pb2.HealthCheckResponse.SERVING)

    def add_to(self, server: grpc.Server) -> None:
        """Lets a server answer, before it starts."""
        health_pb2_grpc.add_HealthServicer_to_server(self, server)

    # The names of the service's own definition.
    def Watch(self, request, context, send_response_callback=None):
        """Answers `HealthCheckRequest` with a stream; it takes no thread."""
        self._watchers.add(send_response_callback)
        context.add_callback(lambda: self._watchers.discard(send_response_callback))
        return super().Watch(request, context, send_response_callback)

    def end_watches(self) -> None:
        """Ends every stream, for which a server that stops would otherwise wait."""
        for send_response_callback in list(self._watchers):
            send_response_callback(None)
