"""Builds the gRPC responses of Classify, Regress and MultiInference.

They serve users' own models; see `core.classify_regress`.
"""

from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from serving.model_server.core.classify_regress import Classes
from serving.model_server.core.request_types import Inference


def classification_response(answer: Inference):
    """Returns the `ClassificationResponse` for an inference."""
    response = classification_pb2.ClassificationResponse()
    _fill_spec(response.model_spec, answer)
    _fill_classes(response.result, answer.result)
    return response


def regression_response(answer: Inference):
    """Returns the `RegressionResponse` for an inference."""
    response = regression_pb2.RegressionResponse()
    _fill_spec(response.model_spec, answer)
    _fill_values(response.result, answer.result)
    return response


def multi_inference_response(answers: list[Inference]):
    """Returns the `MultiInferenceResponse` for the inferences of all tasks."""
    response = inference_pb2.MultiInferenceResponse()
    for answer in answers:
        message = response.results.add()
        _fill_spec(message.model_spec, answer)
        if isinstance(answer.result, Classes):
            _fill_classes(message.classification_result, answer.result)
        else:
            _fill_values(message.regression_result, answer.result)
    return response


def _fill_spec(message, answer):
    message.name = answer.model_name
    message.signature_name = answer.signature_name
    message.version.value = answer.version


def _fill_classes(message, classes):
    for labels, scores in zip(classes.labels.tolist(), classes.scores.tolist(), strict=True):
        of_example = message.classifications.add()
        for label, score in zip(labels, scores, strict=True):
            # The field is text, so a label that is not UTF-8 would make the whole response unreadable.
            of_example.classes.add(label=label.decode("utf-8", "replace"), score=score)


def _fill_values(message, values):
    for value in values.tolist():
        message.regressions.add(value=value)
