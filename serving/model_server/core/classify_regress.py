"""Classify, Regress and MultiInference, which turn `tf.Example`s into labels with scores, or into values.

No model of this project has such signatures. They exist for users who serve their own models with this server
instead of TF Serving, and therefore follow TF Serving's rules.

Sources:
    [TFS] tensorflow/serving, `servables/tensorflow/{classifier,regressor,multi_inference,util}.cc`
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.model_server.core.model_signature import CLASSIFY, REGRESS, Signature
from serving.model_server.core.saved_model_session import SavedModelSession
from serving.wire import data_types
from serving.wire.server_defaults import DEFAULT_SIGNATURE
from serving.wire.status import InvalidArgument, Unimplemented

_INPUT = "inputs"
_CLASSES, _SCORES, _VALUES = "classes", "scores", "outputs"


@dataclass(frozen=True)
class Classes:
    """The classification of N examples.

    Attributes:
        labels: `bytes` objects [N, classes]; empty if the signature has no output `classes`.
        scores: float32 [N, classes]; zeros if the signature has no output `scores`.
    """

    labels: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Task:
    """One of several inferences that share an input.

    Attributes:
        model_name: Name in the task's model specification.
        signature_name: `""` means `serving_default`.
        method_name: `CLASSIFY` or `REGRESS`.
    """

    model_name: str
    signature_name: str
    method_name: str


def examples_of(message) -> list[bytes]:
    """Returns an `Input`'s serialized examples, each preceded by the context.

    Parsing two concatenated protobuf messages merges them, and the example's features override the context's.
    """
    if message.WhichOneof("kind") == "example_list_with_context":
        context = message.example_list_with_context.context.SerializeToString()
        return [
            context + example.SerializeToString() for example in message.example_list_with_context.examples
        ]
    return [example.SerializeToString() for example in message.example_list.examples]


def tasks_of(message) -> list[Task]:
    """Returns the tasks of a `MultiInferenceRequest`."""
    return [
        Task(task.model_spec.name, task.model_spec.signature_name, task.method_name) for task in message.tasks
    ]


def infer(
    session: SavedModelSession,
    signature_name: str,
    method_name: str,
    examples: Sequence[bytes],
    timeout_seconds: float | None = None,
) -> Classes | np.ndarray:
    """Answers one task.

    Args:
        session: The model.
        signature_name: `""` means `serving_default`.
        method_name: `CLASSIFY` or `REGRESS`.
        examples: Serialized `tf.Example`s.
        timeout_seconds: Remaining time; None for no limit.

    Returns:
        Labels and scores, or one float32 per example.

    Raises:
        ServingError: With TF Serving's code and message, the checks in TF Serving's order.
    """
    name = signature_name or DEFAULT_SIGNATURE
    if name not in session.signature_defs:
        raise InvalidArgument(f"No signature was found with the name: {name}")
    definition = session.signature_defs[name]
    _check_signature(session, definition, method_name)
    aliases = list(_output_infos(definition, method_name))
    outputs = _run(session, session.signatures[name], aliases, examples, timeout_seconds)
    return _RESULTS[method_name](outputs, len(examples))


def infer_all(
    session: SavedModelSession,
    tasks: Sequence[Task],
    examples: Sequence[bytes],
    timeout_seconds: float | None = None,
) -> list[Classes | np.ndarray]:
    """Answers several tasks with a single run.

    Args:
        session: The model.
        tasks: At least one task; each uses another signature on the same input.
        examples: As for `infer`.
        timeout_seconds: Remaining time; None for no limit.

    Returns:
        Each task's result, as for `infer`.

    Raises:
        ServingError: As by `infer`.
    """
    definitions = _check_tasks(session, tasks)
    merged = meta_graph_pb2.SignatureDef()
    merged.inputs[_INPUT].CopyFrom(definitions[0].inputs[_INPUT])
    infos = [
        _output_infos(definition, task.method_name)
        for task, definition in zip(tasks, definitions, strict=True)
    ]
    for info in (info for of_task in infos for info in of_task.values()):
        merged.outputs[info.name].CopyFrom(info)
    tensors = _run(session, Signature("MultiInference", merged), (), examples, timeout_seconds)
    results = []
    for task, of_task in zip(tasks, infos, strict=True):
        outputs = {alias: tensors[info.name] for alias, info in of_task.items()}
        results.append(_RESULTS[task.method_name](outputs, len(examples)))
    return results


def _check_tasks(session, tasks):
    definitions = {}
    for task in tasks:
        if not task.model_name:
            raise InvalidArgument("Found ModelSpec with an empty model name.")
        if task.model_name != tasks[0].model_name:
            raise InvalidArgument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.signature_name or DEFAULT_SIGNATURE
        if name in definitions:
            raise InvalidArgument(f"Duplicate evaluation of signature: {name}")
        if name not in session.signature_defs:
            raise InvalidArgument(f"Requested signature not found in model graph: {name}")
        if task.method_name not in _CHECKS:
            raise Unimplemented(f"Unsupported signature method_name: {task.method_name}")
        definitions[name] = session.signature_defs[name]
        _check_signature(session, definitions[name], task.method_name)
        first = next(iter(definitions.values()))
        if definitions[name].inputs[_INPUT].name != first.inputs[_INPUT].name:
            raise InvalidArgument("Input tensor must be the same for all Signatures.")
    return list(definitions.values())


def _output_infos(definition, method_name) -> dict:
    """Returns the outputs that a method uses; a signature's other outputs are not computed."""
    aliases = (_CLASSES, _SCORES) if method_name == CLASSIFY else (_VALUES,)
    return {alias: definition.outputs[alias] for alias in aliases if alias in definition.outputs}


def _run(session, signature, aliases, examples, timeout_seconds) -> dict[str, np.ndarray]:
    if not examples:
        raise InvalidArgument("Input is empty.")
    array = np.empty(len(examples), object)
    array[:] = examples
    return session.predict(signature, {_INPUT: array}, aliases, timeout_seconds, decode=lambda value: value)


def _check_signature(session, definition, method_name):
    if session.checks_method_names and definition.method_name != method_name:
        kind = "classification" if method_name == CLASSIFY else "regression"
        raise InvalidArgument(
            f"Expected {kind} signature method_name to be {method_name}. Was: {definition.method_name}"
        )
    _CHECKS[method_name](definition)


def _check_classification(definition):
    if len(definition.inputs) != 1:
        raise InvalidArgument("Expected one input Tensor.")
    if len(definition.outputs) not in (1, 2):
        raise InvalidArgument(f"Expected one or two output Tensors, found {len(definition.outputs)}")
    if _INPUT not in definition.inputs:
        raise InvalidArgument(f"No classification inputs found in SignatureDef: {definition}")
    if _CLASSES not in definition.outputs and _SCORES not in definition.outputs:
        raise InvalidArgument(
            f'Expected classification signature outputs to contain at least one of "{_CLASSES}" or '
            f'"{_SCORES}". Signature was: {definition}'
        )


def _check_regression(definition):
    if len(definition.inputs) != 1:
        raise InvalidArgument("Expected one input Tensor.")
    if len(definition.outputs) != 1:
        raise InvalidArgument("Expected one output Tensor.")
    if _INPUT not in definition.inputs:
        raise InvalidArgument(f"No regression inputs found in SignatureDef: {definition}")
    if _VALUES not in definition.outputs:
        raise InvalidArgument(f"No regression outputs found in SignatureDef: {definition}")


_CHECKS = {CLASSIFY: _check_classification, REGRESS: _check_regression}


def _to_classes(outputs: Mapping[str, np.ndarray], num_examples) -> Classes:
    for name, wanted in ((_CLASSES, "DT_STRING"), (_SCORES, "DT_FLOAT")):
        if name in outputs:
            _check_class_output(name, outputs[name], wanted, num_examples)
    shape = next(iter(outputs.values())).shape
    labels = outputs[_CLASSES] if _CLASSES in outputs else np.full(shape, b"", object)
    scores = outputs[_SCORES] if _SCORES in outputs else np.zeros(shape, np.float32)
    if labels.shape != scores.shape:
        raise InvalidArgument(
            "Tensors class and score should match in dim_size(1). "
            f"Got {labels.shape[1]} vs. {scores.shape[1]}"
        )
    return Classes(labels, scores)


def _check_class_output(name, array, wanted, num_examples):
    if array.ndim != 2:
        raise InvalidArgument(f"Expected Tensor shape: [batch_size num_classes] but got {_shape_text(array)}")
    if _type_name(array) != wanted:
        raise InvalidArgument(f"Expected {name} Tensor of {wanted}. Got: {_type_name(array)}")
    if len(array) != num_examples:
        raise InvalidArgument(f"Expected {name} output batch size of {num_examples}. Got: {len(array)}")


def _to_values(outputs: Mapping[str, np.ndarray], num_examples) -> np.ndarray:
    array = outputs[_VALUES]
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[1] == 1):
        raise InvalidArgument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{_shape_text(array)}"
        )
    if len(array) != num_examples:
        raise InvalidArgument(
            f"Input batch size did not match output batch size: {num_examples} vs. {len(array)}"
        )
    if _type_name(array) != "DT_FLOAT":
        raise InvalidArgument(f"Expected output Tensor of DT_FLOAT.  Got: {_type_name(array)}")
    return array.ravel()


_RESULTS: Mapping[str, Callable[[Mapping[str, np.ndarray], int], Classes | np.ndarray]] = {
    CLASSIFY: _to_classes,
    REGRESS: _to_values,
}


def _type_name(array) -> str:
    return data_types.of_array(array).enum_name


def _shape_text(array) -> str:
    return f"[{','.join(map(str, array.shape))}]"
