"""What a server, its clients and its deployment agree on: names, ports, paths and limits, each once.

Imports nothing, so that a client without TensorFlow and a command's help can read it.
"""

# The signature that answers a request which names none: TensorFlow's own word, which
# `tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY` holds where TensorFlow may be imported.
DEFAULT_SIGNATURE = "serving_default"

# TensorFlow Serving's own ports, and its path of Prometheus' page on the REST port.
GRPC_PORT = 8500
REST_PORT = 8501
METRICS_PATH = "/monitoring/prometheus/metrics"

# What the embedded server takes of a request. tensorflow_model_server has no such limits and leaves them to
# a proxy: the gateway of a deployment takes less.
MAX_REQUEST_BYTES = 128 * 2**20
MAX_REQUEST_ROWS = 4096
MAX_HEADER_BYTES = 64 * 2**10
MAX_CONNECTIONS = 1000
GATEWAY_MAX_REQUEST_MEBIBYTES = 32
# Of a gRPC message that a server or a client sends, or a client receives, in gRPC's own way to say: none.
UNLIMITED = -1

# Batching for interactive use: a short wait, and a full queue that says so.
MAX_BATCH_SIZE = 32
BATCH_TIMEOUT_MICROS = 2000
MAX_ENQUEUED_BATCHES = 100
