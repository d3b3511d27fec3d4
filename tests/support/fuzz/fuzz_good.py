"""Valid requests whose responses must stay right while the server receives hostile input."""

import io
from collections.abc import Mapping

import numpy as np
from fuzz_server import Server
from PIL import Image

from serving.client.grpc_client import GrpcClient
from serving.client.rest_client import RestClient
from serving.wire.server_defaults import DEFAULT_SIGNATURE


class GoodRequest:
    """A valid request whose response must stay right while the server receives hostile input.

    Args:
        server: The server.
        model: Name of the model.
        inputs: Arrays by input name, with at least one row.
        expected: Expected outputs; None for the server's outputs before it is fuzzed.
        signature: Name of the signature; the default signature by default.
    """

    def __init__(
        self,
        server: Server,
        model: str,
        inputs: Mapping,
        expected: Mapping | None = None,
        signature: str = DEFAULT_SIGNATURE,
    ):
        self._clients = {
            "gRPC": GrpcClient(f"localhost:{server.port}"),
            "REST": RestClient(f"localhost:{server.rest_port}"),
        }
        self._request = {"model_name": model, "inputs": inputs, "signature_name": signature}
        self.name = f"{model}:{signature}"
        self._expected = expected or self.ask("gRPC")

    def ask(self, protocol: str) -> Mapping[str, np.ndarray]:
        """Sends the request and returns the outputs."""
        return self._clients[protocol].predict(**self._request)

    def complaint(self, protocol: str) -> str:
        """Sends the request and describes what is wrong with the response; `""` if it is right."""
        try:
            answer = self.ask(protocol)
        except Exception as error:  # noqa: BLE001 - any failure of a good request is a finding
            return f"good request {self.name} over {protocol}: {type(error).__name__}: {error}"
        if answer.keys() != self._expected.keys():
            return f"good request {self.name} over {protocol}: answered {sorted(answer)}"
        for alias, expected in self._expected.items():
            if not _is_close(answer[alias], expected):
                return f"good request {self.name} over {protocol}: {alias} is {str(answer[alias])[:300]}"
        return ""


def _is_close(answer, expected) -> bool:
    """Whether two arrays are equal up to rounding, which may depend on the rest of the batch."""
    if answer.shape != expected.shape:
        return False
    if answer.dtype.kind not in "OSU":
        return np.allclose(
            answer.astype(np.float64),
            expected.astype(np.float64),
            rtol=1e-3,
            atol=1e-3 if answer.dtype.kind == "f" else 1,
        )
    return all(_is_same_text(*pair) for pair in zip(answer.ravel(), expected.ravel(), strict=True))


def _is_same_text(answer, expected) -> bool:
    answer, expected = (value.encode() if isinstance(value, str) else value for value in (answer, expected))
    if answer == expected or not expected.startswith(b"\x89PNG"):
        return answer == expected
    pictures = [np.asarray(Image.open(io.BytesIO(file)), np.int16) for file in (answer, expected)]
    return pictures[0].shape == pictures[1].shape and np.abs(pictures[0] - pictures[1]).max() <= 1


def small_good_requests(server: Server, suffix: str = "") -> list[GoodRequest]:
    """Returns requests to the models of `serving_models`, with answers worked out by hand.

    Args:
        server: The server.
        suffix: Appended to the models' names.
    """
    x = np.array([[1, 2, 3, 4]], np.float32)
    ones = np.ones((1, 8, 8, 1), np.float32)
    # A kernel of nine ones, and the biases 1 and 2.
    sums = np.broadcast_to(np.array([10, 11], np.float32), (1, 6, 6, 2))
    return [
        GoodRequest(server, f"linear{suffix}", {"x": x}, {"y": 2 * x}),
        GoodRequest(server, f"convolution{suffix}", {"x": ones}, {"y": sums}),
        GoodRequest(
            server,
            f"linear{suffix}",
            {"a": x[0], "b": x[0]},
            {"sum": 2 * x[0], "difference": 0 * x[0]},
            "two",
        ),
    ]


def picture_good_requests(server: Server, models: Mapping[str, str]) -> list[GoodRequest]:
    """Returns requests to exported models, with the server's current answers as the expected ones.

    Args:
        server: The server, before it is fuzzed.
        models: Kind of model to the exported model's name.
    """
    picture = np.add.outer(np.arange(30) * 5, np.arange(20) * 3).astype("uint8")
    files = [_to_file(np.dstack([picture, picture // 2, 255 - picture]), kind) for kind in ("PNG", "JPEG")]
    inputs = {
        "fsrcnn": {"image_bytes": files},
        "classifier": {"image_bytes": files},
        "dcgan": {"seed": [3, 4], "category": ["bag", ""]},
        "conditional_vae": {"image_bytes": files, "category": ["", "bag"], "target_category": ["bag", ""]},
    }
    signatures = {"conditional_vae": "edit_png"}
    return [
        GoodRequest(server, name, inputs[kind], signature=signatures.get(kind, DEFAULT_SIGNATURE))
        for kind, name in models.items()
    ]


def _to_file(raw_image, kind) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(raw_image).save(buffer, kind)
    return buffer.getvalue()
