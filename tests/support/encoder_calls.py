"""As `tests.support.kernel_calls`, calls of the encoder's operations: a convolution to a blocked map; on that another
one, which adds the map and is cut off at 6; a depthwise one back to a plain map; the maxima and the plain and the
standardised values of the second.
"""

from functools import partial

import numpy as np

from tests.support.kernel_calls import call, convolved, report, run

CASES = {
    # name: pictures, channels of the input, channels, height, width
    "an image": (2, 3, 64, 16, 24),
    "whole tiles and blocks": (1, 32, 48, 8, 8),
    "channels that fill no vector": (2, 19, 25, 6, 10),
    "one channel": (1, 1, 1, 4, 2),
    "large weights": (1, 256, 256, 4, 4),
}
OUTPUTS = ("depthwise", "maxima", "plain", "standardised")
NOTHING, RELU, RELU6 = range(3)
_EPSILON = 1e-5


def drawn(case):
    """The input, and weights and biases of the three convolutions, by name; the output is cut off at 0 and at 6."""
    pictures, inputs, channels, height, width = case
    rng = np.random.default_rng(7)

    def normal(*shape, factor=1.0):
        return (rng.standard_normal(shape) * factor).astype(np.float32)

    return {
        "x": normal(pictures, inputs, height, width),
        "weight1": normal(channels, inputs, 3, 3, factor=(9 * inputs) ** -0.5),
        "bias1": normal(channels),
        "weight2": normal(channels, channels, 3, 3, factor=3 * (9 * channels) ** -0.5),
        "bias2": normal(channels) + 2,
        "weight3": normal(channels, 1, 5, 5, factor=0.2),
        "bias3": normal(channels),
    }


def computed(library, case, tile, at_end=True):
    """What the operations give, by the names of `OUTPUTS`."""
    values = drawn(case)
    pictures, _, channels, height, width = case
    blocks = -(-channels // 16)
    plain, blocked = [pictures, channels, height, width], [pictures, blocks, height, width, 16]
    nothing = np.zeros(1, np.float32)

    def convolve(x, number, added, groups, padding, tile, activation, shape):
        geometry = np.array([1, groups, padding, tile, activation], np.int32)
        given = [x, values[f"weight{number}"], values[f"bias{number}"], added, geometry]
        return call(library.EncoderConvolution, given, [shape], at_end)[0]

    first = convolve(values["x"], 1, nothing, 1, 1, tile, RELU, blocked)
    second = convolve(first, 2, first, 1, 1, tile, RELU6, blocked)
    depthwise = convolve(second, 3, nothing, channels, 2, 0, NOTHING, plain)
    pool = [second, np.array([channels, 3, 2, 1], np.int32)]
    maxima = call(library.EncoderMaxPool, pool, [[pictures, blocks, height // 2, width // 2, 16]], at_end)
    outputs = (
        depthwise,
        call(library.PlainFeature, maxima, [[pictures, channels, height // 2, width // 2]], at_end)[0],
        call(library.PlainFeature, [second], [plain], at_end)[0],
        call(library.StandardizedFeature, [second, np.array([_EPSILON], np.float32)], [plain], at_end)[0],
    )
    return dict(zip(OUTPUTS, outputs))


def windows(x, size, stride):
    """(B, C, H, W) -> (B, C, H / stride, W / stride, size * size): what windows see, zeros around the map."""
    padded = np.pad(x, ((0, 0), (0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (size, size), (2, 3))[:, :, ::stride, ::stride]
    return seen.reshape(*seen.shape[:4], -1)


def expected(case):
    """What `computed` gives, in float64."""
    values = {name: array.astype(np.float64) for name, array in drawn(case).items()}
    bias1, bias2, bias3 = (values[f"bias{number}"].reshape(1, -1, 1, 1) for number in (1, 2, 3))
    first = np.maximum(convolved(values["x"], values["weight1"]) + bias1, 0)
    second = np.clip(convolved(first, values["weight2"]) + bias2 + first, 0, 6)
    filters = values["weight3"].reshape(1, -1, 1, 1, 25)
    mean, variance = (of(second, (1, 2, 3), keepdims=True) for of in (np.mean, np.var))
    outputs = (
        (windows(second, 5, 1) * filters).sum(-1) + bias3,
        windows(second, 3, 2).max(-1),
        second,
        (second - mean) / np.sqrt(variance + _EPSILON),
    )
    return dict(zip(OUTPUTS, outputs))


if __name__ == "__main__":
    run(partial(report, cases=CASES, computed=computed, expected=expected))
