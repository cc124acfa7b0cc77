"""Reading files of other software: where the weights are inside, and what is no file of weights. No code is run."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from src.convert.convert import convert, read_state
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


def test_tensors_of_every_dense_type_are_read(tmp_path):
    values = torch.tensor([[1.5, -2.0]])
    state = {str(dtype): values.to(dtype) for dtype in (torch.bfloat16, torch.float16, torch.float64, torch.int8)}
    state |= {"grad": torch.nn.Parameter(values), "scalar": torch.tensor(3), "view": values.t()}
    found = read_state(save(state, tmp_path))
    assert set(found) == set(state)
    assert found["torch.bfloat16"].dtype == np.float32
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value.detach().to(torch.float64).numpy(), err_msg=name)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (torch.eye(3).to_sparse(), "is not a dense tensor of real numbers"),
        (torch.tensor([1j]), "is not a dense tensor of real numbers"),
        (torch.empty(3, device="meta"), "is not a dense tensor of real numbers"),
        (torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "is not a dense tensor of real numbers"),
        (torch.ones(1).expand(10**12), "is larger than the file"),
    ],
)
def test_tensors_that_are_no_weights(tmp_path, value, problem):
    source = save(resnet18_state() | {"conv1.weight": value}, tmp_path)
    assert f"{source}: conv1.weight {problem}" in refusal(source)


def test_names_that_are_no_texts(tmp_path):
    for name in (3, "a\nb", ("a", "b")):
        source = save({name: torch.ones(3)}, tmp_path)
        assert refusal(source) == f"{source} has a tensor whose name is no text; save model.state_dict()"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("bn1.running_var", -torch.ones(64), "bn1.running_var holds a negative variance; get the file again"),
        ("bn1.running_var", torch.full((64,), torch.nan), "conv1.weight holds values that are not finite"),
        ("bn1.weight", torch.full((64,), 1e300, dtype=torch.float64), "conv1.weight holds values that are not finite"),
        ("bn1.weight", torch.tensor(1.0), "bn1 has not the 64 channels of its convolution; get the file again"),
        ("bn1.bias", torch.ones(63), "bn1 has not the 64 channels of its convolution; get the file again"),
        ("layer1.0.conv2.weight", torch.tensor(1.0), "layer1.0.conv2.weight is unexpected in resnet18"),
    ],
)
def test_weights_that_make_no_sense(tmp_path, name, value, problem):
    source = save(resnet18_state() | {name: value}, tmp_path)
    assert refusal(source, "resnet18").startswith(f"{source}: {problem}")


def test_an_archive_that_unpacks_to_more_than_itself(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(10**7))
    assert refusal(tmp_path / "w.pth") == (
        f"{tmp_path}/w.pth is a compressed archive, which PyTorch does not write; get the file again"
    )
