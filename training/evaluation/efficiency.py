"""Measures the cost of a model's answer on the call that serves it: weights, operations, time and memory.

Sources:
    [MAC] A multiplication and its addition count as two floating-point operations, as in TensorFlow's
    profiler.
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
    """Measures parameters, operations, latency, pictures per second and peak memory of a model's answer.

    Args:
        answer: The call that answers a request, from the model's recipe.

    Returns:
        The scores. Times depend on the machine and its other load.
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
    """Latency and throughput at one batch size.

    Args:
        batch_size: Pictures per call.
        latency_seconds: Median duration of a call in seconds.
        images_per_second: Pictures per second at that latency.
        num_calls: Number of calls that were timed.
    """

    batch_size: int
    latency_seconds: float
    images_per_second: float
    num_calls: int


def count_flops(function: Callable, *inputs: tf.TensorSpec) -> int:
    """Counts the floating-point operations of one call ([MAC]) in its graph.

    Args:
        function: Takes and returns tensors.
        *inputs: Specifications of its arguments, with every size known.

    Returns:
        Number of operations, without those of resizing and inside loops over pictures (`tf.map_fn`).

    Example:

    A 3 x 4 matrix times a 4 x 5 matrix: 3 * 5 results of 4 products each.

    >>> count_flops(lambda x: x @ tf.ones((4, 5)), tf.TensorSpec((3, 4)))
    120
    """
    concrete = tf.function(function, autograph=False).get_concrete_function(*inputs)
    graph = convert_variables_to_constants_v2(concrete, lower_control_flow=False).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the profiler calls functions that TensorFlow itself deprecates
    try:
        profile = tf.compat.v1.profiler.profile(graph, cmd="scope", options={**options, "output": "none"})
    finally:
        logger.setLevel(level)
    return int(profile.total_float_ops)


def count_parameters(function: Callable, *inputs: tf.TensorSpec) -> int:
    """Counts the weights that a call uses, without those of a discriminator or an optimizer.

    Args:
        function: Takes and returns tensors.
        *inputs: Specifications of its arguments.

    Returns:
        Number of values in all variables.

    Example:

    >>> dense = keras.layers.Dense(5)
    >>> count_parameters(dense, tf.TensorSpec((1, 4)))
    25
    """
    concrete = tf.function(function, autograph=False).get_concrete_function(*inputs)
    return int(sum(np.prod(variable.shape) for variable in concrete.graph.variables))


def measure_speed(function: Callable, make_inputs: Callable, batch_size: int) -> Speed:
    """Times calls of a function after two warm-up calls.

    Args:
        function: The function to call; compiled here as a `tf.function`.
        make_inputs: Returns the tuple of inputs for a batch size.
        batch_size: Pictures per call.

    Returns:
        The median over at least 3 calls in about 1.5 seconds. It depends on the machine and its other load.
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
    """Returns this process's peak resident memory in bytes during a call; None if it is unknown.

    It includes TensorFlow itself and everything loaded before. Outside Linux, where an earlier peak cannot be
    reset, it is the peak since the process started. On a GPU it is the peak that TensorFlow allocated there.
    """
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.reset_memory_stats("GPU:0")
        call()
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    try:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        call()
        status = Path("/proc/self/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration):
        call()
        return peak_memory_bytes()
