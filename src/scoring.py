"""The detector over images: their maps and scores, what it makes of good ones, and who judges pictures by that."""

from dataclasses import asdict

import numpy as np
from mindspore import Tensor

from src import evaluation
from src.config import Options
from src.data.found import Found, read_as
from src.data.listing import passed_over_by, pictures_under
from src.data.samples import MAX_MEGAPIXELS, Reading, Sample
from src.dataset import Images, normalize
from src.detector import Detector
from src.encoder import ENCODERS
from src.good_pictures import FALSE_ALARMS, GoodPictures
from src.metadata import Metadata
from src.report.console import bar
from src.runtime.graph_cache import GraphCache
from src.utils import UserError
from src.verdict import Judge

CHUNK = 64  # pictures that are held at a time where there may be any number


def predict(
    detector: Detector, images: np.ndarray | Images, batch_size: int, graphs: GraphCache | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Anomaly maps [N, S, S] and scores [N], float32, of images [N, S, S, 3] uint8.

    Args:
        batch_size: images per batch. The last batch is filled up with the last image, because another batch size
            would compile the graph again; so it should not be more than all images together.
        graphs: may hold the detector's graph from an earlier run.
    """
    spec = ENCODERS[detector.architecture.backbone]
    count, size = len(images), detector.architecture.im_resize
    maps = np.empty((count, size, size), np.float32)
    scores = np.empty(count, np.float32)
    detector.set_train(False)
    if graphs is not None:
        batch = Tensor(np.zeros((batch_size, 3, size, size), np.float32))
        graphs.prepare(detector, batch, shaped_by=asdict(detector.architecture))
    for start in bar(range(0, count, batch_size), "evaluating"):
        indices = np.minimum(np.arange(start, start + batch_size), count - 1)
        batch = Tensor(normalize(images[indices], spec.mean, spec.std))
        anomaly_map, score = detector(batch)
        used = min(batch_size, count - start)
        maps[start : start + used] = anomaly_map.asnumpy()[:used, 0]
        scores[start : start + used] = score.asnumpy()[:used]
    return maps, scores


def calibrate_score(detector: Detector, images: np.ndarray | Images, batch_size: int) -> None:
    """Set what the score rules of deviation have to know of good images [N, S, S, 3] uint8: the highest mean of their
    maps.

    For the lowest level, the score is how far the map's mean lies above it: so the means are found by the score itself,
    whatever map it is of.
    """
    score = detector.image_score
    if score.lowest is None:
        return
    score.level.set_data(Tensor(np.full(1, score.lowest, np.float32)))
    _, scores = predict(detector, images, batch_size)
    score.level.set_data(Tensor(scores.max(keepdims=True) + np.float32(score.lowest)))


def know_good(
    detector: Detector,
    images: np.ndarray | Images,
    batch_size: int,
    source: str,
    false_alarms: float,
    graphs: GraphCache | None = None,
) -> GoodPictures:
    """What the network makes of good images [N, S, S, 3] uint8, of which memory holds the maps of `CHUNK` at a time.

    Args:
        source, false_alarms: see `GoodPictures`.

    Raises:
        UserError: the maps hold a value that is not finite.
    """
    scores, peaks = (), ()
    for start in range(0, len(images), CHUNK):
        maps, some = predict(detector, images[range(start, min(start + CHUNK, len(images)))], batch_size, graphs)
        evaluation.check_finite(maps, some)
        part = GoodPictures.of(source, maps, some, false_alarms)
        scores, peaks = scores + part.scores, peaks + part.peaks
    return GoodPictures(source, scores, peaks, false_alarms)


def pictures_of(options: Options, name: str, bit_depth: int | None) -> tuple[list[Sample], Found]:
    """The pictures that an option names, as samples of unknown label, and what was found, which is said.

    Args:
        bit_depth: that 16-bit files are read with; None: found out.

    Raises:
        UserError: there are none, or two have the same name.
    """
    given = options.values[name]
    paths = pictures_under(given, name)
    samples = [Sample(path, 0, "unknown", None, picture) for picture, path in paths.items()]
    limit = options.values.get("max_megapixels", MAX_MEGAPIXELS)  # export.py has no such option
    found = Found.of(samples, passed_over_by(given, paths.values()), bit_depth, limit)
    found.tell()
    return read_as(samples, Reading(found.bit_depth or Reading.bit_depth, limit)), found


def judge_of(
    options: Options,
    path: str,
    detector: Detector,
    trained: Metadata,
    batch_size: int,
    graphs: GraphCache | None = None,
) -> Judge | None:
    """Who gives verdicts: by the pictures of `--good_dir`, else by the good pictures that the checkpoint knows, else by
    the thresholds of its test set (older checkpoints). None where there is none of these. Says what users must know.

    Args:
        path: of the checkpoint, for messages.

    Raises:
        UserError: no pictures in `--good_dir`; `--false_alarms` where no good picture is known.
    """
    good, share = trained.good_pictures, options.false_alarms
    if options.good_dir is not None:
        size = detector.architecture.im_resize
        samples, _ = pictures_of(options, "good_dir", options.values.get("bit_depth") or trained.bit_depth)
        good = know_good(detector, Images(samples, size, None), batch_size, "given", share or FALSE_ALARMS, graphs)
    if good is None and share is not None:
        raise UserError(f"--false_alarms: {path} knows no good pictures to choose thresholds on; give some: --good_dir")
    judge = Judge.of_test_set(trained.thresholds) if good is None else Judge.of(good, share)
    evaluation.tell(judge)
    return judge
