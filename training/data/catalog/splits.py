"""Which photo goes into which split: by the table or by a hash, and photos that look alike together."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from training.data.data_sets import SPLITS


def to_place(digest: bytes) -> float:
    """Returns where a photo stands in [0, 1): by its content alone, so it stays there in every build."""
    return int.from_bytes(digest[:8], "big") / 2**64


def assign_splits(
    places: Mapping[int, float],
    strata: Mapping[int, str],
    fractions: Mapping[str, float],
) -> dict[int, str]:
    """Divides groups of photos among the splits, each stratum for itself.

    What stands first goes to test, what follows to validation. A stratum of any size departs from its exact
    share by chance, which is what keeps a group's split when others are added; but where less than a third or
    more than twice the share would come out, the border is moved as far as that.

    Args:
        places: For each group its place in [0, 1).
        strata: For each group the value that every split must have its share of.
        fractions: Wanted share of `validation` and `test`.

    Returns:
        For each group its split.

    Example:

    >>> assign_splits({1: 0.9, 2: 0.1, 3: 0.3}, {1: "a", 2: "a", 3: "a"}, {"validation": 0.3, "test": 0.3})
    {2: 'test', 3: 'validation', 1: 'train'}
    """
    members = defaultdict(list)
    for group in sorted(places, key=lambda group: (places[group], group)):
        members[strata[group]].append(group)
    splits = {}
    for groups in members.values():
        border = 0.0
        begin = 0
        for split in ("test", "validation"):
            share = fractions[split]
            border += share
            natural = sum(places[group] < border for group in groups) - begin
            # Test comes before validation, and both after the first picture of train.
            room = (
                len(groups)
                - 1
                - begin
                - (split == "test" and len(groups) > 2 and fractions["validation"] > 0)
            )
            num = min(_near_share(natural, share * len(groups)), max(room, 0)) if share else 0
            splits.update(dict.fromkeys(groups[begin : begin + num], split))
            begin += num
        splits.update(dict.fromkeys(groups[begin:], "train"))
    return splits


def keep_together(named: Mapping[int, Sequence[str]]) -> dict[int, str]:
    """Decides for groups that the table puts into one or several splits.

    A group in several goes where the most harmless of them is: nothing that was meant for training is moved
    into validation or test.

    Args:
        named: For each group the splits that the table names, `""` where it names none.

    Returns:
        For each group its split; groups that the table says nothing about are left out.

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
) -> tuple[dict[int, str], list[str]]:
    """Assigns what the table leaves open, so that every split has photos.

    Args:
        by_table: For groups that the table says something about, their split.
        places: As for `assign_splits`, for all groups.
        strata: As for `assign_splits`.
        fractions: As for `assign_splits`.

    Returns:
        For each group its split, and the splits that the table never names and that were cut out of train.

    Raises:
        ValueError: If there are too few groups for three splits.

    Example:

    >>> complete_splits({}, {1: 0.9}, {1: "a"}, {"validation": 0.1, "test": 0.1})
    Traceback (most recent call last):
    ValueError: There must be photos for train, validation and test. Received: 1 photos that do not look alike
    in 1 categories, which leaves validation and test empty. Add photos.
    """
    unnamed = {group: place for group, place in places.items() if group not in by_table}
    splits = dict(by_table) | assign_splits(unnamed, strata, fractions)
    cut_from_train = [split for split in ("test", "validation") if by_table and split not in splits.values()]
    if cut_from_train:
        train = {group: places[group] for group in splits if splits[group] == "train"}
        # Both at once: the hashes of one begin where those of the other end.
        wanted = {split: fractions[split] if split in cut_from_train else 0.0 for split in fractions}
        splits |= assign_splits(train, strata, wanted)
    empty = [split for split in SPLITS if split not in splits.values()]
    if empty:
        raise ValueError(
            f"There must be photos for train, validation and test. Received: {len(places):,} photos that do "
            f"not look alike in {len(set(strata.values())):,} categories, which leaves {' and '.join(empty)} "
            "empty. Add photos."
        )
    return splits, cut_from_train


def _near_share(number: int, share: float) -> int:
    return min(max(number, math.ceil(share / 3), 1), max(math.floor(share * 2), 2))
