"""Requests that both protocols can express, with TF Serving's responses: status, message, order of checks.

Each wrong request has one fault or, if its name says "before", a second fault that must be found later.
"""

import numpy as np
import pytest
from conformance_case import GRPC, REST, Case
from conformance_server import FLOATS, ROW
from inference_requests import FAR, NEAR

INVALID, NOT_FOUND = "INVALID_ARGUMENT", "NOT_FOUND"
RED = "Unrecognized servable version label: red"
LATEST, SPECIFIC = (
    "Servable not found for request: Latest({})",
    "Servable not found for request: Specific({})",
)
SIZE = (
    "input size does not match signature: {}!=2 len({{{}}}) != len({{a,b}}). Sent extra: {{{}}}. "
    "Missing but required: {{{}}}."
)
ALIAS = (
    "Signature input alias: {}(feed name: {}) not found in request and no default value provided. "
    "Inputs expected to be in the request {{{}}}, or default input alias set: {}"
)
SHAPE = "Shape of tensor _arg_{} is not compatible with expected shape {}."
MISSING = "Missing named input: {} in 'inputs' object."
LONG_NAME = "m" * 2000
X = {"x": FLOATS}
DOUBLED = [[2.0] * 4] * 2


def text(value):
    return {"x": np.array(value, object)}


def predict(name, status="OK", message="", **case):
    return Case(name, "predict", status, message, **{"inputs": X, **case})


PREDICT = [
    predict("highest version", answer=DOUBLED),
    predict("version", version=2, answer=DOUBLED),
    predict("label", label="stable", answer=DOUBLED),
    predict("rows", inputs={"x": np.array([[0, 1, 2, 3]], np.float32)}, answer=[[0.0, 2.0, 4.0, 6.0]]),
    predict(
        "several outputs",
        signature="two",
        inputs={"a": ROW, "b": 2 * ROW},
        answer={"sum": [3.0, 3.0], "difference": [-1.0, -1.0]},
    ),
    predict("string", model="echo", signature="string", inputs=text(b"a"), answer="a"),
    predict("empty string", model="echo", signature="string", inputs=text(b""), answer=""),
    predict(
        "strings", model="echo", signature="string", inputs=text([b"a", b"", b"/"]), answer=["a", "", "/"]
    ),
    predict("unknown label", INVALID, RED, label="red"),
    predict("label before model", INVALID, RED, model="no", label="red"),
    predict("unknown model", NOT_FOUND, LATEST.format("no"), model="no"),
    predict("unknown model with a version", NOT_FOUND, SPECIFIC.format("no, 1"), model="no", version=1),
    predict("unknown version", NOT_FOUND, SPECIFIC.format("linear, 7"), version=7),
    predict("version zero", NOT_FOUND, SPECIFIC.format("linear, 0"), version=0),
    predict("version before signature", NOT_FOUND, SPECIFIC.format("linear, 7"), version=7, signature="no"),
    predict(
        "long name",
        NOT_FOUND,
        # gRPC truncates the message to 1024 characters.
        {GRPC: f"{LATEST.format(LONG_NAME)[:1024]}...TRUNCATED", REST: LATEST.format(LONG_NAME)},
        model=LONG_NAME,
    ),
    predict(
        "unknown signature before inputs",
        {GRPC: "FAILED_PRECONDITION", REST: INVALID},
        {
            GRPC: 'Serving signature key "no" not found.',
            REST: 'Serving signature name: "no" not found in signature def',
        },
        signature="no",
        inputs={},
    ),
    predict(
        "one input of two",
        INVALID,
        {
            GRPC: SIZE.format(1, "a", "", "b"),
            REST: MISSING.format("b"),
        },
        signature="two",
        inputs={"a": ROW},
    ),
    predict(
        "no input of two",
        INVALID,
        {
            GRPC: SIZE.format(0, "", "", "a,b"),
            REST: MISSING.format("a"),
        },
        signature="two",
        inputs={},
    ),
    predict(
        "one input too many",
        {GRPC: INVALID, REST: "OK"},  # REST reads only the signature's inputs
        {
            GRPC: SIZE.format(3, "a,b,c", "c", ""),
            REST: "",
        },
        signature="defaulted",
        inputs={"a": ROW, "b": ROW, "c": ROW},
        answer={"sum": [2.0, 2.0], "difference": [0.0, 0.0]},
    ),
    predict(
        "default value",
        {GRPC: "OK", REST: INVALID},  # REST does not support defaults
        {GRPC: "", REST: MISSING.format("b")},
        signature="defaulted",
        inputs={"a": ROW},
        answer={"sum": [11.0, 11.0], "difference": [-9.0, -9.0]},
    ),
    predict(
        "no value where no default is",
        INVALID,
        {GRPC: ALIAS.format("a", "defaulted_a:0", "b", "b"), REST: MISSING.format("a")},
        signature="defaulted",
        inputs={"b": ROW},
    ),
    predict(
        "another name",
        INVALID,
        {GRPC: ALIAS.format("x", "serving_default_x:0", "y", ""), REST: MISSING.format("x")},
        inputs={"y": FLOATS},
    ),
    predict(
        "string for a number",
        INVALID,
        {
            GRPC: "Expects arg[0] to be float but string is provided",
            REST: 'JSON Value: "a" Type: String is not of expected type: float',
        },
        inputs=text([b"a"]),
    ),
    predict(
        "one column too many",
        INVALID,
        SHAPE.format("serving_default_x_0_0 [2,5]", "[?,4]"),
        inputs={"x": np.ones((2, 5), np.float32)},
    ),
    predict(
        "two columns too few",
        INVALID,
        SHAPE.format("serving_default_x_0_0 [1,2]", "[?,4]"),
        inputs={"x": np.ones((1, 2), np.float32)},
    ),
    predict(
        "number without dimensions",
        INVALID,
        SHAPE.format("serving_default_x_0_0 []", "[?,4]"),
        inputs={"x": np.float32(1)},
    ),
    predict(
        "dimensions of a second input",
        INVALID,
        SHAPE.format("two_b_0_1 [2,4]", "[?]"),
        signature="two",
        inputs={"a": ROW, "b": FLOATS},
    ),
    predict(
        "kernel error with its node",
        INVALID,
        "Matrix size-incompatible: In[0]: [2,5], In[1]: [4,3]\n\t [[{{node ...",
        signature="kernel",
        inputs={"x": np.ones((2, 5), np.float32)},
    ),
]


def classify(name, status="OK", message="", **case):
    return Case(name, "classify", status, message, **{"model": "examples", "examples": (FAR, NEAR), **case})


def regress(name, status="OK", message="", **case):
    return Case(name, "regress", status, message, **{"model": "examples", "examples": (FAR, NEAR), **case})


TWO = ({"x": [1.0, 2.0]}, {"x": [3.0, 4.0]})
CLASSIFY = [
    classify(
        "labels and scores",
        answer=[
            [("shoe", 0.25), ("other", pytest.approx(1 / 3))],
            [("unnamed", 1.0), ("other", 9e6)],
        ],
    ),
    classify(
        "classes without scores",
        examples=({"x": [0.25, 0.5], "name": "shoe"},),
        signature="classes",
        answer=[[("shoe", 0.0), ("other", 0.0)]],
    ),
    classify(
        "scores without classes",
        examples=({"x": [0.25, 0.5], "name": "shoe"},),
        signature="scores",
        answer=[[("", 0.25), ("", 0.5)]],
    ),
    classify(
        "features of the context unless the example has its own",
        examples=({"x": [1.0, 2.0]}, FAR),
        context={"name": "context"},
        answer=[
            [("context", 1.0), ("other", 2.0)],
            [("shoe", 0.25), ("other", pytest.approx(1 / 3))],
        ],
    ),
    classify(
        "what TensorFlow 2 saves for predict",
        examples=({"x": [0.5, 1.0]},),
        model="scores",
        answer=[[("any", 0.5), ("any", 1.0)]],
    ),
    classify(
        "classify without a feature",
        INVALID,
        "Name: <unknown>, Feature: x (data type: float) is required but...",
        examples=({"name": "no x"},),
    ),
    *(
        classify(f"classify with {signature}", INVALID, message, signature=signature)
        for signature, message in [
            ("no", "No signature was found with the name: no"),
            ("two_inputs", "Expected one input Tensor."),
            ("three_outputs", "Expected one or two output Tensors, found 3"),
            (
                "examples",
                'No classification inputs found in SignatureDef: inputs {\n  key: "examples"\n  value {...',
            ),
            (
                "predict",
                (
                    'Expected classification signature outputs to contain at least one of "classes" or '
                    '"scores". Signature was: inputs {...'
                ),
            ),
            ("numbers", "Expects arg[0] to be float but string is provided"),
            ("flat_classes", "Expected Tensor shape: [batch_size num_classes] but got [2]"),
            ("flat_scores", "Expected Tensor shape: [batch_size num_classes] but got [2]"),
            ("float_classes", "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
            ("string_scores", "Expected scores Tensor of DT_FLOAT. Got: DT_STRING"),
            ("few_classes", "Expected classes output batch size of 2. Got: 1"),
            ("few_scores", "Expected scores output batch size of 2. Got: 1"),
            ("unequal", "Tensors class and score should match in dim_size(1). Got 2 vs. 1"),
        ]
    ),
]
REGRESS = [
    regress("values", examples=TWO, signature="regress", answer=[3.0, 7.0]),
    regress("values in a column", examples=TWO, signature="column", answer=[3.0, 7.0]),
    *(
        regress(f"regress with {signature}", INVALID, message, examples=TWO, signature=signature)
        for signature, message in [
            ("no", "No signature was found with the name: no"),
            ("two_inputs", "Expected one input Tensor."),
            ("two_outputs", "Expected one output Tensor."),
            (
                "examples_regress",
                'No regression inputs found in SignatureDef: inputs {\n  key: "examples"\n...',
            ),
            ("predict", 'No regression outputs found in SignatureDef: inputs {\n  key: "inputs"\n...'),
            (
                "wide",
                "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,2]",
            ),
            ("few_values", "Input batch size did not match output batch size: 2 vs. 1"),
            ("string_values", "Expected output Tensor of DT_FLOAT.  Got: DT_STRING"),
        ]
    ),
]
# The model is looked up before signature and input.
LOOK_UP = [
    make(f"{name} before signature", status, message, signature="no", **spec)
    for make in (classify, regress)
    for name, spec, status, message in [
        (f"{make.__name__} unknown model", {"model": "no"}, NOT_FOUND, LATEST.format("no")),
        (f"{make.__name__} unknown version", {"version": 7}, NOT_FOUND, SPECIFIC.format("examples, 7")),
        (f"{make.__name__} unknown label", {"label": "red"}, INVALID, RED),
    ]
]

AVAILABLE = [(2, "AVAILABLE", 0)]
SIGNATURES = (
    "linear",
    2,
    ["__saved_model_init_op", *["defaulted", "kernel", "serving_default", "slow", "total", "two", "uneven"]],
)
ANY_VERSION, ONE_VERSION = "Could not find any versions of model no", "Could not find version 9 of model {}"


def status(name, status="OK", message="", **case):
    return Case(f"status of {name}", "status", status, message, **case)


def metadata(name, status="OK", message="", **case):
    return Case(f"metadata of {name}", "metadata", status, message, **case)


DESCRIPTIONS = [
    status("highest version", answer=AVAILABLE),
    status("version", version=2, answer=AVAILABLE),
    status("unknown label, which is ignored", label="red", answer=AVAILABLE),
    status("unknown model", NOT_FOUND, ANY_VERSION, model="no"),
    status("unknown model with a label", NOT_FOUND, ANY_VERSION, model="no", label="red"),
    status("unknown version", NOT_FOUND, ONE_VERSION.format("linear"), version=9),
    status("unknown model with a version", NOT_FOUND, ONE_VERSION.format("no"), model="no", version=9),
    metadata("highest version", answer=SIGNATURES),
    metadata("version", version=2, answer=SIGNATURES),
    metadata("label", label="stable", answer=SIGNATURES),
    metadata("label before model", INVALID, RED, model="no", label="red"),
    metadata("unknown model", NOT_FOUND, LATEST.format("no"), model="no"),
    metadata("unknown version", NOT_FOUND, SPECIFIC.format("linear, 9"), version=9),
]

CASES = (*PREDICT, *CLASSIFY, *REGRESS, *LOOK_UP, *DESCRIPTIONS)
