"""Checkpoints: what is written is read again, and nothing that does not fit is loaded."""

import os
from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src import checkpoint
from src.detector import Architecture, Detector
from src.encoder import ENCODERS, Encoder
from src.metadata import Metadata
from src.utils import UserError

TINY = Architecture("efficientnet_lite0", im_resize=32, flow_step=2, hidden_ratio=0.5, norm_affine=False)


@pytest.fixture(scope="module")
def detector():
    """A small detector, random weights."""
    return Detector(TINY, seed=3)


@pytest.fixture
def saved(detector, tmp_path):
    """Its checkpoint."""
    checkpoint.save_detector(tmp_path / "model.ckpt", detector, category="nut", epoch=3)
    return tmp_path / "model.ckpt"


def arrays_of(cell):
    return {name: parameter.asnumpy().copy() for name, parameter in checkpoint.named_parameters(cell).items()}


def error_of(function, *arguments):
    """The one line of a UserError."""
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_detector_comes_back_whole(detector, saved):
    loaded, metadata = checkpoint.load_detector(saved)
    assert metadata == Metadata("detector", architecture=TINY, category="nut", epoch=3)
    assert loaded.architecture == TINY
    wanted, found = arrays_of(detector), arrays_of(loaded)
    assert set(found) == set(wanted)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert found[name].dtype == array.dtype
    assert any(np.any(array != arrays_of(Detector(TINY, seed=4))[name]) for name, array in wanted.items())
    image = Tensor(np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32))
    np.testing.assert_array_equal(loaded(image)[0].asnumpy(), detector(image)[0].asnumpy())


def test_words_in_any_language_come_back(detector, tmp_path):
    checkpoint.save_detector(tmp_path / "schön.ckpt", detector, category="Öse 螺母 'x' \"y\"")
    assert checkpoint.load_detector(tmp_path / "schön.ckpt")[1].category == "Öse 螺母 'x' \"y\""


def test_the_file_can_be_read_and_replaced_by_its_owner(detector, saved):
    umask = os.umask(0)
    os.umask(umask)
    assert saved.stat().st_mode & 0o777 == 0o666 & ~umask
    checkpoint.save_detector(saved, detector, category="bolt")  # MindSpore's own files refuse this
    assert checkpoint.load_detector(saved)[1].category == "bolt"
    assert [path.name for path in saved.parent.iterdir()] == ["model.ckpt"]


def test_a_training_state_serves_as_a_detector(detector, tmp_path):
    arrays = checkpoint.named_parameters(detector) | {f"{checkpoint.OPTIMIZER}moment1.x": Tensor(np.ones(3))}
    checkpoint.save(tmp_path / "s.ckpt", arrays, Metadata("state", architecture=TINY))
    loaded, _ = checkpoint.load_detector(tmp_path / "s.ckpt")
    np.testing.assert_array_equal(
        arrays_of(loaded)["encoder.backbone.conv_stem.weight"], arrays_of(detector)["encoder.backbone.conv_stem.weight"]
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda a: a.pop("fastflow.flows.0.steps.1.conv2.bias"), "fastflow.flows.0.steps.1.conv2.bias is missing"),
        (lambda a: a.update({"head.weight": np.ones(2)}), "head.weight is unexpected"),
        (
            lambda a: a.update({"fastflow.flows.0.steps.0.global_scale": np.ones((1, 24, 1), np.float32)}),
            "fastflow.flows.0.steps.0.global_scale is (1, 24, 1) where the network has (1, 24, 1, 1)",
        ),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_changed(detector, change, problem):
    before = arrays_of(detector)
    arrays = {name: array + 1 for name, array in before.items()}
    change(arrays)
    message = error_of(checkpoint.assign, checkpoint.named_parameters(detector), arrays, "x.ckpt")
    assert message == f"x.ckpt does not fit the network: {problem}; use the file made for it"
    for name, array in arrays_of(detector).items():
        np.testing.assert_array_equal(array, before[name])


def test_of_many_problems_three_are_named(detector):
    message = error_of(checkpoint.assign, checkpoint.named_parameters(detector), {}, "x.ckpt")
    assert message.count(" is missing") == 3
    assert f"and {len(arrays_of(detector)) - 3} more; use" in message


def test_a_checkpoint_of_another_size_does_not_fit(detector, tmp_path):
    metadata = Metadata("detector", architecture=replace(TINY, hidden_ratio=1.0))
    checkpoint.save(tmp_path / "x.ckpt", checkpoint.named_parameters(detector), metadata)
    message = error_of(checkpoint.load_detector, tmp_path / "x.ckpt")
    assert "fastflow.flows.0.steps.0.conv1.weight is (6, 12, 3, 3) where the network has (12, 12, 3, 3)" in message


def test_files_that_are_no_checkpoint(saved, tmp_path):
    read = checkpoint.load_detector
    content = saved.read_bytes()
    damaged = "{} is not a MindSpore checkpoint, or is damaged; write it again"
    for name, data in {
        "empty.ckpt": b"",
        "text.ckpt": b"not a checkpoint\n" * 100,
        "half.ckpt": content[: len(content) // 2],
        "end.ckpt": content[:-1],
        "pickle.ckpt": b"\x80\x02}q\x00.",
    }.items():
        (tmp_path / name).write_bytes(data)
        assert error_of(read, tmp_path / name) == damaged.format(tmp_path / name)
    missing = tmp_path / "none.ckpt"
    assert error_of(read, missing) == f"no checkpoint {missing}; check the path"
    assert error_of(read, tmp_path) == f"no checkpoint {tmp_path}; check the path"
    (tmp_path / "w.pth").write_bytes(b"PK")
    assert error_of(read, tmp_path / "w.pth") == (
        f"{tmp_path}/w.pth is a PyTorch file; convert it: python src/pthtockpt.py --pth_path {tmp_path}/w.pth"
    )
    (tmp_path / "x.json").write_text("{}")
    assert error_of(read, tmp_path / "x.json") == f"{tmp_path}/x.json is not a .ckpt file; give a MindSpore checkpoint"


def flipped(path, place):
    """The file with another bit at this place."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    return path


def test_no_flipped_bit_is_loaded(detector, saved):
    content = saved.read_bytes()
    rng = np.random.default_rng(5)
    for place in rng.integers(0, len(content), 60):
        saved.write_bytes(content)
        message = error_of(checkpoint.load_detector, flipped(saved, place))
        assert message.startswith(f"{saved} "), place
    weight = arrays_of(detector)["fastflow.flows.0.steps.1.conv2.weight"].tobytes()
    saved.write_bytes(content)
    assert error_of(checkpoint.load_detector, flipped(saved, content.index(weight) + 100)) == (
        f"{saved} is not as it was saved: its digest is another; write it again, or take a copy"
    )


def test_a_file_of_an_older_version_is_read_with_a_warning(detector, tmp_path, caplog):
    metadata, path = Metadata("detector", architecture=TINY, category="nut"), tmp_path / "old.ckpt"
    arrays = [{"name": n, "data": p} for n, p in checkpoint.named_parameters(detector).items()]
    ms.save_checkpoint(arrays, str(path), append_dict={"fastflow_meta": metadata.to_json()})
    loaded, found = checkpoint.load_detector(path)
    assert found == metadata
    assert caplog.messages == [f"{path} is of an older version: it has no digest to check it by"]
    for name, array in arrays_of(loaded).items():
        np.testing.assert_array_equal(array, arrays_of(detector)[name])


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("encoder.backbone.conv_stem.weight", lambda a: a * np.nan, "holds values that are not finite"),
        ("fastflow.flows.2.steps.0.global_offset", lambda a: a + np.inf, "holds values that are not finite"),
        ("fastflow.flows.0.steps.0.permutation", lambda a: a * 0, "is not a permutation"),
        ("fastflow.flows.1.steps.1.permutation", lambda a: a + 1, "is not a permutation"),
        (
            "fastflow.flows.0.steps.0.permutation",
            lambda a: a.astype(np.float32),
            "is of type float32 where the network",
        ),
        ("fastflow.flows.0.steps.0.conv1.bias", lambda a: a.astype(np.int32), "is of type int32 where the network has"),
    ],
)
def test_nonsense_is_not_loaded(detector, tmp_path, name, change, problem):
    arrays = {n: Tensor(change(a) if n == name else a) for n, a in arrays_of(detector).items()}
    checkpoint.save(tmp_path / "x.ckpt", arrays, Metadata("detector", architecture=TINY))
    message = error_of(checkpoint.load_detector, tmp_path / "x.ckpt")
    assert f"{name} {problem}" in message


@pytest.mark.parametrize(
    "change", [{"hidden_ratio": 900.0}, {"flow_step": 1000}, {"im_resize": 4096, "norm_affine": True}]
)
def test_a_network_that_the_file_cannot_hold_is_not_built(detector, tmp_path, monkeypatch, change):
    checkpoint.save_detector(tmp_path / "x.ckpt", detector)
    arrays, metadata = checkpoint.read(tmp_path / "x.ckpt", "detector")
    described = replace(metadata, architecture=replace(TINY, **change))
    checkpoint.save(tmp_path / "x.ckpt", {name: Tensor(array) for name, array in arrays.items()}, described)
    monkeypatch.setattr(checkpoint, "Detector", None)
    message = error_of(checkpoint.load_detector, tmp_path / "x.ckpt")
    assert message.startswith(
        f"{tmp_path}/x.ckpt describes flows of {described.architecture.parameter_count} parameters"
    )


def test_the_parameters_are_counted_without_building_them(detector):
    others = [replace(TINY, norm_affine=True, flow_step=3), replace(TINY, conv3x3_only=True, hidden_ratio=1.3)]
    for architecture in (TINY, *others):
        flows = architecture.build_fastflow()
        assert architecture.parameter_count == sum(parameter.size for parameter in flows.get_parameters())


def test_checkpoints_of_other_software_and_of_the_wrong_kind(saved, tmp_path):
    ms.save_checkpoint([{"name": "a", "data": Tensor(np.ones(2))}], str(tmp_path / "foreign.ckpt"))
    advice = "a trained FastFlow; give train.py's, or convert one: python src/pthtockpt.py --pth_path FILE"
    message = error_of(checkpoint.load_detector, tmp_path / "foreign.ckpt")
    assert message == f"{tmp_path}/foreign.ckpt holds what other software wrote, not {advice}"
    checkpoint.save(tmp_path / "e.ckpt", {"a": Tensor(np.ones(2))}, Metadata("encoder", backbone="resnet18"))
    message = error_of(checkpoint.load_detector, tmp_path / "e.ckpt")
    assert message == f"{tmp_path}/e.ckpt holds an encoder's ImageNet weights, not {advice}"
    message = error_of(checkpoint.load_encoder, Encoder(TINY.backbone), TINY.backbone, saved)
    assert message == (
        f"{saved} holds a trained FastFlow, not an encoder's ImageNet weights; "
        "convert those: python src/pthtockpt.py --pth_path FILE.pth"
    )


@pytest.mark.parametrize("backbone", ENCODERS)
def test_missing_encoder_weights_say_where_they_come_from(tmp_path, backbone):
    path = tmp_path / "weights.ckpt"
    assert error_of(checkpoint.load_encoder, None, backbone, path) == (
        f"no encoder weights {path}; fetch and convert {ENCODERS[backbone].source}: "
        f"python src/pthtockpt.py --arch {backbone} --download"
    )


def test_weights_of_another_encoder(tmp_path):
    path = tmp_path / "e.ckpt"
    checkpoint.save(path, {"a": Tensor(np.ones(2))}, Metadata("encoder", backbone="resnet18"))
    message = error_of(checkpoint.load_encoder, None, "wide_resnet50_2", path)
    assert message == f"{path} holds weights of resnet18, not wide_resnet50_2; give --backbone resnet18"


def test_the_largest_detector_takes_at_most_290_megabytes(tmp_path):
    detector = Detector(Architecture("wide_resnet50_2"))
    parameters = checkpoint.named_parameters(detector)
    assert all(parameter.dtype in (ms.float32, ms.int32) for parameter in parameters.values())
    checkpoint.save_detector(tmp_path / "wide.ckpt", detector, category="bottle")
    size = (tmp_path / "wide.ckpt").stat().st_size
    assert size == pytest.approx(4 * sum(parameter.size for parameter in parameters.values()), rel=1e-3)
    assert size <= 290e6
