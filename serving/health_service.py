"""gRPC's standard health service, for probes and load balancers.

Sources:
    [TFS] tensorflow/serving, `model_servers/server.cc`
"""

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

# TF Serving's names, without the package that the services' own names have.
SERVICES = ("", "ModelService", "PredictionService")


def add_to(server: grpc.Server) -> None:
    """Lets a server answer `grpc.health.v1.Health`, with SERVING for every name of `SERVICES`.

    Models do not matter: the port opens when all of them are loaded.
    """
    servicer = health.HealthServicer()
    for service in SERVICES:
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
