"""What scores say, in a sentence each, for readers of reports."""

import re

# The first pattern that a name begins with counts.
_MEANINGS = (
    (
        r"psnr_gain|gain_",
        "How much nearer to the original than the baseline. Half a decibel is seen side by side.",
    ),
    (
        r"psnr_shrunk_again",
        "The enlargement, shrunk again, beside what it was made from. Invented texture lowers it.",
    ),
    (r"psnr_b_", "As PSNR, lowered by steps at the edges of JPEG's blocks. Higher is better."),
    (
        r"(reconstruction_)?psnr",
        "How near the pictures are to the originals, pixel by pixel. Higher is better.",
    ),
    (r"(reconstruction_)?ssim", "How alike structures are in small windows. 1 is the original."),
    (r"(reconstruction_)?mae", "Mean difference from the original. Lower is better."),
    (r"harm", "By how much cleaning changes photos that had no damage. 0 is best."),
    (
        r"frechet_distance|fid",
        "How far the pictures' features are from real ones', as a whole. Lower is better.",
    ),
    (r"kernel_distance|kid", "The same question without assuming a shape of the features. Lower is better."),
    (r"precision", "Share of the pictures that look like some real one."),
    (r"recall", "Share of the real pictures that look like some of these: variety."),
    (r"density", "How many real pictures' neighbourhoods a picture lies in. About 1 is good."),
    (r"coverage", "Share of the real pictures that have one of these near them: variety."),
    (r"pairwise_distance", "How different the pictures are from each other. It should be that of real ones."),
    (r"nearest_training_distance", "Far below real pictures', photos were learned by heart."),
    (r"conditional_accuracy_", "Share of the pictures in which a judge sees what was asked for."),
    (r"inception_score", "How sure the judge is of each picture, and how evenly over all. Higher is better."),
    (r"niqe", "How far the statistics of small patches are from those of natural photos. Lower is better."),
    (r".*_edit_accuracy", "Share of the edits that show what was asked for."),
    (r".*_edit_others_kept", "Share of the other attributes that the edits leave as they were."),
    (r".*_edit_background_change", "How much edits change the ground. Lower is better."),
    (r".*_edit_feature_distance", "How far edits move the picture. The baseline is no edit at all."),
    (r"diversity", "How different two pictures of the same values are, beside real ones. 1 is as real ones."),
    (r".*_accuracy", "Share that is named right."),
    (r"mask_iou|mask_max_f", "Overlap of the mask found with the one drawn by hand. 1 is the same."),
    (r"mask_boundary_f", "How well the mask's outline follows the one drawn by hand. 1 is the same."),
    (r"mask_mae", "Share of the picture that is on the wrong side. Lower is better."),
    (
        r"target_difference_",
        "How far the product's middle colour is from the one asked for. Below 2 is hard to see.",
    ),
    (r"pixel_difference_", "How far each pixel of the product is from its ideal colour. Lower is better."),
    (r"gradient_correlation_", "Whether folds and texture stay. 1 is all of them."),
    (r"ground_difference_", "How much the ground changes colour. Lower is better."),
    (r"ground_visible_share_", "Share of the ground whose change is seen. Lower is better."),
    (
        r"style_effect",
        "How much of the way the patches have gone from the photo's to the style picture's. 1 is all of it.",
    ),
    (r"content_ssim", "How alike structures are to the photo's. 1 is the photo itself."),
    (r"parameters", "Size of the model."),
    (r"flops_per_image", "Work for one picture."),
    (r"latency_seconds", "Time for one request of so many pictures, the model alone."),
    (r"images_per_second", "Throughput in requests of so many pictures, the model alone."),
    (r"peak_memory", "Memory of the process at its largest."),
    (r"(.*_)?loss|dependence", "What training minimised: comparable within one kind of model."),
)


def meaning_of(name: str) -> str:
    """Returns what a score says; an empty string for an unknown one.

    Example:

    >>> meaning_of("recall")
    'Share of the real pictures that look like some of these: variety.'
    """
    return next((meaning for pattern, meaning in _MEANINGS if re.match(f"(?:{pattern})", name)), "")
