"""Whitening: the constants of an encoder's `Centring` and `Whitening`, from the features of good pictures.

A flow begins near the identity. On whitened features its latents are then near a standard normal from the first step
on: it starts as the Gaussian of the good features, and training adds what a Gaussian cannot tell. Without it, most of
a short training goes into scaling channels.
"""

import numpy as np
from mindspore import Tensor

from src.encoder import Centring, Encoder
from src.features import EncodedPictures
from src.report.console import bar

LEAST_VARIANCE = 0.01  # of the mean variance: directions with less than this are noise, and not spread any further
PICTURES = 64  # more say hardly more
DOUBTED = 1  # the mean at a position counts as if so many pictures more had the mean of all positions there


def fit(encoder: Encoder, encoded: EncodedPictures) -> None:
    """Set means and whitening of each scale of an encoder that has none so far, from good images that it encodes.

    All processes of a training must be given the same pictures.
    """
    scales, shapes = len(encoder.whitenings), encoded.shapes()
    moments = [Moments(*shape) for shape in shapes[:scales]]
    for _, arrays in encoded.every(lambda starts: bar(starts, "whitening")):
        for moment, features, masks in zip(moments, arrays[:scales], arrays[scales:] or [None] * scales):
            moment.add(features, masks)
    for moment, centring, cell in zip(moments, encoder.centrings, encoder.whitenings):
        if isinstance(centring, Centring):
            means, covariance = moment.position_means_and_covariance()
            centring.mean.set_data(Tensor(means[None].astype(np.float32)))
            mean = np.zeros(len(covariance))
        else:
            mean, covariance = moment.mean_and_covariance()
        matrix, offset = whitening_matrix(mean, covariance)
        cell.weight.set_data(Tensor(matrix[:, :, None, None].astype(np.float32)))
        cell.bias.set_data(Tensor(offset.astype(np.float32)))


class Moments:
    """Means and covariance of features (C, H, W) over all that are added, where they are seen, in float64."""

    def __init__(self, channels: int, height: int, width: int):
        self.shape = (channels, height, width)
        self.counts = np.zeros(height * width)  # how often each position was seen
        self.sums, self.products = np.zeros((channels, height * width)), np.zeros((channels, channels))

    def add(self, features: np.ndarray, masks: np.ndarray | None = None) -> None:
        """Features (B, C, H, W), and their masks (B, 1, H, W), 1 where they are seen (see `src.visible`); None:
        everywhere."""
        values = features.reshape(*features.shape[:2], -1).astype(np.float64)
        weights = np.ones((len(values), 1, 1)) if masks is None else masks.reshape(len(masks), 1, -1)
        values *= weights
        self.counts += weights.sum((0, 1))
        self.sums += values.sum(0)
        for each in values:
            self.products += each @ each.T

    def mean_and_covariance(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean (C,) over all positions, and the covariance (C, C) around it."""
        mean = self.sums.sum(1) / self.counts.sum()
        return mean, self.products / self.counts.sum() - np.outer(mean, mean)

    def position_means_and_covariance(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean at each position, (C, H, W), and the covariance (C, C) around it.

        So a product that always lies alike is compared with itself, place by place (as PaDiM does, arXiv 2011.08785),
        and what the picture's border does to features counts as usual. Of few pictures the means are uncertain: they
        are drawn to the mean of all positions, as if `DOUBTED` more pictures had shown that; where nothing was seen,
        they are that mean.
        """
        mean = self.sums.sum(1, keepdims=True) / self.counts.sum()
        positions = np.where(self.counts > 0, self.sums / np.maximum(self.counts, 1), mean)
        drawn = mean + self.counts / (self.counts + DOUBTED) * (positions - mean)
        both = self.counts * (positions - drawn) @ drawn.T  # E[(x - m)(x - m)'] = E[x x'] - E[x] m' - m E[x]' + m m'
        shared = both + both.T + self.counts * drawn @ drawn.T
        return drawn.reshape(self.shape), (self.products - shared) / self.counts.sum()


def whitening_matrix(mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrix W (C, C) and the offset b (C,) for which W x + b has mean 0 and covariance 1.

    W is the symmetric one, the inverse root of the covariance, which changes the features least (A. Kessy et al.,
    Optimal Whitening and Decorrelation, 2018). Variances below `LEAST_VARIANCE` of their mean count as that.
    """
    variances, directions = np.linalg.eigh(covariance)
    variances = np.maximum(variances, LEAST_VARIANCE * variances.mean())
    matrix = directions / np.sqrt(variances) @ directions.T
    return matrix, -matrix @ mean
