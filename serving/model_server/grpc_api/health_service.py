"""gRPC's standard health service, for probes and load balancers.

Sources:
    [TFS] tensorflow/serving, `model_servers/server.cc`
"""

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# TF Serving registers these names, which lack the services' package.
SERVICES = ("", "ModelService", "PredictionService")


class HealthService(health.HealthServicer):
    """Implements `grpc.health.v1.Health`, with SERVING for every name of `SERVICES`.

    Does not look at the models, because the port opens once all of them are loaded.
    """

    def __init__(self):
        super().__init__()
        self._watchers = set()
        for service in SERVICES:
            self.set(service, health_pb2.HealthCheckResponse.SERVING)

    def add_to(self, server: grpc.Server) -> None:
        """Registers the service with a server, before the server starts."""
        health_pb2_grpc.add_HealthServicer_to_server(self, server)

    # The service's definition prescribes these names.
    def Watch(self, request, context, send_response_callback=None):
        """Responds to `HealthCheckRequest` with a stream that occupies no thread."""
        self._watchers.add(send_response_callback)
        context.add_callback(lambda: self._watchers.discard(send_response_callback))
        return super().Watch(request, context, send_response_callback)

    def end_watches(self) -> None:
        """Ends every stream, because a stopping server would otherwise wait for them."""
        for send_response_callback in list(self._watchers):
            send_response_callback(None)
