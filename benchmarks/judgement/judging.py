"""What the rules make of the energies that trainings have written down: figures per rule, and how steady they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.judgement.rules import MAP_RULES, ORIGINAL, SCALES, SCORE_RULES, MapRule
from src import metrics
from src.counts import count

SCORED = (
    ORIGINAL,
    MapRule("exp", 4.0),
    MapRule("exp", 0.0, 2.0),
    MapRule("exp", 4.0, 2.0),
    MapRule("log"),
    MapRule("weighted log"),
)  # scored too
LAST = 5  # evaluations whose standard deviation is the steadiness S2


@dataclass
class Judged:
    """One training judged by all rules.

    Attributes:
        epochs: of its evaluations.
        pixel_auc: per map rule the pixel AUROC of each evaluation.
        last: per map rule pixel AP and AUPRO of the last evaluation.
        image_auc: per map rule and score rule the image AUROC of each evaluation.
        wrong: per map rule and score rule, by kind, the share of wholly wrong pictures that score above every good
            test picture, in the last evaluation.
    """

    epochs: list[int]
    pixel_auc: dict[str, list[float]] = field(default_factory=dict)
    last: dict[str, dict[str, float]] = field(default_factory=dict)
    image_auc: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    wrong: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)


def judge(folder: Path) -> Judged:
    """Judge the training whose energies are in a folder (see `benchmarks.judgement.dump`)."""
    pictures = np.load(folder / "pictures.npz")
    labels, masks, kinds = pictures["labels"], pictures["masks"], pictures["wrong"]
    files = sorted(folder.glob("epoch_*.npz"))
    judged = Judged([int(file.stem.partition("_")[2]) for file in files])
    for file in files:
        with np.load(file) as stored:
            energies = {
                name: [stored[f"{name}_{scale}"] for scale in range(2 * SCALES)] for name in ("test", "good", "wrong")
            }
        for rule in MAP_RULES:
            maps = rule(energies["test"], energies["good"], masks.shape[1])
            counts = count(maps, masks, metrics.region_weights(masks) if file == files[-1] else None)
            judged.pixel_auc.setdefault(str(rule), []).append(metrics.auroc(counts))
            if file == files[-1]:
                ap, aupro = metrics.average_precision(counts), metrics.aupro(counts)
                judged.last[str(rule)] = {"pixel_ap": ap, "aupro": aupro}
            if rule in SCORED:
                good = rule(energies["good"], energies["good"], masks.shape[1])
                wrong = rule(energies["wrong"], energies["good"], masks.shape[1])
                _score(judged, str(rule), maps, labels, good, wrong, kinds)
    return judged


def _score(
    judged: Judged,
    rule: str,
    maps: np.ndarray,
    labels: np.ndarray,
    good: np.ndarray,
    wrong: np.ndarray,
    kinds: np.ndarray,
) -> None:
    """Add an evaluation's scores by every score rule."""
    for name, score in SCORE_RULES.items():
        scores = score(maps, good)
        figures = metrics.image_figures(scores, labels)
        judged.image_auc.setdefault(rule, {}).setdefault(name, []).append(figures["image_auc"])
        above = score(wrong, good) > scores[~labels].max()
        judged.wrong.setdefault(rule, {})[name] = {
            str(kind): float(above[kinds == kind].mean()) for kind in dict.fromkeys(kinds.tolist())
        }


@dataclass(frozen=True)
class Steadiness:
    """A figure over the evaluations of trainings that differ by their seed only.

    Attributes:
        last: the mean over the seeds of the last evaluation's figure.
        over_seeds: its standard deviation over the seeds (S3); None for one seed.
        best_less_last: the mean of best - last (S1).
        over_evaluations: the mean of the standard deviation of the last `LAST` evaluations (S2).
    """

    last: float
    over_seeds: float | None
    best_less_last: float
    over_evaluations: float

    @classmethod
    def of(cls, curves: Sequence[Sequence[float]]) -> "Steadiness":
        """From the curve of each seed."""
        last = [curve[-1] for curve in curves]
        return cls(
            last=float(np.mean(last)),
            over_seeds=float(np.std(last, ddof=1)) if len(last) > 1 else None,
            best_less_last=float(np.mean([max(curve) - curve[-1] for curve in curves])),
            over_evaluations=float(np.mean([np.std(curve[-LAST:]) for curve in curves])),
        )
