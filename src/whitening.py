"""Whitening: the constants of an encoder's `Whitening`, from the features of good pictures.

A flow begins near the identity. On whitened features its latents are then near a standard normal from the first step
on: it starts as the Gaussian of the good features, and training adds what a Gaussian cannot tell. Without it, most of
a short training goes into scaling channels.
"""

from itertools import zip_longest

import numpy as np
from mindspore import Tensor

from src.encoder import Encoder
from src.features import ENCODE_BATCH, EncodedPictures
from src.report.console import bar

LEAST_VARIANCE = 0.01  # of the mean variance: directions with less than this are noise, and not spread any further
PICTURES = 64  # more say hardly more


def fit(encoder: Encoder, images: np.ndarray, backbone: str) -> None:
    """Set the whitening of each scale from good images [N, H, W, C] uint8, for an encoder that has none so far.

    All processes of a training must be given the same images.
    """
    encoded, count = EncodedPictures(encoder, images, backbone), len(images)
    scales = len(encoder.whitenings)
    moments = [Moments(channels) for channels, _, _ in encoded.shapes()[:scales]]
    size = min(ENCODE_BATCH, count)
    for start in bar(range(0, count, size), "whitening"):
        indices = np.minimum(np.arange(start, start + size), count - 1)  # one batch size, one graph
        arrays = [feature.asnumpy()[: count - start] for feature in encoded.batch(indices)]
        for moment, feature, mask in zip_longest(moments, arrays[:scales], arrays[scales:]):
            moment.add(feature, mask)
    for moment, cell in zip(moments, encoder.whitenings):
        matrix, offset = whitening_matrix(*moment.mean_and_covariance())
        cell.weight.set_data(Tensor(matrix[:, :, None, None].astype(np.float32)))
        cell.bias.set_data(Tensor(offset.astype(np.float32)))


class Moments:
    """Mean and covariance of the channels, over all positions of all features that are added, in float64."""

    def __init__(self, channels: int):
        self.count, self.sum, self.products = 0, np.zeros(channels), np.zeros((channels, channels))

    def add(self, features: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Features (B, C, H, W); with a mask (B, 1, H, W), those where it is not 0."""
        values = features.transpose(1, 0, 2, 3).reshape(features.shape[1], -1)
        values = (values if mask is None else values[:, mask.ravel() > 0]).astype(np.float64)
        self.count += values.shape[1]
        self.sum += values.sum(1)
        self.products += values @ values.T

    def mean_and_covariance(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean (C,) and the covariance (C, C)."""
        mean = self.sum / self.count
        return mean, self.products / self.count - np.outer(mean, mean)


def whitening_matrix(mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrix W (C, C) and the offset b (C,) for which W x + b has mean 0 and covariance 1.

    W is the symmetric one, the inverse root of the covariance, which changes the features least (A. Kessy et al.,
    Optimal Whitening and Decorrelation, 2018). Variances below `LEAST_VARIANCE` of their mean count as that.
    """
    variances, directions = np.linalg.eigh(covariance)
    variances = np.maximum(variances, LEAST_VARIANCE * variances.mean())
    matrix = directions / np.sqrt(variances) @ directions.T
    return matrix, -matrix @ mean
