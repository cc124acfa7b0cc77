"""What a training is judged by: its test set, and good pictures that, where there are enough, it does not train on."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from src import evaluation
from src.calibration import calibrate_score
from src.data.samples import Sample, evenly
from src.data.several import together
from src.dataset import AnyImages, pictures_of
from src.detector import Detector
from src.encoder import ENCODERS
from src.good_pictures import GoodPictures
from src.judging import know_good
from src.labelled import TestSet
from src.plan import Plan
from src.predictor.network import images_per_call
from src.scoring import compile_graph, predict
from src.tiles import Tile, TileImages

KNOWN = 64  # training pictures that thresholds are from where none is held out


@dataclass(frozen=True)
class Assessment:
    """What an evaluation during a training finds.

    Attributes:
        record: the figures on the test set, with the thresholds of the best F1, and the epoch.
        test: the test set; maps: [N, H, W], and scores: [N], of its pictures.
        good: what the network makes of good pictures.
        held_out: the names of these if they were not trained on.
    """

    record: dict
    test: TestSet
    maps: np.ndarray
    scores: np.ndarray
    good: GoodPictures
    held_out: list[str]


@dataclass(frozen=True)
class Assessor:
    """The pictures, all the same in every process of a training: the test set, and good ones [N, H, W, C] uint8."""

    plan: Plan
    test: TestSet
    good: AnyImages
    held_out: list[str]

    @classmethod
    def load(cls, plan: Plan, test: list[Sample], used: list[Sample], held_out: list[Sample]) -> "Assessor":
        """Decode the test set and the held-out pictures.

        Where none is held out, some of the pictures that are `used` for training are looked at instead. They are
        decoded when they are needed: a process of several has not read all of them before.
        """
        framing, workers = plan.framing, plan.options.num_workers
        tested, good = together(
            partial(TestSet.load, test, framing, plan.options.gt_protocol, workers, keep=True),
            partial(pictures_of, held_out, framing, workers, keep=True),
        )
        good = good if held_out else pictures_of(evenly(used, KNOWN), framing, workers)
        return cls(plan, tested, good, [sample.name for sample in held_out])

    def assess(self, detector: Detector, epoch: int) -> Assessment:
        """Evaluate a detector after so many epochs.

        Good pictures come first: the score is by what the network makes of them.

        Raises:
            UserError: the maps hold values that are not finite.
        """
        options = self.plan.options
        suitable = ENCODERS[options.backbone].test_batch_size
        pictures = None if self.plan.framing.tiling else len(self.test.images) or len(self.good)
        batch_size = images_per_call(options.test_batch_size, suitable, pictures)
        compile_graph(detector, batch_size, self.plan.graphs)
        calibrate_score(detector, self.good, bool(self.held_out), batch_size, self.plan.graphs)
        maps, scores = predict(detector, self.test.images, batch_size)
        record = {"epoch": epoch, **evaluation.figures(self.test, maps, scores)}
        source = "held out" if self.held_out else "training"
        run = partial(predict, detector, batch_size=batch_size)
        good = know_good(run, self.good, source, options.false_alarms)
        return Assessment(record, self.test, maps, scores, good, self.held_out)


def load_pictures(
    plan: Plan, test: list[Sample], used: list[Sample], held_out: list[Sample], own: list[Sample] | list[Tile]
) -> tuple[Assessor, np.ndarray | TileImages]:
    """All that a process of a training decodes: what it is judged by (see `Assessor.load`), and the images
    [N, H, W, C] uint8 of its `own` training pictures, or tiles of them.

    Raises:
        UnusableFiles: pictures or masks cannot be used; it names those of all sets.
    """
    judged = partial(Assessor.load, plan, test, used, held_out)
    return tuple(together(judged, partial(plan.load, own)))
