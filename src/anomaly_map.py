"""From latents to the anomaly map and the image score.

They are part of the network's graph, so that evaluation, exported files and the Ascend 310 share one implementation.
"""

import numpy as np
from mindspore import Tensor, nn, ops


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


class AnomalyMap(nn.Cell):
    """Latents (B, C_i, H_i, W_i) -> anomaly map (B, 1, S, S) in -1..0, higher where a defect is likelier.

    Each feature scale gives the map `-exp(-0.5 * mean_c(z^2))`. The maps are upsampled bilinearly to S x S, and the
    anomaly map is their mean: FastFlow's likelihood map as gathierry/FastFlow and anomalib write it. The upsampling is
    two products with constant matrices, which every runtime can compute, old ones included; it agrees with PyTorch's
    within 1e-6.

    Args:
        sizes: height (= width) of each scale's latent.
        im_resize: S, height and width of the network's input in pixels.
    """

    def __init__(self, sizes: tuple[int, ...], im_resize: int):
        super().__init__()
        self.size = im_resize
        self.matrices = [Tensor(bilinear_matrix(size, im_resize).T.copy()) for size in sizes]  # each (size, S)

    def construct(self, latents: tuple[Tensor, ...]) -> Tensor:
        total = 0
        for z, matrix in zip(latents, self.matrices):
            likelihood = -ops.exp(-0.5 * (z * z).mean(1))  # (B, H, W)
            wide = self.upsample(likelihood, matrix)  # (B, S, H): widened and transposed
            total = total + self.upsample(
                wide, matrix
            )  # not +=, which is exported as a change in place that old runtimes lack
        return ops.expand_dims(total / len(self.matrices), 1)

    def upsample(self, x: Tensor, matrix: Tensor) -> Tensor:
        """x (B, H, W) times the matrix (W, S), and the last two axes exchanged: (B, S, H)."""
        batch, height, width = x.shape
        product = ops.matmul(x.reshape(batch * height, width), matrix)
        return product.reshape(batch, height, self.size).transpose(0, 2, 1)


def image_score(anomaly_map: Tensor) -> Tensor:
    """Anomaly map (B, 1, S, S) -> the score of each image, which is its map's maximum, (B,)."""
    return anomaly_map.max((1, 2, 3))
