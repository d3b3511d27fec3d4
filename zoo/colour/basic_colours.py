"""The eleven basic English colour terms, with a typical value of each.

Sources:
    [BasicTerms] Berlin and Kay 1969, "Basic Color Terms".
"""

# sRGB values as in a shop's photos.
COLOURS = {
    "black": (34, 34, 38),
    "white": (246, 246, 244),
    "grey": (132, 133, 136),
    "red": (201, 32, 43),
    "green": (44, 140, 68),
    "yellow": (246, 205, 46),
    "blue": (38, 84, 186),
    "brown": (118, 74, 42),
    "purple": (118, 54, 152),
    "pink": (246, 150, 186),
    "orange": (243, 126, 30),
}

# The same names for grounds: a market place's white is pure, unlike a white product's.
GROUND_COLOURS = {**COLOURS, "white": (255, 255, 255), "black": (0, 0, 0)}
