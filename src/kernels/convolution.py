"""Which algorithm the kernels compute a 3x3 convolution with: a table, by measurement.

Winograd's filtering computes tiles of the output with fewer multiplications than the direct convolution, and rounds
otherwise. Largest errors over the largest value, against float64, at shapes of ResNet-18 and WideResNet-50-2, in 1e-6:

                              direct       2 x 2 tiles   4 x 4 tiles
    output                    0.3 to 0.4   0.3 to 1.2    0.6 to 1.7
    gradient of the input     0.2          0.3 to 0.6    0.9 to 2.1
    gradient of the weights   0.9 to 3.5   0.5 to 0.9    0.5 to 2.3
"""

from dataclasses import dataclass

DIRECT, WINOGRAD2, WINOGRAD4 = "direct", "winograd2", "winograd4"
_SIZES = {DIRECT: (), WINOGRAD2: (2,), WINOGRAD4: (2, 4)}  # of the output tiles that each choice allows
CONVOLUTIONS = tuple(_SIZES)
DEFAULT = WINOGRAD4  # whole trainings end with the figures of direct convolutions (docs/measurements.md)


@dataclass(frozen=True)
class _Cost:
    """What an algorithm costs per input and output channel, in direct multiplications.

    Attributes:
        products: per tile, of its transformed values.
        transforms: per tile, of an input or output channel: what moves and transforms its values.
        weights: once, whatever the size of the map: reading and transforming the weights.
    """

    products: float
    transforms: float
    weights: float

    def of(self, tiles: int, channels: tuple[int, int]) -> float:
        return tiles * (self.products + sum(self.transforms / count for count in channels)) + self.weights


# Fitted to the processor time of forward and backward passes of flow steps (8 to 1024 channels, 3 to 64 pixels, 1 to 8
# pictures), with AVX-512 and with AVX2, which agree; what it foretells is off by 15 %.
_DIRECTLY = _Cost(9, 0, 230)  # its tiles are pixels
_BY_TILES = {2: _Cost(20, 80, 220), 4: _Cost(58, 430, 330)}
_WORTH_IT = 0.9  # of the direct convolution's cost, for what the table does not know
_PANEL, _BLOCK = 4, 16  # tiles and channels are filled up to a multiple of these
_FEWEST_CHANNELS = 12  # below that the blocks are half empty, and what wins differs from one processor to another


def output_tile(convolution: str, pictures: int, channels: tuple[int, int], height: int, width: int) -> int:
    """The size of Winograd's tiles for a 3x3 convolution with stride 1 and a border of 1 zero; 0: directly.

    By shape, so that it is not slower than the direct convolution.

    Args:
        convolution: one of `CONVOLUTIONS`.
        channels: of input and output.
    """
    if min(channels) < _FEWEST_CHANNELS:
        return 0
    filled = tuple(-(-count // _BLOCK) * _BLOCK for count in channels)
    costs = {0: _WORTH_IT * _DIRECTLY.of(pictures * height * width, filled)}
    for size in _SIZES[convolution]:
        tiles = pictures * -(-height // size) * -(-width // size)
        costs[size] = _BY_TILES[size].of(-(-tiles // _PANEL) * _PANEL, filled)
    return min(costs, key=costs.get)
