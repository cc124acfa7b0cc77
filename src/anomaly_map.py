"""Latents -> anomaly map and image score, inside the graph: the one implementation for eval, export and the 310."""

import numpy as np
from mindspore import Tensor, nn, ops


def bilinear_matrix(size_in: int, size_out: int) -> np.ndarray:
    """The matrix M, (size_out, size_in) float32, for which M @ v resizes v bilinearly (half-pixel centres).

    As torch's `interpolate(mode="bilinear", align_corners=False)`; each row sums to 1.
    """
    centres = np.clip((np.arange(size_out) + 0.5) * size_in / size_out - 0.5, 0, size_in - 1)
    low = np.floor(centres).astype(int)
    high = np.minimum(low + 1, size_in - 1)
    matrix = np.zeros((size_out, size_in))
    rows = np.arange(size_out)
    np.add.at(matrix, (rows, low), 1 - (centres - low))
    np.add.at(matrix, (rows, high), centres - low)
    return matrix.astype(np.float32)


class AnomalyMap(nn.Cell):
    """Latents (B, C_i, H_i, W_i) -> map (B, 1, S, S) in -1..0, higher where a defect is likelier.

    Per scale `-exp(-0.5 * mean_c(z^2))`, upsampled, then the mean over the scales (FastFlow's likelihood map as
    gathierry/FastFlow and anomalib write it). Bilinear upsampling is two constant matrix products, which export
    everywhere and agree with torch's within 1e-6.

    Args:
        sizes: height (= width) of each scale's map.
        im_resize: S.
    """

    def __init__(self, sizes: tuple[int, ...], im_resize: int):
        super().__init__()
        self.rows = [Tensor(bilinear_matrix(size, im_resize)) for size in sizes]
        self.columns = [Tensor(bilinear_matrix(size, im_resize).T.copy()) for size in sizes]

    def construct(self, latents: tuple[Tensor, ...]) -> Tensor:
        total = 0
        for z, rows, columns in zip(latents, self.rows, self.columns):
            likelihood = -ops.exp(-0.5 * (z * z).mean(1, keep_dims=True))
            total += ops.matmul(rows, ops.matmul(likelihood, columns))
        return total / len(self.rows)


def image_score(anomaly_map: Tensor) -> Tensor:
    """Map (B, 1, S, S) -> the picture's score, its maximum, (B,)."""
    return anomaly_map.max((1, 2, 3))
