"""Turns a SavedModel's variables into constants of its graph.

Does not optimise the graph ahead of time: every runtime does so when it loads the graph, and a graph
optimised beforehand measured no faster and up to six times as large, because loops get copies of the weights.
"""

import shutil
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import convert_to_constants
from tensorflow.python.saved_model import loader_impl
from tensorflow.python.util import deprecation

from zoo.files.unglobbed import unglobbed


def freeze(directory: Path, default_signature: str) -> None:
    """Rewrites a SavedModel in place without variables; its signatures do not change.

    Args:
        directory: Directory of a SavedModel that `tf.saved_model.save` wrote; other files in it are kept.
        default_signature: Name of the signature that `serving_default` equals; both then share one part of
            the graph instead of holding copies.
    """
    path = directory / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    meta_graph = saved_model.meta_graphs[0]
    default = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    meta_graph.signature_def[default].CopyFrom(meta_graph.signature_def[default_signature])
    for name in [name for name in meta_graph.signature_def if name.startswith("__")]:
        del meta_graph.signature_def[name]  # TensorFlow's own, which initialise the removed variables
    tensors = (
        tensor for signature in meta_graph.signature_def.values() for tensor in signature.outputs.values()
    )
    nodes = sorted({tensor.name.partition(":")[0] for tensor in tensors})
    meta_graph.graph_def.CopyFrom(_constant_graph(directory, nodes))
    meta_graph.meta_info_def.function_aliases.clear()
    # These restore the variables, in the runtimes of TensorFlow 1 and 2.
    for field in ("saver_def", "collection_def", "object_graph_def"):
        meta_graph.ClearField(field)
    path.write_bytes(saved_model.SerializeToString(deterministic=True))
    (directory / "fingerprint.pb").unlink(missing_ok=True)  # of the former graph
    shutil.rmtree(directory / "variables")


def _constant_graph(directory: Path, output_nodes: list[str]) -> tf.compat.v1.GraphDef:
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        loader_impl.SavedModelLoader(str(unglobbed(directory))).load(session, [tf.saved_model.SERVING])
        with deprecation.silence():  # it calls deprecated functions itself
            constant = convert_to_constants.convert_variables_to_constants_from_session_graph(
                session, graph.as_graph_def(), output_nodes
            )
    nodes = [*constant.node, *(node for function in constant.library.function for node in function.node_def)]
    for node in nodes:
        # Shapes inferred while the constants were still resources, which `tf.saved_model.load` refuses.
        node.attr.pop("_output_shapes", None)
    _remove_unused_functions(constant)
    return constant


def _remove_unused_functions(graph_def: tf.compat.v1.GraphDef) -> None:
    """Removes the functions that nothing calls, because they may call functions that no longer exist."""
    library = {function.signature.name: function for function in graph_def.library.function}
    used: set[str] = set()
    waiting = list(graph_def.node)
    while waiting:
        node = waiting.pop()
        attributes = node.attr.values()
        called = [attribute.func.name for attribute in attributes]
        called += [function.name for attribute in attributes for function in attribute.list.func]
        for name in {node.op, *called} & (library.keys() - used):
            used.add(name)
            waiting.extend(library[name].node_def)
    functions = [library[name] for name in sorted(used)]
    graph_def.library.Clear()
    graph_def.library.function.extend(functions)
