"""A checkpoint in MindSpore, on any device that it knows. `src.runtime.device.prepare` must have run."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
from mindspore import Tensor

from src import checkpoint
from src.encoder import ENCODERS
from src.kernels import cells
from src.predictor.network import Network
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.trust import digest
from src.verdict import Judge


def load_checkpoint(path: Path, device: Device, batch_size: int, graph_cache: str = "auto") -> Network:
    """The network of a checkpoint that train.py or src/pthtockpt.py wrote.

    Args:
        device: what computes.
        batch_size: images per call; for another number the graph would be compiled again.
        graph_cache: see the option.

    Raises:
        UserError: the file is missing, damaged, or holds no detector.
    """
    detector, trained = checkpoint.load_detector(path)
    detector.set_train(False)
    cells.install(detector, device.kernels, device.convolution)
    architecture, graphs = detector.architecture, GraphCache.of(graph_cache, device)
    spec = ENCODERS[architecture.backbone]

    # Compiled now: a picture's time shall be the network's.
    zeros = np.zeros((batch_size, 3, architecture.im_resize, architecture.im_resize), np.float32)
    graphs.prepare(detector, Tensor(zeros), shaped_by=asdict(architecture))

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        anomaly_map, score = detector(Tensor(images))
        return anomaly_map.asnumpy(), score.asnumpy()

    good = trained.good_pictures
    return Network(
        run=run,
        category=trained.category,
        size=architecture.im_resize,
        mean=spec.mean,
        std=spec.std,
        batch_size=batch_size,
        any_batch=False,
        judge=Judge.of_test_set(trained.thresholds) if good is None else Judge.of(good),
        good=good,
        thresholds=trained.thresholds,
        bit_depth=trained.bit_depth,
        colour_scale=trained.colour_scale,
        sha256=digest.of_file(path),
    )
