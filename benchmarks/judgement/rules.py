"""Rules that make anomaly maps of a network's energies, and scores of the maps. They need no training.

The energy of a latent z is q = 0.5 * mean_c(z^2), a map per feature scale: small where a picture is as the training
pictures are. All rules here are functions of it, so they can be compared on what one training has written down.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from src.anomaly_map import bilinear_matrix, gaussian_matrix

REFERENCE_SIZE = 256  # a rule's sigma is in pixels of a map of this size
CALIBRATION = (0.9, 0.995)  # quantiles of good pictures' energies that a calibrated rule maps to 0 and 1

SCALES = 3
Energies = Sequence[np.ndarray]  # float32 [N, H_i, W_i], per scale of the latents and then of the features


@dataclass(frozen=True)
class MapRule:
    """How maps are made of energies: a value per scale, upsampled, smoothed, and averaged over the scales.

    Attributes:
        kind: "exp": -exp(-temperature * q), the networks' own; "linear": q; "log": its logarithm; "weighted log": the
            same, the scales weighted inversely to its variance in good pictures; "calibrated": q between two quantiles
            of good pictures' q of that scale.
        sigma: of the Gaussian that smooths the map, in pixels of a map of `REFERENCE_SIZE`; 0: none.
        temperature: of "exp".
        gaussian: the share of the features' energies in the map; the rest is the latents'. It says something only
            where the features are whitened.
    """

    kind: str
    sigma: float = 0.0
    temperature: float = 1.0
    gaussian: float = 0.0

    def __str__(self) -> str:
        temperature = f", t {self.temperature:g}" if self.kind == "exp" else ""
        gaussian = f", Gaussian {self.gaussian:g}" if self.gaussian else ""
        return f"{self.kind}{temperature}, sigma {self.sigma:g}{gaussian}"

    def __call__(self, energies: Energies, good: Energies, size: int) -> np.ndarray:
        """The maps [N, S, S] float32.

        Args:
            energies: of the pictures.
            good: of good pictures, for calibration.
            size: S.
        """
        smooth = gaussian_matrix(size, self.sigma * size / REFERENCE_SIZE)
        total = 0.0
        shares = [1 - self.gaussian] * SCALES + [self.gaussian] * SCALES
        for q, reference, share in zip(energies, good, self._weighted(shares, good), strict=True):
            if share > 0:
                matrix = smooth @ bilinear_matrix(q.shape[1], size)
                total = total + share / SCALES * (matrix @ self._value(q, reference) @ matrix.T)
        return total.astype(np.float32)

    def _weighted(self, shares: list[float], good: Energies) -> np.ndarray:
        """The shares times the scales' weights, whose mean is 1."""
        if self.kind != "weighted log":
            return np.array(shares)
        inverse = np.array([1 / np.log(q).var() for q in good]).reshape(2, SCALES)
        return shares * (inverse / inverse.mean(1, keepdims=True)).reshape(-1)

    def _value(self, q: np.ndarray, good: np.ndarray) -> np.ndarray:
        if self.kind == "exp":
            return -np.exp(-self.temperature * q)
        if self.kind == "linear":
            return q
        if self.kind in ("log", "weighted log"):
            return np.log(q)
        low, high = np.quantile(good, CALIBRATION)
        return (q - low) / (high - low)


def top_share(maps: np.ndarray, share: float) -> np.ndarray:
    """The mean of the highest pixels of each map: [N]."""
    pixels = maps.reshape(len(maps), -1)
    count = max(1, round(share * pixels.shape[1]))
    return np.partition(pixels, -count, axis=1)[:, -count:].mean(1)


def deviation_or_level(maps: np.ndarray, good: np.ndarray) -> np.ndarray:
    """The standard deviation of each map or, if more, how far its mean lies above the highest of good pictures': [N].

    The standard deviation alone would call a picture good that is wrong everywhere: its map is high but flat.
    """
    return np.maximum(maps.std((1, 2)), maps.mean((1, 2)) - good.mean((1, 2)).max())


# (maps [N, S, S], maps of good training pictures) -> scores [N], higher where a defect is likelier.
SCORE_RULES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "maximum": lambda maps, good: maps.max((1, 2)),
    "mean of the top 1 %": lambda maps, good: top_share(maps, 0.01),
    "mean of the top 3 %": lambda maps, good: top_share(maps, 0.03),
    "maximum less median": lambda maps, good: maps.max((1, 2)) - np.median(maps, (1, 2)),
    "standard deviation": lambda maps, good: maps.std((1, 2)),
    "deviation or level": deviation_or_level,
}
ORIGINAL = MapRule("exp")  # of configs/original.yaml
DEFAULT = MapRule("exp", 4.0, gaussian=0.5)  # of a training without options
MAP_RULES = (
    *(MapRule("exp", sigma, temperature) for temperature in (0.5, 1.0, 2.0) for sigma in (0, 2, 4, 6, 8)),
    *(MapRule(kind, sigma) for kind in ("linear", "log", "weighted log", "calibrated") for sigma in (0, 4)),
    *(MapRule("exp", 4.0, gaussian=share) for share in (0.25, 0.5, 0.75, 1.0)),
)
