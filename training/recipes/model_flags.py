"""The flags of `zoo train` that belong to some models only. Nothing heavy is imported here."""

import click

# Options that set an argument of some models' classes or optimizers: flag, argument, type, help.
MODEL_OPTIONS = (
    ("--latent-dim", "latent_dim", click.IntRange(1), "Length of latent vectors (dcgan, conditional_vae)."),
    ("--width", "width", click.IntRange(1), "Channels of the largest feature map."),
    ("--depth", "depth", click.IntRange(0), "3x3 convolutions at each resolution (dcgan, conditional_vae)."),
    ("--discriminator-depth", "discriminator_depth", click.IntRange(0), "The same (dcgan)."),
    ("--loss", "loss", str, "non_saturating, hinge or wasserstein_gp (dcgan)."),
    ("--conditioning", "conditioning", str, "Of the discriminator: projection or embedding (dcgan)."),
    (
        "--classification-weight",
        "classification_weight",
        click.FloatRange(0),
        "Weight of being what was asked for (dcgan).",
    ),
    ("--spectral-norm/--no-spectral-norm", "spectral_norm", bool, "Normalise the discriminator (dcgan)."),
    ("--r1-weight", "r1_weight", click.FloatRange(0), "Gradient penalty at real pictures (dcgan)."),
    (
        "--diff-augment",
        "diff_augment",
        str,
        "Before the discriminator: colour,translation,cutout, none; auto: under 500 pictures (dcgan).",
    ),
    ("--discriminator-steps", "discriminator_steps", click.IntRange(1), "For one generator step (dcgan)."),
    (
        "--discriminator-rate",
        "discriminator_rate",
        click.FloatRange(0, min_open=True),
        "The discriminator's learning rate in units of --learning-rate (dcgan).",
    ),
    (
        "--ema-momentum",
        "ema_momentum",
        click.FloatRange(0, 1, max_open=True),
        "Share of the averaged generator that a step keeps (dcgan).",
    ),
    ("--kl-weight", "kl_weight", click.FloatRange(0), "Weight of the KL divergence (conditional_vae)."),
    (
        "--kl-warm-up-steps",
        "kl_warm_up_steps",
        click.IntRange(0),
        "Steps in which that weight rises (conditional_vae).",
    ),
    ("--likelihood", "likelihood", str, "bernoulli or gaussian (conditional_vae)."),
    ("--edit-weight", "edit_weight", click.FloatRange(0), "Weight of the edits' loss (conditional_vae)."),
    (
        "--attribute-weight",
        "attribute_weight",
        click.FloatRange(0),
        "Weight of judging the attributes (conditional_vae).",
    ),
    (
        "--independence-weight",
        "independence_weight",
        click.FloatRange(0),
        "Weight of latents that do not tell the attributes (conditional_vae).",
    ),
    (
        "--keep-detail/--no-keep-detail",
        "keep_detail",
        bool,
        "Edits keep the photo's detail (conditional_vae).",
    ),
    (
        "--edited-attributes",
        "edited_attributes",
        str,
        "Attributes whose edits are learned, or all (conditional_vae).",
    ),
    (
        "--label-smoothing",
        "label_smoothing",
        click.FloatRange(0, 1, max_open=True),
        "Share of the labels that is spread over all values (classifier).",
    ),
    ("--factor", "upscale_factor", click.IntRange(2, 4), "Enlargement: 2, 3 or 4 (srcnn, fsrcnn)."),
    ("--kernels", "kernels", str, "Kernel sizes: 9-1-5, 9-3-5 or 9-5-5 (srcnn)."),
    ("--residual/--no-residual", "is_residual", bool, "Learn the difference to bicubic (srcnn, fsrcnn)."),
    ("--colour-space", "colour_space", str, "What the network enlarges: luma or rgb (srcnn, fsrcnn)."),
)
