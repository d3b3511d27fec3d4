"""Differentiates a GAN's two losses in one backward pass through the discriminator.

Sources:
    [Reversal] Ganin & Lempitsky 2015, arXiv 1409.7495, section 3.1: two networks with opposite aims learn
        from one backward pass, whose gradient changes its sign between them. Here it changes for each picture
        by the ratio of the two losses' slopes.
"""

import tensorflow as tf

# Added to the slope of the discriminator's loss at each generated picture, so that there is always something
# to take the ratio to. It is far below the rounding of other gradients, and the ratio takes it out again.
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

    The discriminator must judge each picture by itself, without batch norm, and the generator's loss must
    depend on generated pictures through the logits alone. Then the gradients that both losses give to a
    picture differ by a factor, known from the logits, and one backward pass does for two. Tensors must have
    the range of float32 or bfloat16, not that of float16.

    Args:
        tape: Persistent tape that has seen all of the following.
        discriminator_loss: Scalar, with penalties and loss scale.
        generator_loss: Scalar, with loss scale.
        generated_images: Tensor `[N, S, S, C]` that the generator gave.
        generated_logits: Tensor `[N, 1]` that the discriminator gave for them.
        discriminator_variables: Its variables.
        generator_variables: Its variables.

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
