"""Styles and mixtures of styles, as clients write them: `waves`, `waves+mosaic` or `waves:3+mosaic:1`."""

from collections.abc import Sequence

import tensorflow as tf

BETWEEN, BEFORE_SHARE = "+", ":"


def parse_mixtures(texts, styles: Sequence[str]) -> tuple[tf.Tensor, tf.Tensor]:
    """Turns names of styles into the shares of each style.

    Args:
        texts: string tensor `[N]`: a style's name, or several with `+` between them, each with its share
            after a `:`, a number; 1 by default.
        styles: The names of the K styles.

    Returns:
        The shares, float32 `[N, K]`, which sum to 1 in each row; and the errors, string `[N]`: `""`, or what
        is wrong. A row with an error has the first style.

    Example:

    >>> shares, errors = parse_mixtures(["dots", "dots:1+waves:3", "oil"], ["dots", "waves"])
    >>> shares.numpy().tolist(), errors[2].numpy().decode()[:43]
    ([[1.0, 0.0], [0.25, 0.75], [1.0, 0.0]], '`style` must be one of dots, waves, or seve')
    """
    texts = tf.convert_to_tensor(texts, tf.string)
    parts = tf.strings.split(texts, BETWEEN)
    rows, num_rows = parts.value_rowids(), tf.size(texts, tf.int64)
    names = tf.strings.strip(tf.strings.regex_replace(parts.flat_values, f"{BEFORE_SHARE}.*$", ""))
    # Without a share, all is replaced by 1.
    numbers = tf.strings.regex_replace(parts.flat_values, f"^[^{BEFORE_SHARE}]*$", f"{BEFORE_SHARE}1")
    numbers = tf.strings.strip(tf.strings.regex_replace(numbers, f"^[^{BEFORE_SHARE}]*{BEFORE_SHARE}", ""))
    is_number = tf.strings.regex_full_match(numbers, r"[0-9]{1,6}(\.[0-9]{0,6})?")
    shares = tf.strings.to_number(tf.where(is_number, numbers, "0"))
    matches = tf.cast(tf.equal(names[:, tf.newaxis], tf.constant(styles)), "float32")
    is_good = is_number & (tf.reduce_sum(matches, 1) > 0)
    sums = tf.math.unsorted_segment_sum(matches * shares[:, tf.newaxis], rows, num_rows)
    num_bad = tf.math.unsorted_segment_sum(tf.cast(~is_good, "int32"), rows, num_rows)
    totals = tf.reduce_sum(sums, axis=1, keepdims=True)
    is_fine = (num_bad == 0) & (totals[:, 0] > 0)
    expectation = (
        f"`style` must be one of {', '.join(styles)}, or several with their shares, such as "
        f"{styles[0]}:3{BETWEEN}{styles[-1]}:1."
    )
    message = tf.strings.join([expectation, " Received: '", texts, "'."])
    first = tf.one_hot(tf.zeros([num_rows], "int32"), len(styles))
    shares = tf.where(is_fine[:, tf.newaxis], tf.math.divide_no_nan(sums, totals), first)
    return shares, tf.where(is_fine, "", message)
