"""What a score has to know of good images: the weights of the scales, and the highest mean of their maps."""

import numpy as np
import pytest
from mindspore import Tensor

from src import calibration, network_options, scoring
from src.anomaly_map import SMALLEST_ENERGY
from src.calibration import calibrate_score
from src.data.framing import Framing
from src.data.listing import pictures_under
from src.data.pictures import open_rgb
from src.data.samples import good_samples
from src.data.tiling import Tiling
from src.dataset import normalize
from src.detector import Architecture, Detector
from src.encoder import ENCODERS
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.tiles import TiledPictures

GRAPHS = GraphCache(Device("CPU"))
RULE = "weighted_log_deviation"
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
IMAGES[2:, :16] //= 8


def make(rule=RULE, **architecture):
    """A small detector with random weights."""
    return Detector(Architecture("efficientnet_lite0", im_resize=32, flow_step=1, score=rule, **architecture))


def energies(detector, images):
    """The logarithms of the energies per scale, and the masks if there are any, in float64."""
    spec = ENCODERS["efficientnet_lite0"]
    features = detector.encoder(Tensor(normalize(images, spec.mean, spec.std)))
    latents = detector.fastflow.latents(*features)
    masks = [mask.asnumpy()[:, 0].astype(bool) for mask in features[len(latents) :]]
    return [np.log(np.square(z.asnumpy().astype(np.float64)).mean(1) + SMALLEST_ENERGY) for z in latents], masks


def weights_of(detector):
    return np.array([float(weight.value.asnumpy().item()) for weight in detector.log_energy.weights])


@pytest.mark.parametrize("rule", network_options.SCORES)
def test_the_level_is_the_highest_mean_of_good_images_maps(rule):
    detector = make(rule)
    calibrate_score(detector, IMAGES, True, 2, GRAPHS)
    if rule == "maximum":
        assert not list(detector.image_score.get_parameters())
        return
    maps, _ = scoring.predict(detector, IMAGES, 2)
    if rule in ("log_deviation", RULE):
        spec = ENCODERS["efficientnet_lite0"]
        features = detector.encoder(Tensor(normalize(IMAGES, spec.mean, spec.std)))
        maps = detector.log_energy(detector.fastflow.latents(*features)).asnumpy()[:, 0]
    assert detector.image_score.level.asnumpy() == pytest.approx(maps.mean((1, 2)).max(), abs=1e-5)


def test_weights_are_inverse_to_the_variance_in_held_out_images():
    detector = make()
    values, _ = energies(detector, IMAGES)
    inverse = 1 / np.array([each.var() for each in values])
    calibrate_score(detector, IMAGES, True, 2, GRAPHS)
    assert weights_of(detector) == pytest.approx(inverse / inverse.mean(), rel=1e-4)
    assert np.ptp(weights_of(detector)) > 0.1
    calibrate_score(detector, IMAGES, True, 5, GRAPHS)  # once more: not of maps that are weighted already
    assert weights_of(detector) == pytest.approx(inverse / inverse.mean(), rel=1e-4)


def test_images_that_were_trained_on_give_no_weights():
    detector = make()
    calibrate_score(detector, IMAGES, True, 2, GRAPHS)
    calibrate_score(detector, IMAGES, False, 2, GRAPHS)
    assert weights_of(detector).tolist() == [1, 1, 1]
    plain, same = make("log_deviation"), dict(detector.parameters_and_names())
    for name, parameter in plain.parameters_and_names():
        parameter.set_data(same[name].value())
    calibrate_score(plain, IMAGES, False, 2, GRAPHS)
    for one, other in zip(scoring.predict(detector, IMAGES, 2), scoring.predict(plain, IMAGES, 2)):
        np.testing.assert_array_equal(one, other)


def test_only_seen_positions_count():
    detector = make(keep_aspect=True)
    images = np.concatenate([IMAGES, np.full((5, 32, 32, 1), 255, np.uint8)], 3)
    images[:, 16:, :, 3] = 0
    values, masks = energies(detector, images)
    inverse = 1 / np.array([each[mask].var() for each, mask in zip(values, masks)])
    calibrate_score(detector, images, True, 2, GRAPHS)
    assert weights_of(detector) == pytest.approx(inverse / inverse.mean(), rel=1e-4)


def test_pictures_in_tiles_are_weighed_by_their_tiles(data):
    samples = good_samples(pictures_under(data / "fabric/test/good", "good_dir"))[:2]
    framing = Framing((32, 32), tiling=Tiling((32, 32), 0, "weighted_log_deviation"))
    detector = make(tile=32)
    pictures = TiledPictures(samples, framing)
    tiles = np.stack(
        [image for each in samples for _, image in framing.tiles(open_rgb(each.picture, each.reading), None)]
    )
    inverse = 1 / np.array([each.var() for each in energies(detector, tiles)[0]])
    calibrate_score(detector, pictures, True, 2, GRAPHS)
    assert weights_of(detector) == pytest.approx(inverse / inverse.mean(), rel=1e-4)


def test_maps_that_are_everywhere_the_same_have_finite_weights():
    detector = make()
    calibrate_score(detector, np.zeros((2, 32, 32, 3), np.uint8) + 7, True, 2, GRAPHS)
    assert np.isfinite(weights_of(detector)).all()
    assert weights_of(detector).mean() == pytest.approx(1)


def test_a_training_that_evaluates_often_compiles_once(monkeypatch):
    compiled, compile_graph = [], calibration.LogEnergies.compile
    monkeypatch.setattr(
        calibration.LogEnergies, "compile", lambda self, *inputs: compiled.append(self) or compile_graph(self, *inputs)
    )
    detector = make()
    for _ in range(2):
        calibrate_score(detector, IMAGES, True, 2, GRAPHS)
    assert len(set(compiled)) == 1
    assert calibration.log_energies(detector) in compiled
