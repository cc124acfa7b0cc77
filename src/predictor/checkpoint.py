"""A checkpoint in MindSpore, on any device that it knows. `src.runtime.device.prepare` must have run."""

from dataclasses import replace
from pathlib import Path

from src import checkpoint
from src.data.roi import roi_for
from src.encoder import ENCODERS
from src.kernels import cells
from src.predictor.network import Network, images_per_call
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.scoring import compile_graph, run_of
from src.trust import digest
from src.verdict import Judge


def load_checkpoint(
    path: Path,
    device: Device,
    batch_size: int | None,
    pictures: int | None,
    graph_cache: str = "auto",
    roi: str | None = None,
) -> Network:
    """The network of a checkpoint that train.py or src/pthtockpt.py wrote.

    Args:
        device: what computes.
        batch_size, pictures: see `load_network`; for another number of images the graph would be compiled again.
        graph_cache, roi: see the options.

    Raises:
        UserError: the file is missing, damaged, or holds no detector.
    """
    detector, trained = checkpoint.load_detector(path)
    cells.install(detector, device.kernels, device.convolution)
    architecture, spec = detector.architecture, ENCODERS[detector.architecture.backbone]
    batch_size = images_per_call(batch_size, spec.test_batch_size, pictures)
    compile_graph(detector, batch_size, GraphCache.of(graph_cache, device))
    good = trained.good_pictures
    return Network(
        run=run_of(detector),
        category=trained.category,
        framing=replace(architecture.framing, roi=roi_for(architecture.roi, trained.roi, roi, path)),
        normalised_by=(spec.mean, spec.std),
        batch_size=batch_size,
        any_batch=False,
        judge=Judge.of_test_set(trained.thresholds) if good is None else Judge.of(good),
        good=good,
        thresholds=trained.thresholds,
        bit_depth=trained.bit_depth,
        colour_scale=trained.colour_scale,
        sha256=digest.of_file(path),
    )
