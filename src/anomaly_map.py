"""From latents to the anomaly map and the image score.

They are part of the network's graph, so that evaluation, exported files and the Ascend 310 share one implementation.
"""

from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.option import Size, sides

# By score rule a level that lies below the mean of every map by more than the map's standard deviation can be.
LOWEST = {  # of maps in -1..0, and of logarithms of SMALLEST_ENERGY and more
    "deviation": -2.0,
    "log_deviation": -64.0,
    "weighted_log_deviation": -64.0,
}
SMALLEST_ENERGY = 1e-12  # keeps the logarithm finite where a picture is, exactly, what the flow knows best


def bilinear_matrix(size_in: int, size_out: int) -> np.ndarray:
    """The matrix M, float32 (size_out, size_in), for which M @ v is the vector v resized bilinearly.

    Sampling points are the pixels' centres, as in PyTorch's `interpolate(mode="bilinear", align_corners=False)`. Each
    row sums to 1.
    """
    centres = np.clip((np.arange(size_out) + 0.5) * size_in / size_out - 0.5, 0, size_in - 1)
    low = np.floor(centres).astype(int)
    high = np.minimum(low + 1, size_in - 1)
    matrix = np.zeros((size_out, size_in))
    rows = np.arange(size_out)
    np.add.at(matrix, (rows, low), 1 - (centres - low))
    np.add.at(matrix, (rows, high), centres - low)
    return matrix.astype(np.float32)


def gaussian_matrix(size: int, sigma: float) -> np.ndarray:
    """The matrix that smooths a vector with a Gaussian, float32 (size, size); each row sums to 1.

    At the borders the vector is continued by its mirror image, as `scipy.ndimage.gaussian_filter` does by default.
    """
    if sigma == 0:
        return np.eye(size, dtype=np.float32)
    reach = int(4 * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    matrix = np.zeros((size, size))
    for offset, weight in zip(offsets, weights):
        place = (np.arange(size) + offset) % (2 * size)
        np.add.at(matrix, (np.arange(size), np.minimum(place, 2 * size - 1 - place)), weight)
    return matrix.astype(np.float32)


class MeanOverScales(nn.Cell):
    """A map per feature scale, (B, H_i, W_i) -> their mean (B, 1, H, W), upsampled bilinearly to H x W.

    The upsampling is two products with constant matrices, which every runtime can compute, old ones included; it agrees
    with PyTorch's within 1e-6. Smoothing is part of these matrices, so it costs nothing.

    Args:
        sizes: height and width of each scale's map, or one number for both.
        size: H and W, or one number.
        sigma: of the Gaussian that smooths the mean, in its pixels; 0: none.
    """

    def __init__(self, sizes: Sequence[Size], size: Size, sigma: float = 0.0):
        super().__init__()
        known = {}  # equal matrices are one constant of the graph

        def matrix(size_in: int, size_out: int) -> Tensor:
            if (size_in, size_out) not in known:
                product = bilinear_matrix(size_in, size_out)
                if sigma > 0:
                    product = gaussian_matrix(size_out, sigma) @ product
                known[size_in, size_out] = Tensor(product.T.copy())
            return known[size_in, size_out]

        (height, width), pairs = sides(size), [sides(each) for each in sizes]
        self.rows, self.columns = [matrix(h, height) for h, _ in pairs], [matrix(w, width) for _, w in pairs]

    def construct(self, maps: tuple[Tensor, ...]) -> Tensor:
        total = 0
        for x, rows, columns in zip(maps, self.rows, self.columns):
            # Not +=, which is exported as a change in place that old runtimes lack.
            total = total + self.upsample(x, rows, columns)
        return ops.expand_dims(total / len(self.rows), 1)

    def upsample(self, x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """x (B, H_i, W_i) at H x W, by the matrices (H_i, H) and (W_i, W): (B, H, W)."""
        return self.along_last_axis(self.along_last_axis(x, columns), rows)

    def along_last_axis(self, x: Tensor, matrix: Tensor) -> Tensor:
        """x (B, H, W) times the matrix (W, S), and the last two axes exchanged: (B, S, H)."""
        batch, height, width = x.shape
        product = ops.matmul(x.reshape(batch * height, width), matrix)
        return product.reshape(batch, height, matrix.shape[1]).transpose(0, 2, 1)


class AnomalyMap(nn.Cell):
    """Latents (B, C_i, H_i, W_i) -> anomaly map (B, 1, H, W) in -1..0, higher where a defect is likelier.

    Each feature scale gives the map `-exp(-0.5 * temperature * mean_c(z^2))`, and the anomaly map is their mean: with a
    temperature of 1, FastFlow's likelihood map as gathierry/FastFlow and anomalib write it.

    Args:
        sizes: height and width of each scale's latent, or one number for both.
        size: H and W of the network's input in pixels, or one number.
        sigma: of the Gaussian that smooths the map, in its pixels; 0: none.
        temperature: above 1, weaker anomalies stand out more and strong ones alike.
    """

    def __init__(self, sizes: Sequence[Size], size: Size, sigma: float = 0.0, temperature: float = 1.0):
        super().__init__()
        self.factor = -0.5 * temperature
        self.mean = MeanOverScales(sizes, size, sigma)

    def construct(self, latents: tuple[Tensor, ...]) -> Tensor:
        return self.mean(self.of_scales(latents))

    def of_scales(self, latents: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The map of each scale, (B, H_i, W_i)."""
        likelihoods = ()
        for z in latents:
            likelihoods += (-ops.exp(self.factor * (z * z).mean(1)),)
        return likelihoods


class Weight(nn.Cell):
    """A map (B, H, W) times a constant, 1 until `src.calibration` chooses it."""

    def __init__(self):
        super().__init__()
        self.value = Parameter(Tensor(np.ones((1, 1, 1), np.float32)), requires_grad=False)

    def construct(self, x: Tensor) -> Tensor:
        return x * self.value


class LogEnergy(nn.Cell):
    """Latents (B, C_i, H_i, W_i) -> the mean over scales of log(mean_c(z^2)), (B, 1, H_0, W_0): the first scale's size.

    A map for scores. Unlike the anomaly map it does not saturate where all of an image is unusual, and what makes the
    energy of a whole image larger by a factor, such as another exposure, moves its level and not its deviation.

    Args:
        sizes: height and width of each scale's latent, or one number for both.
        weighted: whether each scale has a `Weight`; their mean is to be 1.
    """

    def __init__(self, sizes: Sequence[Size], weighted: bool = False):
        super().__init__()
        self.mean = MeanOverScales(sizes, sizes[0])
        self.weights = nn.CellList([Weight() if weighted else nn.Identity() for _ in sizes])

    def construct(self, latents: tuple[Tensor, ...]) -> Tensor:
        return self.mean(self.of_scales(latents))

    def of_scales(self, latents: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The weighted map of each scale, (B, H_i, W_i)."""
        energies = ()
        for z, weight in zip(latents, self.weights):
            energies += (weight(ops.log((z * z).mean(1) + SMALLEST_ENERGY)),)
        return energies


class ImageScore(nn.Cell):
    """A map (B, 1, H, W) -> the score of each image, (B,).

    Args:
        rule: "maximum": the map's maximum. "deviation", and the others of another map: the standard deviation of the
            map or, if that is more, how far its mean lies above `level`, the highest mean that the map of a good image
            has. The standard deviation ranks images better where the maps of good ones differ in level (UniAD, arXiv
            2206.03687, compares such rules); alone, it would call an image good that is wrong everywhere, because its
            map is high but flat.
    """

    def __init__(self, rule: str = "maximum"):
        super().__init__()
        self.rule = rule
        # Until good images are known, a level below every map's mean: no image counts as good for a flat map.
        self.lowest = LOWEST.get(rule)
        if self.lowest is not None:
            self.level = Parameter(Tensor(np.full(1, self.lowest, np.float32)), requires_grad=False)

    def construct(self, x: Tensor) -> Tensor:
        if self.rule == "maximum":
            return x.max((1, 2, 3))
        mean = x.mean((1, 2, 3), keep_dims=True)
        variance = ops.square(x - mean).mean((1, 2, 3))
        return ops.maximum(ops.sqrt(variance), mean.reshape(-1) - self.level)
