"""Names for the layers of networks that are built in loops, the same in every process.

Keras numbers layers without a name through the whole process. A checkpoint knows weights by their layers'
names, which must therefore not depend on what was built before.
"""

import collections


class LayerNames:
    """Numbers the layers of a network by kind.

    Args:
        network: The network's name, which no other network of the model has.

    Example:

    >>> name = LayerNames("encoder")
    >>> name("conv"), name("conv"), name("dense")
    ('encoder_conv_0', 'encoder_conv_1', 'encoder_dense_0')
    """

    def __init__(self, network: str):
        self._network = network
        self._counts: collections.Counter[str] = collections.Counter()

    def __call__(self, kind: str) -> str:
        number = self._counts[kind]
        self._counts[kind] += 1
        return f"{self._network}_{kind}_{number}"
