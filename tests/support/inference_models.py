"""A SavedModel that takes `tf.Example`s, for Classify, Regress and MultiInference."""

import tensorflow as tf

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def save_examples_model(path):
    """Saves a model with one signature for each rule of the three methods, all on one input tensor.

    An example has the feature `x`, two floats, and may have `name`. The classes are `name` and `other` with
    the scores x; the value is the sum of x.
    """
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        builder = tf.compat.v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=_signatures())
        builder.save()


def _signatures():
    examples = tf.compat.v1.placeholder(tf.string, [None], "examples")
    features = {
        "x": tf.io.FixedLenFeature([2], tf.float32),
        "name": tf.io.FixedLenFeature([], tf.string, default_value="unnamed"),
    }
    parsed = tf.io.parse_example(examples, features)
    scores, names = parsed["x"], parsed["name"]
    classes = tf.stack([names, tf.fill(tf.shape(names), "other")], 1)
    totals = tf.reduce_sum(scores, 1)
    numbers = tf.compat.v1.placeholder(tf.float32, [None], "numbers")
    inputs = {"inputs": examples}

    def classification(inputs, **outputs):
        return _signature(inputs, outputs, CLASSIFY)

    def regression(inputs, **outputs):
        return _signature(inputs, outputs, REGRESS)

    return {
        "serving_default": classification(inputs, classes=classes, scores=scores),
        "classes": classification(inputs, classes=classes),
        "scores": classification(inputs, scores=scores),
        "regress": regression(inputs, outputs=totals),
        "column": regression(inputs, outputs=totals[:, None]),
        "predict": _signature(inputs, {"y": totals}, "tensorflow/serving/predict"),
        "two_inputs": classification({"inputs": examples, "numbers": numbers}, scores=scores),
        "three_outputs": classification(inputs, classes=classes, scores=scores, y=totals),
        "two_outputs": regression(inputs, outputs=totals, y=totals),
        "examples": classification({"examples": examples}, scores=scores),
        "examples_regress": regression({"examples": examples}, outputs=totals),
        "numbers": classification({"inputs": numbers}, scores=numbers[:, None]),
        "flat_classes": classification(inputs, classes=names),
        "flat_scores": classification(inputs, scores=totals),
        "float_classes": classification(inputs, classes=scores),
        "string_scores": classification(inputs, scores=classes),
        "few_classes": classification(inputs, classes=classes[:1]),
        "few_scores": classification(inputs, scores=scores[:1]),
        "unequal": classification(inputs, classes=classes, scores=scores[:, :1]),
        "wide": regression(inputs, outputs=scores),
        "few_values": regression(inputs, outputs=totals[:1]),
        "string_values": regression(inputs, outputs=names),
    }


def _signature(inputs, outputs, method_name):
    to_infos = {alias: tf.compat.v1.saved_model.build_tensor_info(tensor) for alias, tensor in inputs.items()}
    from_infos = {
        alias: tf.compat.v1.saved_model.build_tensor_info(tensor) for alias, tensor in outputs.items()
    }
    return tf.compat.v1.saved_model.build_signature_def(to_infos, from_infos, method_name)
