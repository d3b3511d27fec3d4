"""Requests of `tf.Example`s to the model of `inference_models.py`."""

import tensorflow as tf
from conformance_server import fill_spec
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

FAR = {"x": [0.25, 1 / 3], "name": "shoe"}
NEAR = {"x": [1.0, 9e6]}


def _example(features):
    message = tf.train.Example()
    for name, value in features.items():
        if isinstance(value, str):
            message.features.feature[name].bytes_list.value.append(value.encode())
        else:
            message.features.feature[name].float_list.value.extend(value)
    return message


def _input(*objects, context=None):
    message = input_pb2.Input()
    if context is None:
        message.example_list.examples.extend(_example(features) for features in objects)
    else:
        message.example_list_with_context.context.CopyFrom(_example(context))
        message.example_list_with_context.examples.extend(_example(features) for features in objects)
    return message


def classify_request(*objects, context=None, model="examples", **spec):
    """Returns a `ClassificationRequest`; each of `objects` is one example, values by feature."""
    request = classification_pb2.ClassificationRequest(input=_input(*objects, context=context))
    fill_spec(request.model_spec, model, **spec)
    return request


def regress_request(*objects, model="examples", **spec):
    """Returns a `RegressionRequest`; arguments as for `classify_request`."""
    request = regression_pb2.RegressionRequest(input=_input(*objects))
    fill_spec(request.model_spec, model, **spec)
    return request


def multi_request(*tasks, objects=(FAR, NEAR), model="examples"):
    """Returns a `MultiInferenceRequest`; each of `tasks` is a signature and a method name."""
    request = inference_pb2.MultiInferenceRequest(input=_input(*objects))
    for signature, method in tasks:
        task = request.tasks.add(method_name=method)
        fill_spec(task.model_spec, model, signature=signature)
    return request
