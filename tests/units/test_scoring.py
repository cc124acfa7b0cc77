"""Who judges pictures: by the checkpoint's good pictures, a folder of others, or an older checkpoint's test set."""

import dataclasses
import logging
import shutil
from functools import partial

import numpy as np
import pytest

from src import config, judging, network_options, scoring
from src.data.listing import pictures_under
from src.data.samples import good_samples
from src.dataset import Images, load_images
from src.detector import Architecture, Detector
from src.good_pictures import GoodPictures
from src.metadata import Metadata
from src.utils import UserError
from src.verdict import Judge
from tests.support.programs import arguments

SCORES = tuple(np.arange(21) / 32)
GOOD = GoodPictures("held out", SCORES, SCORES, 0.05)
F1_MAX = {"image_threshold_f1_max": -0.25, "pixel_threshold_f1_max": -0.5}


@pytest.fixture(scope="module")
def detectors():
    """A small detector with random weights by score rule."""
    return {
        rule: Detector(Architecture("efficientnet_lite0", im_resize=32, flow_step=1, score=rule))
        for rule in network_options.SCORES
    }


def know_good(detector, images):
    return judging.know_good(partial(scoring.predict, detector, batch_size=2), images, "given", 0.1)


def judge_of(detector, trained, **given):
    options = config.parse("predict", "", arguments(ckpt_path="x.ckpt", img_dir="pictures", **given))
    return scoring.judge_of(options, "x.ckpt", detector, trained, 2, detector.architecture.framing)


def test_what_the_network_makes_of_good_images_does_not_depend_on_chunks(detectors, monkeypatch):
    images = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), np.uint8)
    maps, scores = scoring.predict(detectors["maximum"], images, 2)
    wanted = GoodPictures.of("given", maps, scores, 0.1)
    for chunk in (64, 2):
        monkeypatch.setattr(judging, "CHUNK", chunk)
        found = know_good(detectors["maximum"], images)
        assert found.scores == pytest.approx(wanted.scores, abs=1e-6)
        assert found.peaks == pytest.approx(wanted.peaks, abs=1e-6)
        assert (found.source, found.false_alarms) == ("given", 0.1)


def test_the_checkpoints_good_pictures_judge(detectors, caplog):
    trained = Metadata("detector", good_pictures=GOOD, thresholds=F1_MAX)
    with caplog.at_level(logging.INFO, "fastflow"):
        assert judge_of(detectors["maximum"], trained) == Judge.of(GOOD)
        assert caplog.messages == []
        assert judge_of(detectors["maximum"], trained, false_alarms=0.01) == Judge.of(GOOD, 0.01)
        assert caplog.messages == ["21 held-out good pictures allow no less than 4.5 % false alarms; 1 % needs 99"]


def test_an_older_checkpoints_test_set_judges_and_it_is_said(detectors, caplog):
    trained = Metadata("detector", thresholds=F1_MAX)
    with caplog.at_level(logging.INFO, "fastflow"):
        assert judge_of(detectors["maximum"], trained) == Judge.of_test_set(F1_MAX)
    assert caplog.messages == Judge.of_test_set(F1_MAX).remarks()
    with pytest.raises(UserError) as caught:
        judge_of(detectors["maximum"], trained, false_alarms=0.1)
    text = "--false_alarms: x.ckpt knows no good pictures to choose thresholds on; give some: --good_dir"
    assert str(caught.value) == text


def test_a_converted_model_gives_no_verdicts_until_it_sees_good_pictures(detectors, data, tmp_path, caplog):
    detector, trained = detectors["deviation"], Metadata("detector", converted_from="model.pt")
    with caplog.at_level(logging.INFO, "fastflow"):
        assert judge_of(detector, trained) is None
        assert caplog.messages == ["no verdicts: the model knows no good pictures; give a folder of some: --good_dir"]
    shutil.copytree(data / "fabric/train/good", tmp_path / "good/one")
    shutil.copytree(data / "fabric/test/good", tmp_path / "good/two")
    judge = judge_of(detector, trained, good_dir=tmp_path / "good", false_alarms=0.3)
    assert (judge.source, judge.pictures, judge.false_alarms) == ("given", 16, 0.3)
    samples = good_samples(pictures_under(tmp_path / "good", "good_dir"))
    wanted = Judge.of(GoodPictures.of("given", *scoring.predict(detector, load_images(samples, 32), 2), 0.3))
    for found, reading in zip((judge.image, judge.pixel), (wanted.image, wanted.pixel)):
        assert dataclasses.astuple(found) == pytest.approx(dataclasses.astuple(reading), rel=1e-6)
    other = judge_of(detector, Metadata("detector", good_pictures=GOOD), good_dir=tmp_path / "good")
    assert (other.source, other.pictures, other.false_alarms) == ("given", 16, GOOD.false_alarms)  # the training's
    with pytest.raises(UserError, match=r"^no pictures in .*/nowhere; give a folder of pictures as --good_dir$"):
        judge_of(detector, trained, good_dir=tmp_path / "nowhere")


def test_images_that_are_decoded_when_needed_are_scored_as_others(detectors, data):
    samples = good_samples(pictures_under(data / "fabric/test/good", "good_dir"))
    one, other = (
        know_good(detectors["maximum"], images) for images in (Images(samples, 32, None), load_images(samples, 32))
    )
    assert one == other
