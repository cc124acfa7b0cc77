"""The training pictures' features: encoded anew, or kept in memory or on the disk, they are the same."""

import errno
import os
from dataclasses import replace

import numpy as np
import pytest
from mindspore import Tensor

from src import features
from src.encoder import ENCODERS
from src.features import EncodedPictures, training_features
from src.trust import scratch
from src.utils import UserError

COUNT, SIZE = 2 * features.ENCODE_BATCH + 3, 32  # pictures; the last batch of the encoder is not full


class _FakeEncoder:
    """In the encoder's place: features of the right shapes that are each picture's own."""

    calls = 0

    def __call__(self, images):
        _FakeEncoder.calls += 1
        means = images.asnumpy().mean((1, 2, 3))
        sizes = [SIZE // stride for stride in ENCODERS["efficientnet_lite0"].strides]
        return tuple(
            Tensor(np.broadcast_to(means[:, None, None, None], (len(means), channels, size, size)).copy())
            for channels, size in zip(ENCODERS["efficientnet_lite0"].channels, sizes)
        )


@pytest.fixture
def encoded():
    images = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)
    return EncodedPictures(_FakeEncoder(), images, "efficientnet_lite0")


@pytest.mark.parametrize(
    ("cache", "limit_gb", "kept"), [("off", None, False), ("auto", None, True), ("auto", 0.0, True), ("on", 0.0, True)]
)
def test_the_same_features_wherever_they_are_kept(encoded, tmp_path, cache, limit_gb, kept):
    place = tmp_path / "fastflow_fabric.rank0.features"
    indices = np.array([COUNT - 1, 0, 7, 7])
    wanted = encoded.batch(indices)
    with training_features(encoded, cache, limit_gb, place) as source:
        calls = _FakeEncoder.calls
        found = source.batch(indices)
        assert (_FakeEncoder.calls == calls) == kept
        on_the_disk = os.listdir(tmp_path)
        assert len(on_the_disk) == (limit_gb == 0)
        assert all(name.startswith(".fastflow_fabric.rank0.features.") for name in on_the_disk)
        assert not any(os.listdir(tmp_path / name) for name in on_the_disk)  # files without a name
        if kept:
            assert all(isinstance(array, np.memmap) == (limit_gb == 0) for array in source.arrays)
    for one, other in zip(wanted, found):
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_an_encoder_is_given_no_more_than_it_takes(encoded, most):
    indices = np.array([COUNT - 1, 0, 7, 7, 3])
    wanted = [feature.asnumpy() for feature in encoded.batch(indices)]
    given = []
    limited = EncodedPictures(
        encoded.encoder, encoded.images, "efficientnet_lite0", lambda encoder, images: given.append(len(images))
    )
    limited.spec = replace(limited.spec, most_at_once=most)
    found = limited.batch(indices)
    assert given == ([5] if most >= 5 else [most] * -(-5 // most))  # one size
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(one, other.asnumpy())


def test_features_that_the_disk_changed_are_noticed(encoded, tmp_path):
    with training_features(encoded, "on", 0.0, tmp_path / "x.features") as source:
        source.arrays[1].view(np.uint8)[7, 0, 0, 0] ^= 1
        source.batch(np.array([6, 8]))
        with pytest.raises(UserError, match=r"^the features on the disk are not what was written; check the disk"):
            source.batch(np.array([6, 7]))


def test_a_disk_that_fills_up_is_one_line(encoded, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scratch.os, "posix_fallocate", full)
    with (
        pytest.raises(
            UserError, match=rf"^cannot keep features in {tmp_path}: No space left on device; free disk space$"
        ),
        training_features(encoded, "on", 0.0, tmp_path / "x.features"),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_features_that_fit_nowhere(encoded, tmp_path, monkeypatch):
    monkeypatch.setattr(features.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with training_features(encoded, "auto", 0.0, tmp_path / "x.features") as source:
        assert source is encoded
    with (
        pytest.raises(UserError, match=r"--cache_features on: .* fit neither the memory limit of .* nor"),
        training_features(encoded, "on", 0.0, tmp_path / "x.features"),
    ):
        pass
    assert os.listdir(tmp_path) == []
