"""Which algorithm the kernels compute a convolution with: a table, by measurement.

Winograd's filtering computes tiles of the output with fewer multiplications than the direct convolution, and rounds
otherwise. Largest errors over the largest value, against float64, with 128 channels: direct 1e-7 to 7e-7; tiles of
2 x 2, 1e-7 to 3e-7; tiles of 4 x 4, 3e-7 to 1e-6 (the gradient of the weights: 1e-6, 3e-7 and 7e-7).
"""

DIRECT, WINOGRAD2, WINOGRAD4 = "direct", "winograd2", "winograd4"
# The sizes of the output tiles that each choice allows, with what a tile costs: its multiplications per input and
# output channel, times what transforms, and products of small matrices, were measured to cost beyond that.
_COSTS = {DIRECT: {}, WINOGRAD2: {2: 16 * 1.6}, WINOGRAD4: {2: 16 * 1.6, 4: 36 * 2.2}}
_FEWEST_CHANNELS = 12  # below that the vectors of channels are half empty
_FEWEST_PIXELS = 100  # of all pictures; below that the transforms of the weights cost more than they spare

CONVOLUTIONS = tuple(_COSTS)


def output_tile(convolution: str, pictures: int, channels: tuple[int, int], height: int, width: int) -> int:
    """The size of Winograd's tiles for a 3x3 convolution with stride 1 and a border of 1 zero; 0: directly.

    By shape, never slower than the direct convolution.

    Args:
        convolution: one of `CONVOLUTIONS`.
        channels: of input and output.
    """
    if min(channels) < _FEWEST_CHANNELS or pictures * height * width < _FEWEST_PIXELS:
        return 0
    costs = {0: 9.0 * height * width}
    for tile, cost in _COSTS[convolution].items():
        costs[tile] = cost * -(-height // tile) * -(-width // tile)
    return min(costs, key=costs.get)
