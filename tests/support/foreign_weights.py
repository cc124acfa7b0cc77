"""Files of other software, as the converter is given them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import torch_encoders
from src.convert.convert import convert
from src.utils import UserError


def save(state: object, folder: Path, name: str = "weights.pth") -> Path:
    """Write a PyTorch file; returns its path."""
    torch.save(state, folder / name)
    return folder / name


def resnet18_state() -> dict[str, torch.Tensor]:
    """A classifier's state dict with random weights: with layer4 and fc, as torchvision's file."""
    torch.manual_seed(1)
    model = torch_encoders.encoder("resnet18")
    model.layer4 = nn.Sequential(torch_encoders.BasicBlock(256, 512, 2), torch_encoders.BasicBlock(512, 512, 1))
    model.fc = nn.Linear(512, 1000)
    return dict(model.state_dict())


def refusal(source: Path, arch: str | None = None, im_resize: int | None = None) -> str:
    """The one line with which the converter refuses a file; checks that it writes nothing then."""
    target = source.with_name("refused.ckpt")
    with pytest.raises(UserError) as caught:
        convert(source, target, arch, None, im_resize)
    assert "\n" not in str(caught.value)
    assert not target.exists()
    return str(caught.value)
