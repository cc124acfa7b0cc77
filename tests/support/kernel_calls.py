"""Calls of the CPU kernels without MindSpore, on tensors between pages that nobody may touch.

As a program it computes flow steps whose coupling only adds, so that their gradients are those of two convolutions, and
a step of Adam: `python -m tests.support.kernel_calls LIBRARY errors|digests`. It prints JSON: for each case and tile,
and for Adam, the largest error of every output over its largest value, against float64; or a digest of all outputs.
"""

import ctypes
import hashlib
import json
import mmap
import sys
from pathlib import Path

import numpy as np

TILES = (0, 2, 4)  # directly, and by Winograd's tiles
CASES = {
    # name: pictures, channels, hidden channels, height, width
    "whole tiles and blocks": (2, 64, 32, 16, 16),
    "odd edges": (3, 64, 64, 13, 10),
    "channels that fill no vector": (2, 25, 19, 9, 11),
    "few channels": (1, 6, 3, 8, 8),
    "one channel": (1, 2, 1, 6, 5),
    "one pixel": (2, 32, 32, 1, 1),
    "one row": (1, 48, 40, 1, 17),
    "one column": (1, 48, 40, 23, 1),
    "an odd number of blocks": (1, 160, 48, 8, 12),
    "several chunks of tiles": (2, 32, 32, 43, 65),
    "large weights": (1, 512, 256, 8, 8),
}
_PAGE, _NO_ACCESS = mmap.PAGESIZE, 0  # PROT_NONE
_LIBC = ctypes.CDLL(None, use_errno=True)


class Guarded:
    """An array between two pages that cannot be touched; it ends at the second, or begins after the first."""

    def __init__(self, shape, dtype, at_end):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        pages = -(-size // _PAGE)
        self.memory = mmap.mmap(-1, (pages + 2) * _PAGE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        for page in (0, pages + 1):
            address = ctypes.c_void_p(self.start + page * _PAGE)
            if _LIBC.mprotect(address, ctypes.c_size_t(_PAGE), _NO_ACCESS):
                raise OSError(ctypes.get_errno(), "mprotect")
        offset = _PAGE + (pages * _PAGE - size if at_end else 0)
        self.array = np.frombuffer(self.memory, dtype, size // np.dtype(dtype).itemsize, offset).reshape(shape)
        self.address = self.start + offset


def call(kernel, inputs, outputs, at_end=True, changed=False):
    """Call a kernel on arrays; `outputs` are the shapes of its results.

    Returns:
        The results, or, for a kernel that has `changed` its inputs, these.
    """
    tensors = []
    for values in inputs:
        tensors.append(Guarded(values.shape, values.dtype, at_end))
        tensors[-1].array[...] = values
    results = [Guarded(shape, np.float32, at_end) for shape in outputs]
    for result in results:
        result.array[...] = np.nan
    given = list(tensors)
    tensors += results
    shapes = [(ctypes.c_int64 * t.array.ndim)(*t.array.shape) for t in tensors]
    count = len(tensors)
    status = kernel(
        count,
        (ctypes.c_void_p * count)(*(t.address for t in tensors)),
        (ctypes.c_int * count)(*(t.array.ndim for t in tensors)),
        (ctypes.c_void_p * count)(*(ctypes.addressof(shape) for shape in shapes)),
        None,
        None,
        None,
    )
    if status != 0:
        raise RuntimeError("the kernel failed")
    return [tensor.array.copy() for tensor in (given if changed else results)]


def drawn(case):
    """The inputs of a flow step by name, with the gradient of its output.

    The first convolution's bias is so far from 0 that rounding cannot change which hidden values the ReLU passes.
    """
    pictures, channels, hidden, height, width = case
    kept, changed = channels - channels // 2, channels // 2
    rng = np.random.default_rng(7)

    def normal(*shape, factor=1.0):
        return (rng.standard_normal(shape) * factor).astype(np.float32)

    return {
        "x": normal(pictures, channels, height, width),
        "weight1": normal(hidden, kept, 3, 3, factor=(9 * kept) ** -0.5),
        "bias1": np.where(np.arange(hidden) % 3 == 1, -7, 7).astype(np.float32),
        "weight2": normal(2 * changed, hidden, 3, 3, factor=(9 * hidden) ** -0.5),
        "bias2": normal(2 * changed),
        "gradient": normal(pictures, channels, height, width),
    }


def step(library, case, tile, at_end=True):
    """Outputs and gradients of a flow step by name: its output is x, and to the changed half a_t is added."""
    values = drawn(case)
    pictures, channels, hidden, height, width = case
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    permutation = np.arange(channels, dtype=np.int32)
    constants, tiles = np.array([0, 1, 1], np.float32), np.array([tile, tile], np.int32)  # exp(0 tanh(a)) and 1 a_t
    x, weight1, weight2 = values["x"], values["weight1"], values["weight2"]
    hidden_size = pictures * -(-hidden // 16) * 16 * height * width
    out, sums, hidden_map, a = call(
        library.FlowStepForward,
        [x, weight1, values["bias1"], weight2, values["bias2"], ones, zeros, permutation, constants, tiles],
        [x.shape, [pictures], [hidden_size], [pictures, weight2.shape[0], height, width]],
        at_end,
    )
    gradient = values["gradient"]
    given = [x, weight1, weight2, ones, permutation, constants, tiles, hidden_map, a, gradient, np.zeros_like(sums)]
    shapes = [x.shape, weight1.shape, [hidden], weight2.shape, [weight2.shape[0]], [channels], [channels]]
    gradients = call(library.FlowStepBackward, given, shapes, at_end)
    names = ("x", "weight1", "bias1", "weight2", "bias2", "scale", "offset")
    return {"output": out, "a": a} | {f"gradient of {name}": g for name, g in zip(names, gradients)}


def taps(x):
    """(B, C, H, W) with a border of zeros -> for each of the 9 taps of a filter the values that it sees."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = x.shape[2:]
    return [[padded[:, :, i : i + height, j : j + width] for j in range(3)] for i in range(3)]


def convolved(x, weight):
    """A 3x3 convolution in float64."""
    seen = taps(x)
    return sum(
        np.einsum("oc,bchw->bohw", weight[:, :, i, j], seen[i][j], optimize=True) for i in range(3) for j in range(3)
    )


def weight_gradient(x, gradient):
    """Of a 3x3 convolution in float64."""
    rows = [[np.einsum("bohw,bchw->oc", gradient, tap, optimize=True) for tap in row] for row in taps(x)]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def expected(case):
    """What `step` computes, in float64."""
    values = {name: array.astype(np.float64) for name, array in drawn(case).items()}
    x, gradient, weight1, weight2 = (values[name] for name in ("x", "gradient", "weight1", "weight2"))
    changed = x.shape[1] // 2
    x1, x2 = np.split(x, [x.shape[1] - changed], 1)
    dy1, dy2 = np.split(gradient, [x.shape[1] - changed], 1)
    hidden = np.maximum(convolved(x1, weight1) + values["bias1"].reshape(1, -1, 1, 1), 0)
    a = convolved(hidden, weight2) + values["bias2"].reshape(1, -1, 1, 1)
    y = np.concatenate((x1, x2 + a[:, changed:]), 1)
    da = np.concatenate((np.zeros_like(dy2), dy2), 1)
    dhidden = convolved(da, weight2.swapaxes(0, 1)[:, :, ::-1, ::-1]) * (hidden > 0)
    dx1 = dy1 + convolved(dhidden, weight1.swapaxes(0, 1)[:, :, ::-1, ::-1])
    return {
        "output": y,
        "a": a,
        "gradient of x": np.concatenate((dx1, dy2), 1),
        "gradient of weight1": weight_gradient(x1, dhidden),
        "gradient of bias1": dhidden.sum((0, 2, 3)),
        "gradient of weight2": weight_gradient(hidden, da),
        "gradient of bias2": da.sum((0, 2, 3)),
        "gradient of scale": (gradient * y).sum((0, 2, 3)),
        "gradient of offset": gradient.sum((0, 2, 3)),
    }


def error(found, right):
    """The largest error over the largest value; infinite where a value is missing."""
    difference = np.abs(found - right).max() / max(np.abs(right).max(), 1e-30)
    return float(difference) if np.isfinite(difference) else float("inf")


ADAM_SIZES = (1, 15, 16, 17, 100, 3 * 2**14 + 5)
ADAM_NUMBERS = {"rate": 1e-3, "power1": 0.9**3, "power2": 0.999**3, "averaging": 0.1}
ADAM_CONSTANTS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 1e-2}
ADAM_KINDS = ("weight", "first moment", "second moment", "gradient", "average")


def adam_tensors():
    """Of each kind, a tensor of each size."""
    rng = np.random.default_rng(5)
    drawn = {kind: [rng.standard_normal(size) for size in ADAM_SIZES] for kind in ADAM_KINDS}
    drawn["second moment"] = [values**2 for values in drawn["second moment"]]
    return {kind: [values.astype(np.float32) for values in tensors] for kind, tensors in drawn.items()}


def adam(library, averages, at_end=True):
    """All tensors of a kind after a step of Adam, joined, by name."""
    kinds = ADAM_KINDS if averages else ADAM_KINDS[:-1]
    tensors = [values for kind in kinds for values in adam_tensors()[kind]]
    numbers = [np.array(number, np.float32) for number in ADAM_NUMBERS.values()]
    *constants, decay = ADAM_CONSTANTS.values()
    numbers += [np.array(constants, np.float32), np.full(len(ADAM_SIZES), decay, np.float32)]
    after = call(library.AdamStep, numbers + tensors, [[1]], at_end, changed=True)[len(numbers) :]
    count = len(ADAM_SIZES)
    return {kind: np.concatenate(after[i * count : (i + 1) * count]) for i, kind in enumerate(kinds)}


def expected_adam():
    """What `adam` gives, in float64."""
    w, m, v, g, a = (np.concatenate(adam_tensors()[kind]).astype(np.float64) for kind in ADAM_KINDS)
    (rate, power1, power2, averaging), (beta1, beta2, epsilon, decay) = ADAM_NUMBERS.values(), ADAM_CONSTANTS.values()
    whole = g + decay * w
    m, v = beta1 * m + (1 - beta1) * whole, beta2 * v + (1 - beta2) * whole**2
    w = w - rate * np.sqrt(1 - power2) / (1 - power1) * m / (np.sqrt(v) + epsilon)
    return dict(zip(ADAM_KINDS, (w, m, v, g, a + averaging * (w - a))))


def adam_report(library, kind):
    """Of two steps of Adam, without averages and with them, what `report` says of a case."""
    found = [adam(library, averages) for averages in (False, True)]
    if kind == "errors":
        right = expected_adam()
        return {name: max(error(each[name], right[name]) for each in found if name in each) for name in ADAM_KINDS}
    found += [adam(library, averages, at_end=False) for averages in (False, True)]
    return [hashlib.sha256(array.tobytes()).hexdigest() for each in found for array in each.values()]


def report(library, kind, cases, computed, expected):
    """Of every case and tile, what the outputs' errors are, or (`kind` "digests") what bytes they have.

    Args:
        computed: (library, case, tile, at_end) -> outputs by name.
        expected: case -> the same in float64.
    """
    result = {}
    for name, case in cases.items():
        right = expected(case) if kind == "errors" else None
        for tile in TILES:
            found = computed(library, case, tile)
            if kind == "errors":
                result[f"{name}, {tile}"] = {output: error(found[output], value) for output, value in right.items()}
            else:
                arrays = [*found.values(), *computed(library, case, tile, at_end=False).values()]
                result[f"{name}, {tile}"] = [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays]
    return result


def run(calls):
    """A program of tests: what `calls(library, kind)` says, printed as JSON."""
    print(json.dumps(calls(ctypes.CDLL(str(Path(sys.argv[1]).absolute())), sys.argv[2])))


if __name__ == "__main__":
    run(lambda library, kind: {"Adam": adam_report(library, kind), **report(library, kind, CASES, step, expected)})
