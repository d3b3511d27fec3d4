"""Classify, Regress and MultiInference as the messages of gRPC."""

from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from serving.model_server.core import inference
from serving.model_server.core.core import ModelSpec, ServerCore
from serving.wire.server_defaults import DEFAULT_SIGNATURE


def classification_response(core: ServerCore, spec: ModelSpec | None, request, timeout_seconds: float | None):
    """Returns the `ClassificationResponse` to a `ClassificationRequest`.

    Args:
        core: The models.
        spec: The request's model specification.
        request: The message.
        timeout_seconds: Time left; None for no limit.

    Raises:
        ServingError: With TF Serving's code and message.
    """
    examples = inference.examples_of(request.input)
    with core.lease(spec) as model:
        classes = inference.classify(model.session, spec.signature_name, examples, timeout_seconds)
    core.metrics.count_examples(spec.name, len(examples))
    response = classification_pb2.ClassificationResponse()
    _fill_spec(response.model_spec, spec.name, spec.signature_name, model.version)
    _fill_classes(response.result, classes)
    return response


def regression_response(core: ServerCore, spec: ModelSpec | None, request, timeout_seconds: float | None):
    """Returns the `RegressionResponse` to a `RegressionRequest`; see `classification_response`."""
    examples = inference.examples_of(request.input)
    with core.lease(spec) as model:
        values = inference.regress(model.session, spec.signature_name, examples, timeout_seconds)
    core.metrics.count_examples(spec.name, len(examples))
    response = regression_pb2.RegressionResponse()
    _fill_spec(response.model_spec, spec.name, spec.signature_name, model.version)
    _fill_values(response.result, values)
    return response


def multi_inference_response(core: ServerCore, spec: ModelSpec, request, timeout_seconds: float | None):
    """Returns the `MultiInferenceResponse` to a `MultiInferenceRequest`.

    Args:
        core: The models.
        spec: The model specification of the first task, which decides for all of them.
        request: The message.
        timeout_seconds: Time left; None for no limit.

    Raises:
        ServingError: With TF Serving's code and message.
    """
    tasks = inference.tasks_of(request)
    examples = inference.examples_of(request.input)
    with core.lease(spec) as model:
        results = inference.infer_all(model.session, tasks, examples, timeout_seconds)
    core.metrics.count_examples(spec.name, len(examples))
    response = inference_pb2.MultiInferenceResponse()
    for task, result in zip(tasks, results, strict=True):
        answer = response.results.add()
        _fill_spec(answer.model_spec, task.model_name, task.signature_name, model.version)
        if isinstance(result, inference.Classes):
            _fill_classes(answer.classification_result, result)
        else:
            _fill_values(answer.regression_result, result)
    return response


def _fill_spec(message, name, signature_name, version):
    message.name = name
    message.signature_name = signature_name or DEFAULT_SIGNATURE
    message.version.value = version


def _fill_classes(message, classes):
    for labels, scores in zip(classes.labels.tolist(), classes.scores.tolist(), strict=True):
        of_example = message.classifications.add()
        for label, score in zip(labels, scores, strict=True):
            # The field is text; a label that is none would make the whole answer unreadable.
            of_example.classes.add(label=label.decode("utf-8", "replace"), score=score)


def _fill_values(message, values):
    for value in values.tolist():
        message.regressions.add(value=value)
