"""From scores and map values to verdicts: thresholds chosen on good pictures, and the reading of 0..1 that people see.

No MindSpore here: scores and maps may come from any runtime.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.good_pictures import (
    SOURCES,
    GoodPictures,
    conformal_threshold,
    is_finite,
    least_false_alarms,
    pictures_needed,
)
from src.utils import log

GOOD, DEFECTIVE = "good", "defective"
TEST_SET = "test set"  # the source of a threshold that was chosen on defective pictures too


def named_f1_max(thresholds: Mapping[str, float | None]) -> dict[str, float | None]:
    """Thresholds of the best F1 on a test set by the names that say so; older files say `image_threshold` for them."""
    return {name.removesuffix("_f1_max") + "_f1_max": value for name, value in thresholds.items()}


def constants(judge: "Judge | None", known: Mapping[str, float | None] | None) -> dict[str, dict | None]:
    """What verdicts and readings are computed from, for a JSON: `thresholds` and `reading`.

    Args:
        known: may hold the thresholds of the best F1 on a test set, which are shown beside those in use.
    """
    names = [f"{level}_threshold_f1_max" for level in ("pixel", "image")]
    beside = {name: known[name] for name in names if (known or {}).get(name) is not None}
    if judge is None:
        return {"thresholds": beside, "reading": None}
    return {"thresholds": judge.thresholds() | beside, "reading": judge.reading()}


def tell(judge: "Judge | None") -> None:
    """Say what users must know of the thresholds, or that there are none."""
    none = ["no verdicts: the model knows no good pictures; give a folder of some: --good_dir"]
    for remark in none if judge is None else judge.remarks():
        log.info(remark)


def word(defective: bool) -> str:
    """How a verdict, or the truth, is written everywhere."""
    return DEFECTIVE if defective else GOOD


@dataclass(frozen=True)
class Reading:
    """How people read a score, or a map's value: 0 is a typical good picture, 0.5 the threshold, 1 the worst.

    With x = (value - threshold) / (threshold - typical), it is max(0, (1 + x) / 2) below the threshold, and
    1 - 0.5 / (1 + x) from it on: monotone, without a kink at the threshold, never quite 1.

    Attributes:
        threshold: from which it is defective.
        typical: the median of good pictures (of their scores, or of their maps' peaks), below the threshold. None
            where no good picture is known: then there is a verdict, but no reading.
    """

    threshold: float
    typical: float | None

    @classmethod
    def of(cls, good: Sequence[float], false_alarms: float) -> "Reading":
        """From the values of good pictures; at most half of them may be false alarms."""
        return cls(conformal_threshold(good, false_alarms), float(np.median(good)))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values of any shape as 0..1, float64: below 0.5 exactly where they are below the threshold."""
        x = (np.asarray(values, np.float64) - self.threshold) / (self.threshold - self.typical)
        return np.where(x < 0, np.maximum(0, 0.5 + 0.5 * x), 1 - 0.5 / (1 + np.maximum(x, 0)))

    def is_defective(self, values: np.ndarray) -> np.ndarray:
        """Where values reach the threshold: bool."""
        return np.asarray(values) >= self.threshold


def origin(source: str, pictures: int | None) -> str:
    """Where thresholds are from, for messages; `source` and `pictures` as in `Judge`."""
    return "the best F1 on a test set" if source == TEST_SET else f"{pictures} {SOURCES[source]}"


@dataclass(frozen=True)
class Judge:
    """The constants by which a model's scores and maps are judged, the same in every program.

    Attributes:
        image: of scores.
        pixel: of the map's values; None where no pixel threshold is known.
        source: one of `SOURCES`, or `TEST_SET` (checkpoints of older versions).
        pictures: how many good pictures the thresholds are from; None for those of a test set.
        false_alarms: the share of good pictures that was wanted; None for those of a test set.
    """

    image: Reading
    pixel: Reading | None
    source: str
    pictures: int | None = None
    false_alarms: float | None = None

    @classmethod
    def of(cls, good: GoodPictures, false_alarms: float | None = None) -> "Judge":
        """From good pictures; `false_alarms` in the place of theirs."""
        share = false_alarms or good.false_alarms
        image, pixel = Reading.of(good.scores, share), Reading.of(good.peaks, share)
        return cls(image, pixel, good.source, len(good.scores), share)

    @classmethod
    def of_test_set(cls, thresholds: Mapping[str, float | None] | None) -> "Judge | None":
        """From the thresholds of the best F1, `image_threshold_f1_max` and `pixel_...`; None where the first is not
        known."""
        image, pixel = ((thresholds or {}).get(f"{level}_threshold_f1_max") for level in ("image", "pixel"))
        if image is None:
            return None
        return cls(Reading(image, None), None if pixel is None else Reading(pixel, None), TEST_SET)

    @classmethod
    def from_json(cls, thresholds: Mapping[str, Any], reading: Mapping[str, Any] | None) -> "Judge | None":
        """The inverse of `thresholds` and `reading`; None where there is no reading.

        Raises:
            KeyError, TypeError, ValueError: something is missing, of another type, or out of range.
        """
        if reading is None:
            return None
        levels = {}
        for level in ("image", "pixel"):
            if level == "image" or "pixel_threshold" in thresholds:
                threshold, typical = thresholds[f"{level}_threshold"], reading[f"{level}_typical"]
                if not (is_finite(threshold) and (typical is None or (is_finite(typical) and typical < threshold))):
                    raise ValueError(f"{level}: a threshold of {threshold} with {typical} for typical good pictures")
                levels[level] = Reading(threshold, typical)
        source, pictures, share = (reading[name] for name in ("source", "pictures", "false_alarms"))
        counted = is_finite(pictures) and pictures >= 1 and is_finite(share) and 0 < share <= 0.5
        if source not in (*SOURCES, TEST_SET) or (source != TEST_SET and not counted):
            raise ValueError(f"thresholds from {pictures} pictures of {source!r} for {share} false alarms")
        return cls(levels["image"], levels.get("pixel"), source, pictures, share)

    def of_picture(self, score: float) -> dict[str, Any]:
        """What is said of a picture: its score; anomaly, verdict, and margin (how far the anomaly is from 0.5)."""
        said = {"score": float(score), "verdict": word(self.image.is_defective(score))}
        if self.image.typical is not None:
            anomaly = float(self.image(score))
            said |= {"anomaly": anomaly, "margin": abs(anomaly - 0.5)}
        return said

    def in_words(self, score: float) -> str:
        """The verdict on a picture and its anomaly, for people."""
        said = self.of_picture(score)
        return said["verdict"] + (f", anomaly {said['anomaly']:.2f}" if "anomaly" in said else "")

    def errors(self, scores: np.ndarray, labels: np.ndarray) -> dict[str, int]:
        """How many pictures are called wrongly, of scores [N] and labels [N] (true: defective)."""
        found = self.image.is_defective(scores)
        return {
            "missed": int((labels & ~found).sum()),
            "defective_pictures": int(labels.sum()),
            "false_alarms": int((found & ~labels).sum()),
            "good_pictures": int((~labels).sum()),
        }

    def remarks(self) -> list[str]:
        """What users must know of the thresholds: a line each."""
        where = origin(self.source, self.pictures)
        if self.source == TEST_SET:
            return [f"the thresholds are from {where}, so from defective pictures; train again for better ones"]
        said = []
        if self.source == "training":
            text = "none is held out, so new good pictures score higher: more than wanted will be called defective"
            said.append(f"the thresholds are from {where}: {text}")
        if self.false_alarms < least_false_alarms(self.pictures):
            least, wanted = f"{100 * least_false_alarms(self.pictures):.2g} %", f"{100 * self.false_alarms:g} %"
            needed = pictures_needed(self.false_alarms)
            said.append(f"{where} allow no less than {least} false alarms; {wanted} needs {needed}")
        return said

    def thresholds(self) -> dict[str, float]:
        """The thresholds in use by name, for a JSON."""
        return {f"{level}_threshold": reading.threshold for level, reading in self._levels()}

    def reading(self) -> dict[str, Any]:
        """The other constants by name, for a JSON."""
        typical = {f"{level}_typical": reading.typical for level, reading in self._levels()}
        return typical | {"source": self.source, "pictures": self.pictures, "false_alarms": self.false_alarms}

    def _levels(self) -> list[tuple[str, Reading]]:
        levels = (("image", self.image), ("pixel", self.pixel))
        return [(level, reading) for level, reading in levels if reading is not None]
