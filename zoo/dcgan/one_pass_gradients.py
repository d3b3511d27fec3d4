"""Differentiates a GAN's two losses in one backward pass through the discriminator.

Sources:
    [Reversal] Ganin & Lempitsky 2015, arXiv 1409.7495, section 3.1: two networks with opposite objectives
        learn from one backward pass, whose gradient changes sign between them. Here it is multiplied, for
        each picture, by the ratio of the two losses' slopes.
"""

import tensorflow as tf

# Added to the slope of the discriminator's loss at each generated picture, which keeps the ratio's
# denominator from being 0. It is far below the rounding of other gradients, and the ratio cancels it.
LEAST_SLOPE = 1e-18


def one_pass_gradients(
    tape: tf.GradientTape,
    discriminator_loss,
    generator_loss,
    generated_images,
    generated_logits,
    discriminator_variables,
    generator_variables,
):
    """Differentiates both losses, each with respect to its own network.

    The discriminator must judge each picture independently, without batch norm, and the generator's loss must
    depend on generated pictures through the logits alone. The two losses' gradients at a picture then differ
    only by a factor known from the logits, and one backward pass serves both. Tensors must have the range of
    float32 or bfloat16, not that of float16.

    Args:
        tape: Persistent tape that has recorded all of the following.
        discriminator_loss: Scalar, including penalties and loss scale.
        generator_loss: Scalar, including loss scale.
        generated_images: The generator's output `[N, S, S, C]`.
        generated_logits: The discriminator's output `[N, 1]` for them.
        discriminator_variables: The discriminator's trainable variables.
        generator_variables: The generator's trainable variables.

    Returns:
        Two lists of gradients, in the variables' order.
    """
    slopes = tape.gradient(discriminator_loss, generated_logits) + LEAST_SLOPE
    generator_slopes = tape.gradient(generator_loss, generated_logits)
    images_gradient, *discriminator_gradients = tape.gradient(
        [discriminator_loss, generated_logits],
        [generated_images, *discriminator_variables],
        output_gradients=[tf.ones_like(discriminator_loss), LEAST_SLOPE * tf.ones_like(generated_logits)],
    )
    ratios = (generator_slopes / slopes)[:, :, tf.newaxis, tf.newaxis]
    generator_gradients = tape.gradient(
        generated_images, generator_variables, output_gradients=images_gradient * ratios
    )
    return discriminator_gradients, generator_gradients
