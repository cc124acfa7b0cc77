"""The detector over images: their maps and scores, and who judges pictures by them."""

from dataclasses import asdict
from functools import partial

import numpy as np
from mindspore import Tensor

from src.config import Options
from src.data.framing import Framing
from src.dataset import AnyImages
from src.detector import Detector
from src.encoder import ENCODERS
from src.judging import choose_judge
from src.metadata import Metadata
from src.predictor.network import Run, run_in_batches
from src.report.console import bar
from src.runtime.graph_cache import GraphCache
from src.verdict import Judge


def run_of(detector: Detector) -> Run:
    """The detector as a function of normalised images, for inference."""
    detector.set_train(False)

    def run(batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        anomaly_map, score = detector(Tensor(batch))
        return anomaly_map.asnumpy(), score.asnumpy()

    return run


def compile_graph(detector: Detector, batch_size: int, graphs: GraphCache) -> None:
    """Compile the detector's graph for batches of this size, or load it from an earlier run.

    Before pictures are timed: their time shall be the network's.
    """
    detector.set_train(False)
    batch = Tensor(np.zeros((batch_size, 3, *detector.architecture.size), np.float32))
    graphs.prepare(detector, batch, shaped_by=asdict(detector.architecture))


def predict(detector: Detector, images: AnyImages, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Anomaly maps [N, H, W] and scores [N], float32, of images [N, H, W, C] uint8 (see `run_in_batches`).

    Args:
        batch_size: images per batch. The last batch is filled up with the last image, because another batch size
            would compile the graph again; so it should not be more than all images together.

    Raises:
        UserError: they are not finite.
    """
    spec, size = ENCODERS[detector.architecture.backbone], detector.architecture.size
    steps = partial(bar, title="evaluating")
    return run_in_batches(run_of(detector), images, size, batch_size, (spec.mean, spec.std), steps)


def judge_of(
    options: Options,
    path: str,
    detector: Detector,
    trained: Metadata,
    batch_size: int,
    framing: Framing,
) -> Judge | None:
    """Who gives verdicts on what a checkpoint's detector gives (see `choose_judge`); older checkpoints know only the
    thresholds of their test set.

    Args:
        path: of the checkpoint, for messages.
        framing: how its pictures become images.

    Raises:
        UserError: no pictures in `--good_dir`; `--false_alarms` where no good picture is known.
    """
    run = partial(predict, detector, batch_size=batch_size)
    test_set = Judge.of_test_set(trained.thresholds)
    return choose_judge(options, path, run, framing, trained.good_pictures, test_set, trained.bit_depth)
