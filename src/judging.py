"""Who judges pictures: the good pictures that a model knows, or others that it is shown. No MindSpore here."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from src.config import Options
from src.data.found import Found, read_as
from src.data.framing import Framing
from src.data.listing import passed_over_by, pictures_under
from src.data.samples import MAX_MEGAPIXELS, Reading, Sample
from src.dataset import AnyImages, pictures_of
from src.good_pictures import FALSE_ALARMS, GoodPictures
from src.option import Size
from src.tiles import TiledPictures
from src.utils import UserError
from src.verdict import Judge, tell

CHUNK = 64  # pictures that are held at a time where there may be any number

# Images [N, H, W, C] uint8, or what gives such arrays by index -> anomaly maps [N, H, W] and scores [N], float32.
Predict = Callable[[AnyImages], tuple[np.ndarray, np.ndarray]]


def know_good(predict: Predict, images: AnyImages, source: str, false_alarms: float) -> GoodPictures:
    """What a network makes of good images [N, H, W, C] uint8, or of good pictures in tiles. Memory holds the maps of
    `CHUNK` images at a time, or that of one such picture.

    Args:
        predict: the network.
        source, false_alarms: see `GoodPictures`.
    """
    scores, peaks = (), ()
    chunk, view = CHUNK, None
    if isinstance(images, TiledPictures):
        chunk, view = 1, math.prod(images.framing.tiling.tile)
    for start in range(0, len(images), chunk):
        maps, some = predict(images[range(start, min(start + chunk, len(images)))])
        part = GoodPictures.of(source, maps, some, false_alarms, view)
        scores, peaks = scores + part.scores, peaks + part.peaks
    return GoodPictures(source, scores, peaks, false_alarms)


def look_at(
    given: str, paths: dict[str, Path], bit_depth: int | None, max_megapixels: float = MAX_MEGAPIXELS
) -> tuple[list[Sample], Found]:
    """Pictures by name as samples of unknown label, and what was found, which is said.

    Args:
        given: the value of the option that named them (see `pictures_under`).
        bit_depth: that 16-bit files are read with; None: found out.
    """
    samples = [Sample(path, 0, "unknown", None, name) for name, path in paths.items()]
    found = Found.of(samples, passed_over_by(given, paths.values()), bit_depth, max_megapixels)
    found.tell()
    return read_as(samples, Reading(found.bit_depth or Reading.bit_depth, max_megapixels)), found


def choose_judge(
    options: Options,
    path: str,
    predict: Predict,
    framing: Framing | Size,
    good: GoodPictures | None,
    known: Judge | None,
    bit_depth: int | None,
) -> Judge | None:
    """Who gives verdicts: by the pictures of `--good_dir`, else by the good pictures that the model knows, else by
    what else it knows. None where there is none of these. Says what users must know.

    Args:
        path: of the model, for messages.
        predict: its network; framing: how pictures become its images.
        good: the good pictures that it knows.
        known: who judges without these: by the thresholds of a test set (older checkpoints), or of an exported file.
        bit_depth: that its 16-bit training pictures were read with.

    Raises:
        UserError: no pictures in `--good_dir`; `--false_alarms` where no good picture is known.
    """
    share = options.false_alarms
    if options.good_dir is not None:
        # export.py, which only needs pictures here, has neither of these two options.
        depth = options.values.get("bit_depth") or bit_depth
        limit = options.values.get("max_megapixels", MAX_MEGAPIXELS)
        paths = pictures_under(options.good_dir, "good_dir")
        samples, _ = look_at(options.good_dir, paths, depth, limit)
        trained = good or known
        wanted = share or (trained and trained.false_alarms) or FALSE_ALARMS
        good = know_good(predict, pictures_of(samples, framing, None), "given", wanted)
    if good is None and share is not None:
        raise UserError(f"--false_alarms: {path} knows no good pictures to choose thresholds on; give some: --good_dir")
    judge = known if good is None else Judge.of(good, share)
    tell(judge)
    return judge
