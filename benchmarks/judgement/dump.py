"""One training that writes down the energies of every evaluation: `python -m benchmarks.judgement.dump FOLDER OPTIONS`.

FOLDER gets `pictures.npz` (labels, masks, and which pictures are wrong in what way) and an `epoch_<n>.npz` per
evaluation, OPTIONS are train.py's. Energies are those of `benchmarks.judgement.rules`, of the test pictures, of good
pictures that the thresholds are chosen on (held out, where there are enough), and of pictures that are wrong as a
whole: black, white, noise, another product, and good test pictures blurred, shifted and half covered.
"""

import sys

if __name__ == "__main__":  # before MindSpore is imported
    from src import config
    from src.runtime import device

    given = config.parse("train", __doc__, sys.argv[2:])
    used = device.prepare_for(given)

from pathlib import Path

import cv2
import numpy as np
from mindspore import Tensor, nn

from src.assessment import Assessment
from src.data.layouts import categories, samples_for_testing
from src.dataset import Images, batch_at, load_images, normalize
from src.detector import Detector
from src.encoder import ENCODERS
from src.plan import Plan
from src.predictor.network import images_per_call
from src.training import Training

WRONG = 8  # pictures of each wrong kind


class ScaleEnergies(nn.Cell):
    """Images (B, 3, S, S) -> per scale the energy 0.5 * mean_c(z^2), (B, H_i, W_i), and then the same of the features.

    Whitened features are latents too: of a Gaussian.
    """

    def __init__(self, detector: Detector):
        super().__init__(auto_prefix=False)
        self.detector = detector

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        found = ()
        features = self.detector.encoder(image)
        for z in (*self.detector.fastflow.latents(*features), *features):
            found += (0.5 * (z * z).mean(1),)
        return found


def wrong_pictures(plan: Plan, good: np.ndarray) -> dict[str, np.ndarray]:
    """Pictures [n, S, S, 3] uint8 that are wrong as a whole, by what is wrong with them.

    Args:
        good: good test pictures [N, S, S, 3] uint8.
    """
    size, rng = good.shape[1], np.random.default_rng(0)
    shape, some = (WRONG, size, size, 3), good[:WRONG]
    covered = some.copy()
    covered[:, :, size // 2 :] = np.uint8(good.mean())
    found = {
        "black": np.zeros(shape, np.uint8),
        "white": np.full(shape, 255, np.uint8),
        "noise": rng.integers(0, 256, shape, np.uint8),
        "blurred": np.stack([cv2.GaussianBlur(image, (0, 0), size / 32) for image in some]),
        "shifted": np.roll(some, size // 4, axis=2),
        "half covered": covered,
    }
    source = plan.source
    others = [name for name in categories(source.dataset_path, source.dataset) if name != source.category]
    samples = [sample for name in others for sample in samples_for_testing(source.dataset_path, name, source.dataset)]
    good_ones = [sample for sample in samples if not sample.label]
    if good_ones:
        chosen = rng.choice(len(good_ones), min(WRONG, len(good_ones)), replace=False)
        found["another product"] = load_images([good_ones[i] for i in chosen], size, plan.options.num_workers)
    return found


class DumpingTraining(Training):
    """A training that writes down energies at every evaluation."""

    def __init__(self, plan: Plan, folder: Path):
        super().__init__(plan)
        self.folder = folder
        wrong = wrong_pictures(plan, self.test.images[~self.test.labels])
        self.sets = {
            "test": self.test.images,
            "good": self.assessor.good,
            "wrong": np.concatenate(list(wrong.values())),
        }
        kinds = np.repeat(list(wrong), [len(images) for images in wrong.values()])
        np.savez_compressed(folder / "pictures.npz", labels=self.test.labels, masks=self.test.masks, wrong=kinds)
        self.energies = ScaleEnergies(self.detector)

    def _evaluate(self, epoch: int) -> Assessment:
        found = super()._evaluate(epoch)
        arrays = {}
        for name, images in self.sets.items():
            for scale, q in enumerate(self._of(images)):
                arrays[f"{name}_{scale}"] = q
        np.savez(self.folder / f"epoch_{epoch:04d}.npz", **arrays)
        return found

    def _of(self, images: np.ndarray | Images) -> list[np.ndarray]:
        """The energies of images [N, S, S, 3] uint8, per scale float32 [N, H_i, W_i]."""
        spec = ENCODERS[self.options.backbone]
        size = images_per_call(self.options.test_batch_size, spec.test_batch_size, None)
        parts = []
        for start in range(0, len(images), size):
            indices, used = batch_at(start, size, len(images))
            energies = self.energies(Tensor(normalize(images[indices], spec.mean, spec.std)))
            parts.append([q.asnumpy()[:used] for q in energies])
        return [np.concatenate(scale) for scale in zip(*parts)]


if __name__ == "__main__":
    training = DumpingTraining(Plan.of(given, used), Path(sys.argv[1]))
    training.run()
    training.finish()
