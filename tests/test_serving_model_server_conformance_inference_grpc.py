"""Classify, Regress and MultiInference over gRPC: what only gRPC can say, refused in TF Serving's order."""

import pytest
from conformance_server import outcome, prediction
from inference_models import CLASSIFY, REGRESS
from inference_requests import classify_request, multi_request, regress_request
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2


def pairs(result):
    return [[(entry.label, entry.score) for entry in row.classes] for row in result.classifications]


def test_one_run_answers_several_tasks():
    response = prediction().MultiInference(
        multi_request(("", CLASSIFY), ("regress", REGRESS), ("scores", CLASSIFY))
    )
    first, second, third = response.results
    assert [row[0][0] for row in pairs(first.classification_result)] == ["shoe", "unnamed"]
    assert [entry.value for entry in second.regression_result.regressions] == [
        pytest.approx(0.25 + 1 / 3),
        9000001.0,
    ]
    assert pairs(third.classification_result)[1] == [("", 1.0), ("", 9e6)]
    specs = [result.model_spec for result in response.results]
    assert [spec.signature_name for spec in specs] == ["serving_default", "regress", "scores"]
    assert {spec.version.value for spec in specs} == {1}


# Signature, then what follows "INVALID_ARGUMENT"; "..." at the end compares the beginning only. JSON has no
# request without examples, which here are missed last.
CLASSIFY_ERRORS = [
    ("no", "No signature was found with the name: no"),
    ("two_inputs", "Expected one input Tensor."),
    ("three_outputs", "Expected one or two output Tensors, found 3"),
    ("examples", 'No classification inputs found in SignatureDef: inputs {\n  key: "examples"\n  value {...'),
    (
        "predict",
        (
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            "Signature was: inputs {..."
        ),
    ),
    ("", "Input is empty."),
]
REGRESS_ERRORS = [
    ("no", "No signature was found with the name: no"),
    ("two_inputs", "Expected one input Tensor."),
    ("two_outputs", "Expected one output Tensor."),
    ("examples_regress", 'No regression inputs found in SignatureDef: inputs {\n  key: "examples"\n...'),
    ("predict", 'No regression outputs found in SignatureDef: inputs {\n  key: "inputs"\n...'),
    ("regress", "Input is empty."),
]


def assert_refused(outcome, message):
    code, details = outcome
    assert code == "INVALID_ARGUMENT"
    if message.endswith("..."):
        assert details.startswith(message[:-3])
    else:
        assert details == message


@pytest.mark.parametrize(("signature", "message"), CLASSIFY_ERRORS)
def test_classify_without_examples(signature, message):
    assert_refused(outcome(prediction().Classify, classify_request(signature=signature)), message)


@pytest.mark.parametrize(("signature", "message"), REGRESS_ERRORS)
def test_regress_without_examples(signature, message):
    assert_refused(outcome(prediction().Regress, regress_request(signature=signature)), message)


def test_a_missing_name_is_complained_about_before_signature_and_input():
    expected = ("INVALID_ARGUMENT", "ModelSpec has no name specified.")
    assert outcome(prediction().Classify, classify_request(model="", signature="no")) == expected
    assert outcome(prediction().Regress, regress_request(model="", signature="no")) == expected


def test_a_missing_specification_is_the_first_complaint():
    missing = ("INVALID_ARGUMENT", "Missing ModelSpec")
    assert outcome(prediction().Classify, classification_pb2.ClassificationRequest()) == missing
    assert outcome(prediction().Regress, regression_pb2.RegressionRequest()) == missing


OTHER_MODEL = multi_request(("", CLASSIFY), ("regress", REGRESS))
OTHER_MODEL.tasks[1].model_spec.name = "linear"
NAMELESS = multi_request(("", CLASSIFY), ("no", REGRESS))
NAMELESS.tasks[1].model_spec.name = ""
WITHOUT_SPEC = inference_pb2.MultiInferenceRequest()
WITHOUT_SPEC.tasks.add(method_name=CLASSIFY)


@pytest.mark.parametrize(
    ("request_message", "code", "message"),
    [
        (inference_pb2.MultiInferenceRequest(), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (WITHOUT_SPEC, "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (multi_request(("no", "no"), model="no"), "NOT_FOUND", "Servable not found for request: Latest(no)"),
        (NAMELESS, "INVALID_ARGUMENT", "Found ModelSpec with an empty model name."),
        (
            OTHER_MODEL,
            "INVALID_ARGUMENT",
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            multi_request(("", CLASSIFY), ("serving_default", "no")),
            "INVALID_ARGUMENT",
            "Duplicate evaluation of signature: serving_default",
        ),
        (
            multi_request(("no", "no")),
            "INVALID_ARGUMENT",
            "Requested signature not found in model graph: no",
        ),
        (
            multi_request(("two_inputs", "tensorflow/serving/predict")),
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            multi_request(("", CLASSIFY), ("two_outputs", REGRESS), objects=()),
            "INVALID_ARGUMENT",
            "Expected one output Tensor.",
        ),
        (
            multi_request(("", CLASSIFY), ("numbers", CLASSIFY), objects=()),
            "INVALID_ARGUMENT",
            "Input tensor must be the same for all Signatures.",
        ),
        (multi_request(("", CLASSIFY), objects=()), "INVALID_ARGUMENT", "Input is empty."),
        (
            multi_request(("", CLASSIFY), ("few_values", REGRESS)),
            "INVALID_ARGUMENT",
            "Input batch size did not match output batch size: 2 vs. 1",
        ),
    ],
)
def test_multi_inference_errors(request_message, code, message):
    assert outcome(prediction().MultiInference, request_message) == (code, message)
