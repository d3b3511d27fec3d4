"""The confidence below which a mask, or what was made with it, should be looked at.

Imports nothing: clients of a server and worker processes, which run without TensorFlow, compare with it, too.
"""

# On the scale of `zoo/cutout/confidence.py`.
DOUBTFUL = 0.8
