"""What is not looked at: padding, and what lies outside the region of interest. No MindSpore here.

In an image, RGBA, such pixels have an alpha of 0; in the network's input they have a value that no colour has, so that
every runtime is told by the image alone; in anomaly maps they have a value that the network gives to nothing else.
"""

import numpy as np

INPUT = -1000.0  # in the network's input: all channels of a hidden pixel. Normalised colours lie in -10..10
MAP = -1e6  # in an anomaly map, whose other values lie in -1..0; far below whatever may be scored


def seen(maps: np.ndarray) -> np.ndarray:
    """Which values of anomaly maps, of any shape, are of pixels that were looked at: bool."""
    return maps > MAP / 2


def seen_only(values: np.ndarray) -> np.ndarray:
    """The values of maps, [...], that are of pixels that were looked at: all of them as they are, or [K]."""
    visible = seen(values)
    return values if visible.all() else values[visible]
