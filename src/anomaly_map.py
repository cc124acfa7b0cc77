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
    gathierry/FastFlow and anomalib write it). Bilinear upsampling is two constant matrix products, of plain matrices:
    these export everywhere, old runtimes included, and agree with torch's within 1e-6.

    Args:
        sizes: height (= width) of each scale's map.
        im_resize: S.
    """

    def __init__(self, sizes: tuple[int, ...], im_resize: int):
        super().__init__()
        self.size = im_resize
        self.matrices = [Tensor(bilinear_matrix(size, im_resize).T.copy()) for size in sizes]  # (size, S)

    def construct(self, latents: tuple[Tensor, ...]) -> Tensor:
        total = 0
        for z, matrix in zip(latents, self.matrices):
            likelihood = -ops.exp(-0.5 * (z * z).mean(1))  # (B, H, W)
            wide = self.upsample(likelihood, matrix)  # (B, S, H): columns done, and turned to be the rows
            total = total + self.upsample(wide, matrix)  # not +=, which does not export
        return ops.expand_dims(total / len(self.matrices), 1)

    def upsample(self, x: Tensor, matrix: Tensor) -> Tensor:
        """(B, H, W) times (W, S), transposed: (B, S, H)."""
        batch, height, width = x.shape
        product = ops.matmul(x.reshape(batch * height, width), matrix)
        return product.reshape(batch, height, self.size).transpose(0, 2, 1)


def image_score(anomaly_map: Tensor) -> Tensor:
    """Map (B, 1, S, S) -> the picture's score, its maximum, (B,)."""
    return anomaly_map.max((1, 2, 3))
