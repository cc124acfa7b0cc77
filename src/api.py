"""The predictor for people who write code: a model's file in, verdicts on pictures out.

>>> from src.api import load
>>> model = load("fastflow_fabric.onnx")
>>> prediction = model.predict("new/a.png")
>>> prediction.verdict
'defective'
>>> 0.5 <= prediction.anomaly < 1
True
>>> region = prediction.regions[0]  # the largest, in the picture's own pixels
>>> region.width > 0 and region.area > 0
True
>>> sorted(prediction.to_json())
['anomaly', 'file', 'largest_area', 'margin', 'milliseconds', 'regions', 'score', 'verdict']

It is the same for a checkpoint (.ckpt) and a MindIR (.mindir), which MindSpore computes, and for ONNX, on whose way
nothing imports MindSpore. Mistakes and unreadable pictures are a `src.utils.UserError`, whose text is one line.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from src.data.pictures import Picture, open_rgb
from src.data.samples import Reading
from src.prediction import MIN_AREA, Prediction, Region
from src.predictor.load import load_network
from src.predictor.network import Network
from src.predictor.viewing import views_of
from src.verdict import Judge

TOGETHER = 8  # pictures per call of an ONNX file that takes any number

__all__ = ["Model", "Picture", "Prediction", "Region", "load"]


class Model:
    """A model that is ready to predict. `load` makes it. Of ONNX, several threads may use one at the same time.

    Args:
        path: its file.
        network: what computes.
        min_area: pixels of the original picture; smaller regions are left out. It changes no verdict.
    """

    def __init__(self, path: Path, network: Network, min_area: int = MIN_AREA):
        self.path, self.network, self.min_area = path, network, min_area
        self._reading = Reading(network.bit_depth or Reading.bit_depth)

    @property
    def category(self) -> str | None:
        """What it was trained on, if that is known."""
        return self.network.category

    @property
    def size(self) -> int | tuple[int, int]:
        """Height and width in pixels of its input, to which it resizes pictures: a number where they are equal."""
        height, width = self.network.framing.size
        return height if height == width else (height, width)

    @property
    def judge(self) -> Judge | None:
        """Its thresholds and their reading; None where it knows none, and gives no verdicts."""
        return self.network.judge

    @property
    def sha256(self) -> str:
        """The digest of its file when it was loaded, in hexadecimal digits."""
        return self.network.sha256

    def predict(self, picture: Picture) -> Prediction:
        """What is said of one picture.

        Args:
            picture: a file's path; its bytes; a PIL image; or RGB values, uint8 [H, W, 3], upright.

        Raises:
            UserError: it cannot be read.
        """
        return self.predict_batch([picture])[0]

    def predict_batch(self, pictures: Sequence[Picture]) -> list[Prediction]:
        """What is said of several pictures, in their order; they are kept in memory at the network's size.

        Raises:
            UserError: one cannot be read, and its message says which; nothing is predicted then.
        """
        if not pictures:
            return []
        started = time.perf_counter()
        opened = (open_rgb(each, self._reading, name=f"number {i + 1}") for i, each in enumerate(pictures))
        files = [str(picture) if isinstance(picture, (str, os.PathLike)) else None for picture in pictures]
        views = views_of(self.network, opened, [None if file is None else Path(file) for file in files])
        each = 1000 * (time.perf_counter() - started) / len(pictures)
        names = [Path(file).stem if file else f"number {i + 1}" for i, file in enumerate(files)]
        return [
            Prediction.of(name, file, view.size, view.anomaly_map, view.score, self.judge, each, self.min_area)
            for name, file, view in zip(names, files, views)
        ]


def load(
    path: str | os.PathLike,
    *,
    device_target: str | None = None,
    threads: int | None = None,
    min_area: int = MIN_AREA,
    roi: str | None = None,
) -> Model:
    """Load a model: a checkpoint (.ckpt), or an exported .onnx or .mindir with the JSON beside it.

    Args:
        device_target: "Ascend", "GPU" or "CPU"; by default what the machine has. ONNX runs on the CPU.
        threads: that compute; by default the runtime's own number.
        min_area: pixels of the original picture; smaller regions are left out. It changes no verdict.
        roi: a mask of what is looked at, or a folder of one for each picture, named as they are; by default the
            training's. For models that were trained with one.

    Raises:
        UserError: the file is missing, damaged, of another kind, or not as it was written.
    """
    path = Path(path)
    batch_size = TOGETHER if path.suffix == ".onnx" else 1  # a checkpoint would compute as many for a single picture
    network = load_network(path, device_target=device_target, threads=threads, batch_size=batch_size, roi=roi)
    return Model(path, network, min_area)
