"""Classify, Regress and MultiInference: answers, and every refusal in TF Serving's order."""

import pytest
from conformance_server import error_of, outcome, post, prediction
from inference_models import CLASSIFY, REGRESS
from inference_requests import FAR, NEAR, classify_request, multi_request, regress_request
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2


def pairs(result):
    return [[(entry.label, entry.score) for entry in row.classes] for row in result.classifications]


def test_classify_answers_labels_and_scores_and_the_resolved_specification():
    response = prediction().Classify(classify_request(FAR, NEAR))
    third = pytest.approx(1 / 3)
    assert pairs(response.result) == [
        [("shoe", 0.25), ("other", third)],
        [("unnamed", 1.0), ("other", 9e6)],
    ]
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("examples", 1, "serving_default")


@pytest.mark.parametrize(
    ("signature", "expected"),
    [("classes", [[("shoe", 0.0), ("other", 0.0)]]), ("scores", [[("", 0.25), ("", 0.5)]])],
)
def test_a_signature_may_have_only_one_of_classes_and_scores(signature, expected):
    request = classify_request({"x": [0.25, 0.5], "name": "shoe"}, signature=signature)
    assert pairs(prediction().Classify(request).result) == expected


@pytest.mark.parametrize("signature", ["regress", "column"])
def test_regress_answers_one_value_per_example(signature):
    response = prediction().Regress(
        regress_request({"x": [1.0, 2.0]}, {"x": [3.0, 4.0]}, signature=signature)
    )
    assert [entry.value for entry in response.result.regressions] == [3.0, 7.0]
    assert response.model_spec.signature_name == signature


def test_an_example_has_the_features_of_its_context_and_its_own_win():
    request = classify_request({"x": [1.0, 2.0]}, FAR, context={"name": "context"})
    labels = [row[0][0] for row in pairs(prediction().Classify(request).result)]
    assert labels == ["context", "shoe"]
    body = {"context": {"name": "context"}, "examples": [{"x": [1.0, 2.0]}, FAR]}
    results = post("/v1/models/examples:classify", body).json()["results"]
    assert [row[0][0] for row in results] == ["context", "shoe"]


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


def test_what_tensorflow_2_saves_for_predict_is_classified_too():
    response = prediction().Classify(classify_request({"x": [0.5, 1.0]}, model="scores"))
    assert pairs(response.result) == [[("any", 0.5), ("any", 1.0)]]


def test_text_of_rest_answers():
    response = post("/v1/models/examples:classify", {"examples": [FAR, NEAR]})
    assert response.headers["content-type"] == "application/json"
    assert response.text == (
        '{\n    "results": [[["shoe", 0.25], ["other", 0.333333343]], '
        '[["unnamed", 1.0], ["other", 9e+06]]\n    ]\n}'
    )
    body = {"signature_name": "regress", "examples": [NEAR, {"x": [1.5, 0.0]}]}
    assert (
        post("/v1/models/examples/versions/1:regress", body).text == '{\n    "results": [9000001.0, 1.5]\n}'
    )


RUN = ({"x": [1.0, 2.0]}, {"x": [3.0, 4.0]})
# Signature, examples, then what follows "INVALID_ARGUMENT"; "..." at the end compares the beginning only.
CLASSIFY_ERRORS = [
    ("no", (), "No signature was found with the name: no"),
    ("two_inputs", (), "Expected one input Tensor."),
    ("three_outputs", (), "Expected one or two output Tensors, found 3"),
    (
        "examples",
        (),
        'No classification inputs found in SignatureDef: inputs {\n  key: "examples"\n  value {...',
    ),
    (
        "predict",
        (),
        (
            'Expected classification signature outputs to contain at least one of "classes" or "scores". '
            "Signature was: inputs {..."
        ),
    ),
    ("", (), "Input is empty."),
    ("", ({"name": "no x"},), "Name: <unknown>, Feature: x (data type: float) is required but..."),
    ("numbers", RUN, "Expects arg[0] to be float but string is provided"),
    ("flat_classes", RUN, "Expected Tensor shape: [batch_size num_classes] but got [2]"),
    ("flat_scores", RUN, "Expected Tensor shape: [batch_size num_classes] but got [2]"),
    ("float_classes", RUN, "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
    ("string_scores", RUN, "Expected scores Tensor of DT_FLOAT. Got: DT_STRING"),
    ("few_classes", RUN, "Expected classes output batch size of 2. Got: 1"),
    ("few_scores", RUN, "Expected scores output batch size of 2. Got: 1"),
    ("unequal", RUN, "Tensors class and score should match in dim_size(1). Got 2 vs. 1"),
]
REGRESS_ERRORS = [
    ("no", (), "No signature was found with the name: no"),
    ("two_inputs", (), "Expected one input Tensor."),
    ("two_outputs", (), "Expected one output Tensor."),
    ("examples_regress", (), 'No regression inputs found in SignatureDef: inputs {\n  key: "examples"\n...'),
    ("predict", (), 'No regression outputs found in SignatureDef: inputs {\n  key: "inputs"\n...'),
    ("regress", (), "Input is empty."),
    (
        "wide",
        RUN,
        "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [2,2]",
    ),
    ("few_values", RUN, "Input batch size did not match output batch size: 2 vs. 1"),
    ("string_values", RUN, "Expected output Tensor of DT_FLOAT.  Got: DT_STRING"),
]


def assert_message(message, expected):
    if expected.endswith("..."):
        assert message.startswith(expected[:-3])
    else:
        assert message == expected


@pytest.mark.parametrize(("signature", "objects", "message"), CLASSIFY_ERRORS)
def test_classify_errors(signature, objects, message):
    code, details = outcome(prediction().Classify, classify_request(*objects, signature=signature))
    assert code == "INVALID_ARGUMENT"
    assert_message(details, message)
    if objects:
        status, error = error_of(
            post("/v1/models/examples:classify", {"signature_name": signature, "examples": list(objects)})
        )
        assert status == 400
        assert_message(error, message)


@pytest.mark.parametrize(("signature", "objects", "message"), REGRESS_ERRORS)
def test_regress_errors(signature, objects, message):
    code, details = outcome(prediction().Regress, regress_request(*objects, signature=signature))
    assert code == "INVALID_ARGUMENT"
    assert_message(details, message)
    if objects:
        body = {"signature_name": signature, "examples": list(objects)}
        assert error_of(post("/v1/models/examples:regress", body)) == (400, message)


SPEC_ERRORS = [
    ({"model": ""}, "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    ({"model": "no"}, "NOT_FOUND", "Servable not found for request: Latest(no)"),
    ({"version": 7}, "NOT_FOUND", "Servable not found for request: Specific(examples, 7)"),
    ({"label": "red"}, "INVALID_ARGUMENT", "Unrecognized servable version label: red"),
]


@pytest.mark.parametrize(("spec", "code", "message"), SPEC_ERRORS)
def test_the_model_is_looked_up_before_signature_and_input(spec, code, message):
    spec = {"signature": "no", **spec}
    assert outcome(prediction().Classify, classify_request(**spec)) == (code, message)
    assert outcome(prediction().Regress, regress_request(**spec)) == (code, message)


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
