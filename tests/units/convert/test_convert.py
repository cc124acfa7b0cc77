"""Reading files of other software: where the weights are inside, and what is no file of weights. No code is run."""

import pickle
from pathlib import Path

import pytest
import torch

from src.convert.convert import convert
from tests.support.foreign_weights import refusal, resnet18_state, save


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_a_state_dict_inside_a_training_checkpoint(tmp_path, key):
    source = save({key: resnet18_state(), "epoch": 90, "optimizer": {"lr": 0.1}}, tmp_path)
    assert convert(source, tmp_path / "e.ckpt", "resnet18", None, None).endswith("encoder resnet18")


class Trap:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["evil.pth", "evil.ckpt"])
def test_code_in_a_pickle_is_not_run(tmp_path, name):
    ran = tmp_path / "ran"
    source = save({"state_dict": resnet18_state(), "callbacks": Trap(ran)}, tmp_path, name)
    message = refusal(source)
    assert not ran.exists()
    assert message.startswith(f"{source} holds more than weights, and is not unpickled for safety; ")
    torch.load(source, weights_only=False)
    assert ran.exists()  # the trap is one


@pytest.mark.parametrize("name", ["evil.pth", "evil.ckpt"])
def test_code_in_a_bare_pickle_is_not_run(tmp_path, name):
    ran = tmp_path / "ran"
    (tmp_path / name).write_bytes(pickle.dumps(Trap(ran), protocol=2))
    refusal(tmp_path / name)
    assert not ran.exists()


@pytest.mark.parametrize("content", [b"", b"no weights\n" * 50, b"PK\x03\x04 half a zip", b"\x80\x02}q"])
@pytest.mark.parametrize("name", ["w.pth", "w.ckpt"])
def test_files_without_weights(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert message.startswith(f"{tmp_path / name} ")
    assert "is not a" in message


def test_a_truncated_file(tmp_path):
    source = save(resnet18_state(), tmp_path)
    source.write_bytes(source.read_bytes()[:-5000])
    assert refusal(source) == f"{source} is not a PyTorch file, or is damaged; get it again"


def test_a_missing_file_and_a_folder(tmp_path):
    assert refusal(tmp_path / "none.pth") == f"no file {tmp_path}/none.pth; check --pth_path"
    assert refusal(tmp_path) == f"no file {tmp_path}; check --pth_path"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2], "holds a list, not a state dict; save model.state_dict()"),
        (torch.ones(2), "holds a Tensor, not a state dict; save model.state_dict()"),
        ({}, "it begins with nothing"),
        ({"epoch": 3}, "it begins with nothing"),
        ({"features.0.weight": torch.ones(2)}, "it begins with features.0.weight"),
    ],
)
def test_pytorch_files_that_are_no_encoder(tmp_path, value, text):
    assert text in refusal(save(value, tmp_path))
