"""Names, ports, paths and limits that a server shares with its clients and its deployment.

Imports nothing, so that a client without TensorFlow and a command's help can use it.
"""

# The signature for requests that name none; equals `tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY`, which
# needs TensorFlow.
DEFAULT_SIGNATURE = "serving_default"

# TensorFlow Serving's default ports, and its path of Prometheus' metrics page on the REST port.
GRPC_PORT = 8500
REST_PORT = 8501
METRICS_PATH = "/monitoring/prometheus/metrics"
# Where it listens by default, and where `zoo serve` does.
ALL_ADDRESSES = "0.0.0.0"
THIS_MACHINE = "127.0.0.1"

# The embedded server's limits on requests. tensorflow_model_server has none and leaves them to a proxy; a
# deployment's gateway has a lower one.
MAX_REQUEST_BYTES = 128 * 2**20
MAX_REQUEST_ROWS = 4096
MAX_HEADER_BYTES = 64 * 2**10
MAX_CONNECTIONS = 1000
GATEWAY_MAX_REQUEST_MEBIBYTES = 32
# gRPC's value for no limit on the size of messages.
UNLIMITED = -1

# gRPC requests answered at a time; by default tensorflow_model_server admits four per CPU and refuses more.
GRPC_THREADS = 64

# Batching for interactive use: a short wait, and a bounded queue.
MAX_BATCH_SIZE = 32
BATCH_TIMEOUT_MICROS = 2000
MAX_ENQUEUED_BATCHES = 100
