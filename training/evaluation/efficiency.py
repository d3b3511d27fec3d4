"""What one answer of a model costs, measured on the call that serves it: weights, arithmetic, time, memory.

Sources:
    [MAC] One multiplication with its addition counts as two floating-point operations, as TensorFlow's
    profiler counts.
"""

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from training.evaluation.findings import Findings
from training.recipes.base.recipe import TimedAnswer
from training.runs.peak_memory import peak_memory_bytes
from training.runs.score import Score


def score_efficiency(answer: TimedAnswer) -> Findings:
    """Measures parameters, operations, latency, pictures a second and peak memory of a model's answer.

    Args:
        answer: The call that answers a request, as the model's recipe gives it.

    Returns:
        The scores. Times hold for this machine and what else it did.
    """
    call, make_inputs, what = answer
    one = [tf.TensorSpec(part.shape, part.dtype) for part in make_inputs(1)]
    device = _device()
    scores = {
        "parameters": Score(count_parameters(call, *one), "weights", 1, what),
        "flops_per_image": Score(count_flops(call, *one), "operations", 1, what),
    }
    for batch_size in BATCH_SIZES:
        speed = measure_speed(call, make_inputs, batch_size)
        measured_with = f"{what}, {device}"
        scores[f"latency_seconds_batch_{batch_size}"] = Score(
            speed.latency_seconds, "seconds", speed.num_calls, measured_with
        )
        scores[f"images_per_second_batch_{batch_size}"] = Score(
            speed.images_per_second, "pictures/s", speed.num_calls, measured_with
        )
    inputs = make_inputs(BATCH_SIZES[-1])
    compiled = tf.function(call, autograph=False)
    peak = measure_peak_memory(lambda: np.asarray(compiled(*inputs)))
    if peak is not None:
        measured_with = f"whole process, batch {BATCH_SIZES[-1]}, {device}"
        scores["peak_memory_bytes"] = Score(peak, "bytes", 1, measured_with)
    return Findings(scores)


def _device() -> str:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "a GPU")
    return f"{os.cpu_count()} CPU cores, float32"


BATCH_SIZES = (1, 8, 64)
_SECONDS_PER_BATCH_SIZE = 1.5
_MIN_REPEATS = 3


@dataclasses.dataclass(frozen=True)
class Speed:
    """How fast batches of one size are answered.

    Args:
        batch_size: Pictures a call.
        latency_seconds: Median seconds of a call.
        images_per_second: Pictures a second at that latency.
        num_calls: Calls that the median is of.
    """

    batch_size: int
    latency_seconds: float
    images_per_second: float
    num_calls: int


def count_flops(function: Callable, *inputs: tf.TensorSpec) -> int:
    """Counts the floating-point operations of one call ([MAC]), from the graph.

    Args:
        function: Takes and returns tensors.
        *inputs: What it takes, every size known.

    Returns:
        Number of operations. Those inside loops over pictures (`tf.map_fn`) and resizing are not counted.

    Example:

    A matrix of 3 x 4 times one of 4 x 5: 3 * 5 results of 4 products each.

    >>> count_flops(lambda x: x @ tf.ones((4, 5)), tf.TensorSpec((3, 4)))
    120
    """
    concrete = tf.function(function, autograph=False).get_concrete_function(*inputs)
    graph = convert_variables_to_constants_v2(concrete, lower_control_flow=False).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the profiler calls what TensorFlow itself deprecates
    try:
        profile = tf.compat.v1.profiler.profile(graph, cmd="scope", options={**options, "output": "none"})
    finally:
        logger.setLevel(level)
    return int(profile.total_float_ops)


def count_parameters(function: Callable, *inputs: tf.TensorSpec) -> int:
    """Counts the weights that one call uses: not those of a discriminator, nor of an optimizer.

    Args:
        function: Takes and returns tensors.
        *inputs: What it takes.

    Returns:
        Number of values of all variables.

    Example:

    >>> dense = keras.layers.Dense(5)
    >>> count_parameters(dense, tf.TensorSpec((1, 4)))
    25
    """
    concrete = tf.function(function, autograph=False).get_concrete_function(*inputs)
    return int(sum(np.prod(variable.shape) for variable in concrete.graph.variables))


def measure_speed(function: Callable, make_inputs: Callable, batch_size: int) -> Speed:
    """Times calls after two that warm up.

    Args:
        function: What is called; compiled as a `tf.function` here.
        make_inputs: Takes a batch size and returns the tuple of inputs.
        batch_size: Pictures a call.

    Returns:
        The median of at least 3 calls in about 1.5 seconds. It holds for this machine and what else it did.
    """
    compiled = tf.function(function, autograph=False, reduce_retracing=True)
    inputs = make_inputs(batch_size)

    def call() -> float:
        start = time.perf_counter()
        np.asarray(tf.nest.flatten(compiled(*inputs))[0])
        return time.perf_counter() - start

    call()
    expected_seconds = call()
    num_calls = max(_MIN_REPEATS, int(_SECONDS_PER_BATCH_SIZE / max(expected_seconds, 1e-4)))
    latency = float(np.median([call() for _ in range(num_calls)]))
    return Speed(batch_size, latency, batch_size / latency, num_calls)


def measure_peak_memory(call: Callable[[], object]) -> int | None:
    """Returns the largest resident memory of this process in bytes during a call.

    TensorFlow itself and everything loaded before count. Where the system cannot forget an earlier peak
    (other than Linux), it is the largest since the process began. On a GPU it is what TensorFlow allocated
    there. None where the system does not tell.
    """
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.reset_memory_stats("GPU:0")
        call()
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
        call()
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        call()
        return peak_memory_bytes()
