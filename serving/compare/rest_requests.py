"""Valid and invalid REST requests that two servers of one model should answer alike."""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import numpy as np

from serving.client.descriptions import SignatureDescription
from serving.compare.grpc_requests import NO_VERSION, NOBODY
from serving.compare.sample_inputs import sample_inputs


@dataclass(frozen=True)
class RestRequest:
    """One REST call; all fields are text, so that `dataclasses.asdict` returns JSON values.

    Attributes:
        name: Describes the request; unique among a model's requests.
        method: HTTP method.
        path: Path as in the request line.
        headers: Header name to value.
        body_base64: The body in base64.
        danger: What it may do to a server or a connection; empty for most.
    """

    name: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body_base64: str = ""
    danger: str = ""

    @property
    def body(self) -> bytes:
        return base64.b64decode(self.body_base64)


def rest_requests(model_name: str, signatures: Mapping[str, SignatureDescription]) -> Iterator[RestRequest]:
    """Yields a model's REST requests.

    Args:
        model_name: Name of the model.
        signatures: Its signatures by name, as a client's `signatures` returns them.
    """
    model = f"/v1/models/{quote(model_name, safe='')}"
    yield from _path_requests(model)
    for name, body in _broken_bodies().items():
        for method in ("predict", "classify", "regress"):
            yield _post(f"{method}, {name}", f"{model}:{method}", body)
    for signature_name, signature in signatures.items():
        for name, body in _bodies(signature):
            document = {"signature_name": signature_name, **body}
            yield _post(f"{signature_name}: {name}", f"{model}:predict", document)
        for method in ("classify", "regress"):
            for name, examples in _examples().items():
                document = {"signature_name": signature_name, **examples}
                yield _post(f"{signature_name}: {method}, {name}", f"{model}:{method}", document)


def _post(name, path, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RestRequest(name, "POST", path, headers, base64.b64encode(content).decode())


_GET_TAILS = (
    "",
    "/",
    "/metadata",
    "/METADATA",
    f"/versions/{NO_VERSION}",
    f"/versions/{NO_VERSION}/metadata",
    f"/versions/{2**63}",
    "/versions/one",
    f"/labels/{NOBODY}",
    f"/labels/{NOBODY}/metadata",
    ":predict",
    "?x=1",
)
_POST_TAILS = (
    "",
    ":explain",
    ":PREDICT",
    ":predict?x=1",
    f"/versions/{NO_VERSION}:predict",
    f"/versions/{2**63}:predict",
    "/versions/-1:predict",
    f"/labels/{NOBODY}:predict",
)
_UNKNOWN = f"/v1/models/{NOBODY}"
_OTHER_PATHS = (
    "/",
    "/v1",
    "/v1/",
    "/v2/models",
    "/v1/models",
    _UNKNOWN,
    f"{_UNKNOWN}/metadata",
    "/v1/models/a%20b",
)


# TF Serving 2.20 sends a body, which HTTP forbids.
_HEAD_DANGER = "the connection's next answer may be broken"


def _path_requests(model):
    for tail in _GET_TAILS:
        yield RestRequest(f"get model{tail}", "GET", model + tail)
    for path in _OTHER_PATHS:
        yield RestRequest(f"get {path}", "GET", path)
    for tail in _POST_TAILS:
        yield _post(f"post model{tail}", model + tail, {"inputs": 1})
    yield _post("post, unknown model", f"{_UNKNOWN}:predict", {"inputs": 1})
    for method in ("PUT", "DELETE"):
        yield RestRequest(f"{method.lower()} model", method, model)
    yield RestRequest("head model", "HEAD", model, danger=_HEAD_DANGER)
    yield RestRequest("options", "OPTIONS", model)
    yield RestRequest("options, from a site", "OPTIONS", model, {"Origin": "https://shop"})
    packed = gzip.compress(b"{}", mtime=0)
    for name, body in (("packed", packed), ("packed, cut off", packed[:-4]), ("not packed", b"{}")):
        yield _post(f"predict, {name}", f"{model}:predict", body, **{"Content-Encoding": "gzip"})


def _broken_bodies():
    return {
        "no body": b"",
        "nothing but white space": b" \n",
        "an open list": b'{"inputs": [1, 2}',
        "a comma too many": b'{"inputs": [1, 2], }',
        "an open text": b'{"inputs": "a',
        "a number without digits": b'{"inputs": 1.}',
        "no object": b"[1]",
        "a number": b"1.50",
        "an empty object": {},
        "a signature that is no name": {"signature_name": 1},
        "an unknown signature": {"signature_name": NOBODY, "inputs": 1, "examples": [{}]},
    }


def _bodies(signature):
    rows, one = _to_json(sample_inputs(signature, 2)), _to_json(sample_inputs(signature))
    if rows:
        yield "two rows", {"instances": _instances(rows)}
        yield "rows, of unequal size", {"instances": [*_instances(rows), _grown(_instances(rows)[0])]}
    yield "columns", {"inputs": one}
    yield "columns, and unknown ones", {"inputs": {**one, NOBODY: 1}}
    yield "no rows", {"instances": []}
    yield "rows that are none", {"instances": 1}
    yield "rows and columns", {"instances": [1], "inputs": 1}
    yield "neither rows nor columns", {}
    yield "a plain row", {"instances": [1]}
    yield "a plain column", {"inputs": [1]}
    yield "rows, unknown input", {"instances": [{NOBODY: 1}]}
    yield "columns, unknown input", {"inputs": {NOBODY: 1}}
    for name in one:
        for fault, value in _WRONG_VALUES.items():
            yield f"columns, {name} {fault}", {"inputs": {**one, name: value}}
            yield f"rows, {name} {fault}", {"instances": [{**_first(one), name: value}]}


_WRONG_VALUES = {
    "null": None,
    "true": True,
    "a text": "a",
    "a decimal": 1.5,
    "a large integer": 2**63,
    "an object": {"a": 1.5},
    "no base64": {"b64": "%"},
    "ragged": [[1, 2], [3]],
    "at two levels": [[1], 2],
}


def _examples():
    return {
        "no examples": {},
        "examples that are none": {"examples": 1},
        "an empty list": {"examples": []},
        "an empty example": {"examples": [{}]},
        "an example of mixed values": {"examples": [{"x": [1, "a"]}]},
        "a context that is none": {"context": 1},
    }


def _to_json(inputs: Mapping[str, np.ndarray]) -> dict:
    return {name: _values(array.tolist()) for name, array in inputs.items()}


def _values(value):
    if isinstance(value, list):
        return [_values(element) for element in value]
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    # Complex numbers become text, because JSON has none.
    return value if isinstance(value, (bool, int, float)) else str(value)


def _instances(columns):
    lists = {name: value for name, value in columns.items() if isinstance(value, list)}
    length = min(map(len, lists.values()), default=1)
    return [
        {name: lists[name][row] if name in lists else columns[name] for name in columns}
        for row in range(length)
    ]


def _first(columns):
    return _instances(columns)[0] if all(columns.values()) else columns


def _grown(row):
    return {name: [value, value] for name, value in row.items()}
