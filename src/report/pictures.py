"""What programs write about pictures, one file each: panels or overlays (`--save_imgs`), and maps (`--save_maps`)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from src.config import Options
from src.data.pictures import open_rgb
from src.data.samples import Sample
from src.prediction import Prediction
from src.report.colours import Scale, overlay
from src.report.panels import Truth, panel
from src.trust.names import path_in
from src.utils import atomic_path
from src.verdict import Judge


@dataclass(frozen=True)
class PictureFiles:
    """The files about pictures in a folder; a "/" in a picture's name makes sub-folders.

    Attributes:
        folder: where they are.
        drawn: "panel", "full" or False: nothing is drawn.
        maps: "npy", "tiff" or None: no maps.
    """

    folder: Path
    drawn: str | bool
    maps: str | None

    @classmethod
    def of(cls, options: Options, folder: Path) -> "PictureFiles":
        """What a program's options ask for."""
        return cls(folder, options.save_imgs, options.save_maps)

    def of_names(self, names: Iterable[str]) -> list[Path]:
        """All files for pictures of these names.

        Raises:
            UserError: a name leads out of the folder.
        """
        endings = ([".png"] if self.drawn else []) + ([f".{self.maps}"] if self.maps else [])
        return [path_in(self.folder, name, "picture", ending) for name in names for ending in endings]

    def write(
        self,
        prediction: Prediction,
        sample: Sample,
        image: np.ndarray,
        scale: Scale,
        judge: Judge | None,
        truth: Truth | None = None,
    ) -> None:
        """Write what is asked for of one picture.

        Args:
            sample: whose file "full" reads again; image: as the network saw it, uint8 RGB [H, W, 3].
            scale, judge, truth: see `panel`.
        """
        for path in self.of_names([sample.name]):
            with atomic_path(path) as temporary:
                if path.suffix == ".png":
                    self._drawing(prediction, sample, image, scale, judge, truth).save(temporary)
                else:
                    save_map(temporary, prediction.anomaly_map)

    def _drawing(
        self,
        prediction: Prediction,
        sample: Sample,
        image: np.ndarray,
        scale: Scale,
        judge: Judge | None,
        truth: Truth | None,
    ) -> Image.Image:
        if self.drawn == "panel":
            return panel(prediction, image, scale, judge, truth)
        threshold = None if judge is None or judge.pixel is None else judge.pixel.threshold
        whole = np.asarray(open_rgb(sample.picture, sample.reading))
        return Image.fromarray(overlay(whole, prediction.anomaly_map, scale, threshold))


def save_map(path: Path, anomaly_map: np.ndarray) -> None:
    """Write a map [H, W] as it is, float32: NumPy's format, or TIFF with one float per pixel."""
    if path.suffix == ".npy":
        np.save(path, anomaly_map)
    else:
        Image.fromarray(anomaly_map).save(path)
