"""What a checkpoint says: every key comes back, and what is not valid is named."""

import json
from dataclasses import asdict, fields
from pathlib import Path

import pytest

from src.detector import Architecture
from src.good_pictures import GoodPictures
from src.metadata import Metadata
from src.option import Role
from src.options import options_of
from src.utils import UserError

PATH = Path("x.ckpt")
WHOLE = Metadata(
    "state",
    backbone="resnet18",
    architecture=Architecture("resnet18", conv3x3_only=True),
    category="nut",
    converted_from="model.pt",
    options={"lr": 0.001, "shards": 2},
    epoch=3,
    gt_protocol="nearest",
    thresholds={"pixel_threshold_f1_max": -0.5, "image_threshold_f1_max": None},
    good_pictures=GoodPictures("held out", (-0.5, -0.25), (-0.75, -0.5), 0.01),
    held_out=["good/003", "good/005"],
    versions={"mindspore": "2.10.0"},
    split={"dataset": "mvtec", "split_seed": 0, "train_list": None},
    bit_depth=12,
    roi="0" * 64,
    colour_scale=(-0.9, -0.1),
    pictures=7,
    batch_size=4,
    progress={"step": 2, "seconds": 1.5, "losses": [3.0, 2.0], "history": []},
)


def test_every_key_comes_back():
    assert all(getattr(WHOLE, each.name) is not None for each in fields(Metadata))
    assert Metadata.from_json(WHOLE.to_json(), PATH) == WHOLE


def test_what_does_not_apply_is_not_in_the_file():
    assert json.loads(Metadata("encoder", backbone="resnet18").to_json()) == {
        "format": 1,
        "kind": "encoder",
        "backbone": "resnet18",
    }


def test_a_training_from_before_an_option_was_as_all_were_then():
    found = Metadata("detector", options={"lr": 1.0}).trained_options
    assert (found["lr"], found["amp_level"], found["shards"], found["held_out"]) == (1.0, "O0", 1, 0)
    assert (found["lr_schedule"], found["ema_decay"], found["convolution"]) == ("constant", 0, "direct")
    assert set(found) == {name for name, option in options_of("train").items() if Role.AGREE in option.roles}
    assert WHOLE.trained_options == found | WHOLE.options


def test_files_that_lack_newer_options_have_their_defaults():
    said = json.loads(WHOLE.to_json())
    del said["architecture"]["norm_affine"], said["split"]["train_list"]
    found = Metadata.from_json(json.dumps(said), PATH)
    assert found == WHOLE


def test_older_files_thresholds_are_of_the_best_f1():
    said = json.loads(WHOLE.to_json()) | {"thresholds": {"pixel_threshold": -0.5, "image_threshold": -0.25}}
    found = Metadata.from_json(json.dumps(said), PATH)
    assert found.thresholds == {"pixel_threshold_f1_max": -0.5, "image_threshold_f1_max": -0.25}


GOOD = asdict(WHOLE.good_pictures)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "thing"),
        ("kind", ["encoder"]),
        ("backbone", 3),
        ("architecture", {"backbone": "vgg"}),
        ("architecture", asdict(WHOLE.architecture) | {"backbone": "vgg"}),
        ("architecture", asdict(WHOLE.architecture) | {"more": 1}),
        ("category", 7),
        ("options", []),
        ("epoch", "3"),
        ("epoch", True),
        ("thresholds", {"pixel_threshold": "low"}),
        ("good_pictures", GOOD | {"more": 1}),
        ("good_pictures", {"scores": [0.5], "peaks": [0.5]}),
        ("good_pictures", GOOD | {"source": "elsewhere"}),
        ("good_pictures", GOOD | {"source": ["held out"]}),
        ("good_pictures", GOOD | {"scores": [0.5]}),
        ("good_pictures", GOOD | {"scores": [], "peaks": []}),
        ("good_pictures", GOOD | {"peaks": [0.5, 1e300]}),
        ("good_pictures", GOOD | {"peaks": [0.5, True]}),
        ("good_pictures", GOOD | {"peaks": 0.5}),
        ("good_pictures", GOOD | {"false_alarms": 0}),
        ("good_pictures", GOOD | {"false_alarms": 0.6}),
        ("held_out", "good/003"),
        ("held_out", [3]),
        ("split", {"dataset": "mvtec", "more": 1}),
        ("colour_scale", [1.0]),
        ("colour_scale", [1.0, "hot"]),
        ("pictures", 2.5),
        ("progress", {"step": 1}),
        ("progress", {"step": -1, "seconds": 1.5, "losses": [], "history": []}),
        ("progress", {"step": 1, "seconds": "1", "losses": [], "history": []}),
        ("progress", {"step": 1, "seconds": 1.5, "losses": [2.0, 3.0], "history": []}),
        ("progress", {"step": 1, "seconds": 1.5, "losses": ["x"], "history": []}),
        ("progress", {"step": 1, "seconds": 1.5, "losses": [], "history": [{"pixel_auc": "x"}]}),
        ("architecture", asdict(WHOLE.architecture) | {"flow_step": 0}),
        ("architecture", asdict(WHOLE.architecture) | {"flow_step": 10**9}),
        ("architecture", asdict(WHOLE.architecture) | {"im_resize": 33}),
        ("architecture", asdict(WHOLE.architecture) | {"conv3x3_only": 1}),
        ("architecture", asdict(WHOLE.architecture) | {"hidden_ratio": "1"}),
        ("architecture", asdict(WHOLE.architecture) | {"score": "best"}),
        ("options", {"lr": "fast"}),
        ("options", {"lr": -1}),
        ("options", {"more": []}),
        ("category", "a\nerror: b"),
        ("gt_protocol", "mine"),
        ("epoch", -1),
        ("versions", {"mindspore": 2}),
        ("split", {"dataset": "imagenet"}),
        ("split", {"split_seed": -1}),
        ("colour_scale", [0.5, 0.5]),
        ("batch_size", 0),
        ("surprise", 1),
    ],
)
def test_what_is_not_valid_is_named(key, value):
    text = json.dumps(json.loads(WHOLE.to_json()) | {key: value})
    with pytest.raises(UserError) as caught:
        Metadata.from_json(text, PATH)
    assert str(caught.value).startswith(f"x.ckpt says {key} ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "null"])
def test_what_is_no_json_object_is_damaged(text):
    with pytest.raises(UserError, match=r"^x\.ckpt is damaged: what it says of itself is not JSON; write it again$"):
        Metadata.from_json(text, PATH)


@pytest.mark.parametrize(("said", "found"), [({"kind": "encoder"}, "None"), ({"format": 2, "kind": "encoder"}, "2")])
def test_another_format_is_refused(said, found):
    with pytest.raises(UserError, match=rf"^x\.ckpt has format {found}, not 1; use the version that wrote it$"):
        Metadata.from_json(json.dumps(said), PATH)


def test_a_kind_is_needed():
    with pytest.raises(UserError, match=r"^x\.ckpt says kind null, which is not known here"):
        Metadata.from_json('{"format": 1}', PATH)
