"""Assigns photos to splits, by the table or by a hash, and keeps similar photos together."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from training.data.data_sets import SPLITS


def to_place(digest: bytes) -> float:
    """Returns a photo's place in [0, 1), which depends only on its content: the same in every build."""
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_splits(
    places: Mapping[int, float],
    strata: Mapping[int, str],
    fractions: Mapping[str, float],
    sizes: Mapping[int, int] | None = None,
) -> dict[int, str]:
    """Divides groups of photos among the splits, separately within each stratum.

    The first groups go to test, the next ones to validation. A stratum's shares deviate from the exact ones
    by chance, which lets a group keep its split when others are added; but where a split would get less than
    a third or more than twice its share of the photos, it gets more groups or fewer. A group too large for a
    split goes to train.

    Args:
        places: Each group's place in [0, 1).
        strata: Each group's stratum, of which every split must get its share.
        fractions: Target shares of `validation` and `test`.
        sizes: Each group's number of photos; 1 by default.

    Returns:
        Each group's split.

    Example:

    >>> assign_splits({1: 0.9, 2: 0.1, 3: 0.3}, {1: "a", 2: "a", 3: "a"}, {"validation": 0.3, "test": 0.3})
    {2: 'test', 3: 'validation', 1: 'train'}
    """
    members = defaultdict(list)
    for group in sorted(places, key=lambda group: (places[group], group)):
        members[strata[group]].append(group)
    sizes = dict.fromkeys(places, 1) if sizes is None else sizes
    splits = {}
    for groups in members.values():
        num_photos = sum(sizes[group] for group in groups)
        rest, border = groups, 0.0
        for split in ("test", "validation"):
            if not fractions[split]:
                continue
            border += fractions[split]
            # Leaves at least one group for train, and for test before validation one more for validation.
            room = len(rest) - 1 - (split == "test" and len(groups) > 2 and fractions["validation"] > 0)
            natural = {group for group in rest if places[group] < border}
            chosen = _choose(rest, natural, sizes, fractions[split] * num_photos, room)
            splits.update(dict.fromkeys(chosen, split))
            rest = [group for group in rest if group not in splits]
        splits.update(dict.fromkeys(rest, "train"))
    return splits


def _choose(
    groups: Sequence[int], natural: Collection[int], sizes: Mapping[int, int], share: float, room: int
) -> list[int]:
    """Chooses a split's groups: the natural ones, within a third and twice the split's share of photos."""
    least, most = max(math.ceil(share / 3), 1), max(math.floor(share * 2), 2)
    chosen: list[int] = []
    num_photos = 0
    for group in groups:
        if (
            len(chosen) < room
            and (group in natural or num_photos < least)
            and num_photos + sizes[group] <= most
        ):
            chosen.append(group)
            num_photos += sizes[group]
    if not chosen and room > 0:
        chosen.append(min(groups, key=lambda group: sizes[group]))  # an empty split would be worse
    return chosen


def keep_together(named: Mapping[int, Sequence[str]]) -> dict[int, str]:
    """Chooses one split for each group whose photos the table assigns to one or more splits.

    A group in several splits goes to the safest one: nothing meant for training is moved into validation or
    test.

    Args:
        named: For each group, its photos' splits in the table, `""` where the table names none.

    Returns:
        Each group's split, except for groups that the table does not assign.

    Example:

    >>> keep_together({1: ["test", "train"], 2: ["", "test"], 3: [""]})
    {1: 'train', 2: 'test'}
    """
    chosen = {}
    for group, splits in named.items():
        known = [split for split in SPLITS if split in splits]
        if known:
            chosen[group] = known[0]
    return chosen


def complete_splits(
    by_table: Mapping[int, str],
    places: Mapping[int, float],
    strata: Mapping[int, str],
    fractions: Mapping[str, float],
    sizes: Mapping[int, int] | None = None,
) -> tuple[dict[int, str], list[str]]:
    """Assigns the groups that the table leaves open, and makes sure that every split has photos.

    Args:
        by_table: The splits of the groups that the table assigns.
        places: As for `assign_splits`, for all groups.
        strata: As for `assign_splits`.
        fractions: As for `assign_splits`.
        sizes: As for `assign_splits`.

    Returns:
        Each group's split; and the splits that the table never names, which were taken from train.

    Raises:
        ValueError: If there are too few groups for three splits.

    Example:

    >>> complete_splits({}, {1: 0.9}, {1: "a"}, {"validation": 0.1, "test": 0.1})
    Traceback (most recent call last):
    ValueError: There must be photos for train, validation and test. Received: 1 dissimilar photos in 1
    categories, which leaves validation and test empty. Add photos.
    """
    unnamed = {group: place for group, place in places.items() if group not in by_table}
    splits = dict(by_table) | assign_splits(unnamed, strata, fractions, sizes)
    cut_from_train = [split for split in ("test", "validation") if by_table and split not in splits.values()]
    if cut_from_train:
        train = {group: places[group] for group in splits if splits[group] == "train"}
        # Both in one call, because validation's places start where those of test end.
        wanted = {split: fractions[split] if split in cut_from_train else 0.0 for split in fractions}
        splits |= assign_splits(train, strata, wanted, sizes)
    empty = [split for split in SPLITS if split not in splits.values()]
    if empty:
        raise ValueError(
            f"There must be photos for train, validation and test. Received: {len(places):,} dissimilar "
            f"photos in {len(set(strata.values())):,} categories, which leaves {' and '.join(empty)} "
            "empty. Add photos."
        )
    return splits, cut_from_train
