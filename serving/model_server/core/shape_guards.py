"""Finds out which shapes of a request a model's graph checks itself, and which nobody would check.

TensorFlow's runtime does not compare a fed tensor with the shape that a signature declares. Where the fed
tensor is a placeholder, kernels behind it rely on its shape, and a fused convolution aborts the process on a
wrong rank. Where it is the result of another operation, as in models that parse `tf.Example`, the declared
shape is a guess, and TF Serving's clients send others.
"""

from collections.abc import Iterable, Mapping

_PLACEHOLDERS = ("Placeholder", "PlaceholderWithDefault", "PlaceholderV2")
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def is_placeholder(graph, tensor_name: str) -> bool:
    """Whether a tensor of a `tf.Graph` is a placeholder; False if there is no such tensor."""
    try:
        return graph.get_tensor_by_name(_full_name(tensor_name)).op.type in _PLACEHOLDERS
    except (KeyError, ValueError):
        return False


def checks_shape(graph, functions: Mapping[str, object], tensor_name: str) -> bool:
    """Whether a model passes a tensor through `tf.ensure_shape` before anything else.

    Args:
        graph: The model's `tf.Graph`.
        functions: The `FunctionDef` messages of its library by name.
        tensor_name: Name of a tensor in the graph.
    """
    tensor = graph.get_tensor_by_name(_full_name(tensor_name))
    uses = [
        (operation.type, operation.node_def.attr, list(operation.inputs).index(tensor))
        for operation in tensor.consumers()
    ]
    return _all_check(uses, functions)


def _all_check(uses: Iterable[tuple], functions: Mapping) -> bool:
    for kind, attributes, position in uses:
        if kind == "EnsureShape":
            continue
        if kind not in _CALLS:
            return False
        function = functions.get(attributes["f"].func.name)
        if function is None or not _all_check(_uses_in(function, position), functions):
            return False
    return True


def _uses_in(function, position: int) -> list[tuple]:
    """Returns the uses of a function's argument: a node's kind, its attributes, and which input it is."""
    name = function.signature.input_arg[position].name
    uses = [
        (node.op, node.attr, list(node.input).index(name)) for node in function.node_def if name in node.input
    ]
    if name in function.ret.values():
        uses.append(("Return", {}, 0))
    return uses


def _full_name(tensor_name: str) -> str:
    return tensor_name if ":" in tensor_name else f"{tensor_name}:0"
