"""A loaded model as serving uses it: one picture in, what is said of it out."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.config import Options
from src.data.pictures import Picture, open_rgb
from src.data.samples import Reading
from src.judging import choose_judge
from src.prediction import Prediction
from src.predictor.load import load_network
from src.predictor.network import Network
from src.predictor.viewing import views_of
from src.report.colours import ColourScale, Scale, scale_of
from src.verdict import Judge


@dataclass(frozen=True)
class Finding:
    """What was found in a picture: the prediction, the image that the network saw, uint8 RGB [H, W, 3], and whose."""

    prediction: Prediction
    image: np.ndarray
    examiner: "Examiner"

    @property
    def scale(self) -> Scale:
        """The colours of its map: the model's or, where it has none, this map's own."""
        one = self.prediction.anomaly_map[None]
        return self.examiner.scale or ColourScale.of(one, np.ones(1, bool))


@dataclass(frozen=True)
class Examiner:
    """A model that is ready.

    Attributes:
        file: its file's name.
        network: what computes.
        judge: gives verdicts; None where the model knows no threshold.
        reading: how pictures are read.
        min_area: see the option.
    """

    file: str
    network: Network
    judge: Judge | None
    reading: Reading
    min_area: int

    @classmethod
    def load(cls, options: Options) -> "Examiner":
        """The model of `--model`, and who judges by it (see `choose_judge`). It has judged a white picture by then.

        Raises:
            UserError: it cannot be loaded, or its maps are not finite.
        """
        path = Path(options.model)
        network = load_network(
            path,
            device_target=options.device_target,
            device_id=options.device_id,
            cpu_kernels=options.cpu_kernels,
            convolution=options.convolution,
            graph_cache=options.graph_cache,
            roi=options.roi,
        )
        network(np.full((1, *network.framing.shape), 255, np.uint8))  # it checks what it gives
        judge = choose_judge(
            options, options.model, network, network.framing, network.good, network.judge, network.bit_depth
        )
        depth = options.bit_depth or network.bit_depth or Reading.bit_depth
        return cls(path.name, network, judge, Reading(depth, options.max_megapixels), options.min_area)

    @property
    def scale(self) -> Scale | None:
        """The model's colours, if it has any."""
        return scale_of(self.judge, self.network.colour_scale)

    def examine(self, picture: Picture, name: str, file: str | None) -> Finding:
        """Judge a picture.

        Args:
            picture: its file, or its content.
            name: what results, and messages about a picture without a file, call it.
            file: what the result has as its file.

        Raises:
            UserError: it cannot be read.
        """
        started = time.perf_counter()
        opened = open_rgb(picture, self.reading, name)
        where = Path(picture) if isinstance(picture, (str, os.PathLike)) else None
        (view,) = views_of(self.network, [opened], [where])
        milliseconds = 1000 * (time.perf_counter() - started)
        given = (name, file, view.size, view.anomaly_map, view.score, self.judge, milliseconds, self.min_area)
        return Finding(Prediction.of(*given), view.image, self)
