"""Finds attribute values that are probably typos of others."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

# Shorter words may differ by one letter and still mean different things, as shirt and skirt.
MIN_LONG_WORD = 6
# A word that occurs more often than this, or than a tenth of the other, was meant, as Shirts beside Tshirts.
MAX_SLIPS = 2


def find_likely_typos(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Finds pairs of values of which one is the other's spelling, plural, or slip of a letter in a rare word.

    Args:
        counts: Number of occurrences of each value.

    Returns:
        Sorted pairs of a value and the one that was probably meant, which occurs at least as often.

    Example:

    >>> find_likely_typos({"t-shirt": 9, "T-Shirt": 2, "tshirt": 1, "shirt": 7})
    [('T-Shirt', 't-shirt'), ('tshirt', 't-shirt')]
    """
    spelled = defaultdict(list)
    for value in sorted(counts, key=lambda value: (-counts[value], value)):
        spelled[_letters(value)].append(value)
    pairs = [(other, values[0]) for letters, values in spelled.items() if letters for other in values[1:]]
    neighbours = defaultdict(list)
    for letters in spelled:
        if len(letters) >= MIN_LONG_WORD:
            for shorter in {letters, *_without_one(letters)}:
                neighbours[shorter].append(letters)
    found: set[tuple[str, str]] = set()
    for words in neighbours.values():
        for index, first in enumerate(words):
            found.update((first, second) for second in words[index + 1 :] if _is_one_slip(first, second))
    for first, second in found:
        rarer, meant = sorted((spelled[first][0], spelled[second][0]), key=lambda v: (counts[v], v))
        is_plural = first + "s" == second or second + "s" == first
        if is_plural or counts[rarer] <= max(MAX_SLIPS, counts[meant] // 10):
            pairs.append((rarer, meant))
    return sorted(pairs)


def rename_option(rarer: str, meant: str) -> str:
    """Returns the command-line option that replaces one value by another, quoted for a shell.

    Example:

    >>> print(rename_option("Men's hat", "men's hat"))
    --rename 'Men'"'"'s hat=men'"'"'s hat'
    """
    sign = "=>" if "=" in rarer + meant else "="
    return f"--rename {shlex.quote(rarer + sign + meant)}"


def _letters(value: str) -> str:
    return "".join(character for character in value.casefold() if character.isalnum())


def _without_one(letters: str) -> Iterator[str]:
    return (letters[:i] + letters[i + 1 :] for i in range(len(letters)))


def _is_one_slip(first: str, second: str) -> bool:
    """Whether one letter was changed, left out or added, or two neighbours were swapped."""
    if len(first) > len(second):
        first, second = second, first
    start = next((i for i, letter in enumerate(first) if letter != second[i]), len(first))
    rest_first, rest_second = first[start:], second[start:]
    if len(first) != len(second):
        is_slip = rest_first == rest_second[1:]
    else:
        is_swap = rest_first[:2] == rest_second[1::-1] and rest_first[2:] == rest_second[2:]
        is_slip = rest_first[1:] == rest_second[1:] or is_swap
    # `size 38` is not a typo of `size 39`.
    changed = (Counter(first) - Counter(second)) + (Counter(second) - Counter(first))
    return is_slip and not any(letter.isdigit() for letter in changed)
