"""Parts of other packages that nobody promised, each by name: an upgrade that moves one fails here first.

setup.py caps each of these packages to the minor releases that were tested.
"""

import ast
import asyncio
import functools
import importlib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

REPOSITORY = Path(__file__).parent.parent
LAYERS = ("zoo", "training", "export", "serving")
NAMED_TUPLES = {"_asdict", "_replace"}  # public in spite of their names
SESSION = "serving/model_server/core/saved_model_session.py"
CONNECTION = "serving/model_server/rest_api/connection_limits.py"


def built_adam():
    import keras

    optimizer = keras.optimizers.Adam()
    optimizer.build([keras.Variable([1.0])])
    return optimizer


def keras_variable():
    import keras

    return keras.Variable([1.0])


def session():
    import tensorflow as tf

    return tf.compat.v1.Session(graph=tf.Graph())


def graph_tensor():
    import tensorflow as tf

    with tf.Graph().as_default():
        return tf.constant(1.0)


def oracle():
    import keras_tuner

    return keras_tuner.oracles.BayesianOptimizationOracle(objective="val_loss", max_trials=1)


class OpenTransport(asyncio.Transport):
    def is_closing(self):
        return False


def connection():
    """A connection of uvicorn's with a request under way."""
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    from uvicorn.server import ServerState

    async def application(scope, receive, send):
        await receive()

    async def connect():
        config = uvicorn.Config(application, loop="asyncio", lifespan="off", log_config=None)
        config.load()
        protocol = HttpToolsProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(OpenTransport())
        protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n")
        return protocol

    return asyncio.run(connect())


# What begins a dotted name instead of a module where only an instance has the part.
OBJECTS = {
    maker.__name__: maker for maker in (built_adam, keras_variable, session, graph_tensor, oracle, connection)
}
# Package, dotted name, the file that uses it, why.
PARTS = [
    (
        "keras",
        "keras.optimizers.Adam._get_variable_index",
        "zoo/step/adam.py",
        "finds the moments that Adam in one operation updates",
    ),
    (
        "keras",
        "built_adam._momentums",
        "zoo/step/adam.py",
        "is updated by Adam in one operation",
    ),
    (
        "keras",
        "built_adam._velocities",
        "zoo/step/adam.py",
        "is updated by Adam in one operation",
    ),
    (
        "keras",
        "keras.optimizers.Adam._all_reduce_sum_gradients",
        "zoo/step/replicas.py",
        "is replaced, because the gradients are means over replicas already",
    ),
    (
        "keras",
        "keras.Model._maybe_symbolic_build",
        "training/distribution/distribution.py",
        "is replaced, because it fails on what replicas share",
    ),
    (
        "keras",
        "keras.Variable._maybe_autocast",
        "export/saved_model/variants.py",
        "reads a variable that holds float16 as the layer's precision asks",
    ),
    (
        "keras",
        "keras_variable._value",
        "export/saved_model/variants.py",
        "is replaced by a variable that holds float16",
    ),
    (
        "keras-tuner",
        "oracle._random_state",
        "training/tuning/tuner.py",
        "is set anew in each trial, so that a study that was stopped searches alike",
    ),
    (
        "keras-tuner",
        "keras_tuner.engine.base_tuner.BaseTuner._is_worker",
        "training/tuning/tuner.py",
        "tells workers from the chief, who alone writes results",
    ),
    (
        "tensorflow",
        "tensorflow.python.framework.convert_to_constants.convert_variables_to_constants_v2",
        "training/evaluation/efficiency.py",
        "counts the operations of a frozen graph",
    ),
    (
        "tensorflow",
        "tensorflow.python.framework.convert_to_constants.convert_variables_to_constants_from_session_graph",
        "export/saved_model/frozen.py",
        "freezes a published graph",
    ),
    (
        "tensorflow",
        "tensorflow.python.util.deprecation.silence",
        "export/saved_model/frozen.py",
        "hides the remark that the freezing above is of TensorFlow 1",
    ),
    (
        "tensorflow",
        "tensorflow.python.saved_model.loader_impl.SavedModelLoader",
        SESSION,
        "loads a SavedModel into a session, as TF Serving does",
    ),
    (
        "tensorflow",
        "tensorflow.python.saved_model.loader_impl.SavedModelLoader",
        "export/saved_model/variant_measurements.py",
        "loads a version into a session with one thread, to time it",
    ),
    (
        "tensorflow",
        "tensorflow.python.saved_model.loader_impl.SavedModelLoader",
        "export/saved_model/frozen.py",
        "loads the version whose variables become constants",
    ),
    *(
        (
            "tensorflow",
            f"tensorflow.python.client.pywrap_tf_session.{name}",
            SESSION,
            "runs a session without the checks of Session.run, which cost more than small models",
        )
        for name in ("TF_SessionRun_wrapper", "TF_NewBufferFromString", "TF_DeleteBuffer")
    ),
    ("tensorflow", "session._session", SESSION, "is the runtime's session that the call above takes"),
    (
        "tensorflow",
        "session._extend_graph",
        SESSION,
        "hands a graph without variables to the runtime",
    ),
    (
        "tensorflow",
        "graph_tensor._as_tf_output",
        SESSION,
        "names a tensor to the runtime",
    ),
    (
        "tensorflow",
        "tensorflow.python.lib.io.tf_record.tf_record_iterator",
        "serving/model_server/core/warm_up.py",
        "reads warm-up requests without eager mode",
    ),
    *(
        (
            "uvicorn",
            f"uvicorn.protocols.http.httptools_impl.{name}",
            CONNECTION,
            "is extended by limits on size, time and number of connections",
        )
        for name in (
            "HttpToolsProtocol.connection_made",
            "HttpToolsProtocol.connection_lost",
            "HttpToolsProtocol.data_received",
            "HttpToolsProtocol.send_400_response",
            "HttpToolsProtocol.on_message_begin",
            "HttpToolsProtocol.on_url",
            "HttpToolsProtocol.on_header",
            "HttpToolsProtocol.on_headers_complete",
            "HttpToolsProtocol.on_body",
            "HttpToolsProtocol.on_message_complete",
            "HttpToolsProtocol.pause_writing",
            "HttpToolsProtocol.resume_writing",
        )
    ),
    *(
        ("uvicorn", f"connection.{name}", CONNECTION, "tells what a connection is doing")
        for name in (
            "connections",
            "cycle.disconnected",
            "cycle.message_event.set",
            "cycle.response_complete",
            "cycle.response_started",
            "flow.resume_reading",
            "headers",
            "loop.call_later",
            "transport",
        )
    ),
]


@functools.cache
def made(name):
    return OBJECTS[name]()


def resolve(dotted):
    """Returns what a name stands for; the error says which part of it is gone."""
    first, *parts = dotted.split(".")
    if first in OBJECTS:
        found, done = made(first), first
    else:
        found, done = importlib.import_module(first), first
    for part in parts:
        done = f"{done}.{part}"
        if hasattr(found, part):
            found = getattr(found, part)
            continue
        try:
            found = importlib.import_module(done)
        except ImportError:
            pytest.fail(f"{done} is gone.")
    return found


@pytest.mark.parametrize(("package", "dotted", "file", "why"), PARTS, ids=[dotted for _, dotted, *_ in PARTS])
def test_a_private_part_is_where_it_was(package, dotted, file, why):
    resolve(dotted)
    assert dotted.split(".")[-1] in (REPOSITORY / file).read_text(encoding="utf-8"), (
        f"{file} no longer uses {dotted} ({why}): take it off the table."
    )


def test_a_part_that_is_gone_is_named():
    with pytest.raises(pytest.fail.Exception, match="keras.optimizers.Adam._gone is gone"):
        resolve("keras.optimizers.Adam._gone.attribute")


def own_names(tree):
    """Yields what a file defines or stores."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def foreign_private_names(tree, own):
    """Yields names that begin with an underscore and are nobody's here, and modules that are private."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            is_private = node.attr.startswith("_") and not node.attr.startswith("__")
            is_module = isinstance(node.value, ast.Name) and node.value.id == "os"  # os._exit is documented
            if is_private and not is_module and node.attr not in own | NAMED_TUPLES:
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and node.module.startswith(
            ("tensorflow.python", "keras.src", "keras_tuner.engine", "keras_tuner.src", "uvicorn.")
        ):
            yield from (alias.name for alias in node.names)


def test_every_private_part_in_use_is_on_the_table():
    trees = {
        path.relative_to(REPOSITORY).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for layer in LAYERS
        for path in (REPOSITORY / layer).rglob("*.py")
    }
    own = {name for tree in trees.values() for name in own_names(tree)}
    known = {(file, part) for _, dotted, file, _ in PARTS for part in dotted.split(".")}
    used = {(file, name) for file, tree in trees.items() for name in foreign_private_names(tree, own)}
    assert used - known == set()


@pytest.mark.parametrize("package", sorted({package for package, *_ in PARTS}))
def test_a_package_that_lends_private_parts_is_capped_to_tested_minors(package, setup_arguments):
    pins = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = Version(next(line.split("==")[1] for line in pins if line.startswith(f"{package}==")).split()[0])
    next_minor = Version(f"{tested.major}.{tested.minor + 1}")
    (allowed,) = (
        requirement.specifier
        for requirement in map(Requirement, setup_arguments["install_requires"])
        if requirement.name == package
    )
    assert tested in allowed
    assert next_minor not in allowed
