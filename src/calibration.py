"""What a detector's score has to know of good images: how much each feature scale says, and how high a map can be."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache

import numpy as np
from mindspore import Tensor, nn

from src.dataset import AnyImages, batch_at, normalize
from src.detector import Detector
from src.encoder import ENCODERS
from src.runtime.graph_cache import GraphCache
from src.scoring import predict
from src.tiles import TiledPictures, TileImages, tiles_of

LEAST_VARIANCE = 1e-6  # of logarithms; only a map that is everywhere the same has less


def calibrate_score(detector: Detector, images: AnyImages, held_out: bool, batch_size: int, graphs: GraphCache) -> None:
    """Set the constants of the rules of deviation: the scales' weights, and the highest mean of good images' maps.

    Args:
        images: good images [N, H, W, C] uint8, or pictures in tiles.
        held_out: whether they were not trained on. Only then they tell how much a scale says: what a flow was trained
            on, it may know by heart. Otherwise all weights are 1.
        batch_size: images per call of the network.
    """
    if detector.architecture.score == "weighted_log_deviation":
        weigh_scales(detector, images if held_out else None, batch_size, graphs)
    score = detector.image_score
    if score.lowest is None:
        return
    # For the lowest level, the score is how far the map's mean lies above it, whatever map it is of.
    score.level.set_data(Tensor(np.full(1, score.lowest, np.float32)))
    _, scores = predict(detector, images, batch_size)
    score.level.set_data(Tensor(scores.max(keepdims=True) + np.float32(score.lowest)))


class LogEnergies(nn.Cell):
    """Images (B, 3, H, W) -> the logarithm of the energy per scale, (B, H_i, W_i), and behind them, of a network that
    hides, the masks of what is seen, (B, 1, H_i, W_i)."""

    def __init__(self, detector: Detector):
        super().__init__(auto_prefix=False)
        self.detector = detector

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        features = self.detector.encoder(image)
        energies = self.detector.log_energy.of_scales(self.detector.fastflow.latents(*features))
        return energies + features[len(energies) :]


@lru_cache(maxsize=1)
def log_energies(detector: Detector) -> LogEnergies:
    """The cell of a detector, always the same: a graph is compiled for a cell, and a training evaluates often."""
    return LogEnergies(detector).set_train(False)


def weigh_scales(detector: Detector, images: AnyImages | None, batch_size: int, graphs: GraphCache) -> None:
    """Set the weights of the scales' log-energies in the score: inverse to their variance in good images.

    The mean of what says the same is most certain with these weights (W. G. Cochran, Problems Arising in the Analysis
    of a Series of Similar Experiments, 1937). The longer a flow is trained, the more the coarse scales, which have few
    positions and many parameters, know the training images by heart, and the less they tell of others.

    Args:
        images: good images that were not trained on; None: all weights are 1.
    """
    weights = [weight.value for weight in detector.log_energy.weights]
    ones = np.ones(weights[0].shape, np.float32)
    for weight in weights:
        weight.set_data(Tensor(ones))
    if images is None:
        return
    sums = np.zeros((3, len(weights)))  # of the seen positions: how many, and the sums of values and of squares
    for maps, masks in energies_of(detector, images, batch_size, graphs):
        for scale, (values, seen) in enumerate(zip(maps, masks)):
            sums[:, scale] += seen.sum(), (seen * values).sum(), (seen * values**2).sum()
    counts, totals, squares = sums
    inverse = 1 / np.maximum(squares / counts - (totals / counts) ** 2, LEAST_VARIANCE)
    for weight, value in zip(weights, inverse / inverse.mean()):
        weight.set_data(Tensor(ones * np.float32(value)))


def energies_of(
    detector: Detector, images: AnyImages, batch_size: int, graphs: GraphCache
) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Per batch of good images, the log-energies of each scale [n, H_i, W_i], and where they are seen, in float64."""
    if isinstance(images, TiledPictures):
        images = TileImages(tiles_of(images.samples, images.framing, None), images.framing)
    spec, scales = ENCODERS[detector.architecture.backbone], len(detector.architecture.sizes)
    cell = log_energies(detector)
    shape = (batch_size, 3, *detector.architecture.size)
    graphs.prepare(cell, Tensor(np.zeros(shape, np.float32)), shaped_by=asdict(detector.architecture))
    for start in range(0, len(images), batch_size):
        indices, used = batch_at(start, batch_size, len(images))
        found = cell(Tensor(normalize(images[indices], spec.mean, spec.std)))
        arrays = [each.asnumpy()[:used].astype(np.float64) for each in found]
        maps = arrays[:scales]
        masks = [each[:, 0] for each in arrays[scales:]] or [np.ones_like(each) for each in maps]
        yield maps, masks
