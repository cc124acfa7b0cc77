"""ResNet-18, stages 1 to 3, and what all ResNets share: the network, and the naming of the published weights.

The networks have no batch norms. In a frozen encoder a batch norm is a constant scale and offset per channel, which
`src.convert.encoder` folds into the convolution before it. What is left is a convolution with bias.
"""

import re
from collections.abc import Mapping

import numpy as np
from mindspore import Tensor, nn, ops

from src.encoder_spec import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec, PublishedWeights, WeightNaming
from src.layers import ConvActivation


def conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1, activation: str = "relu") -> ConvActivation:
    """A zero-padded convolution with bias and activation; it divides height and width by `stride`."""
    padding = {"pad_mode": "pad", "padding": kernel // 2}
    return ConvActivation(channels_in, channels_out, kernel, stride, activation, **padding)


class StemPool(nn.Cell):
    """Maxima over windows of 3 x 3 and after a ReLU: (B, C, H, W), H and W even -> (B, C, H / 2, W / 2).

    A row of zeros above and a column of zeros to the left stand before the pooling, because MindSpore's ONNX export has
    none with padding. After a ReLU, a zero changes a maximum as little as minus infinity would. Below and to the right
    no padding is needed: for an even height and width, the windows end at the border.
    """

    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(3, 2)

    def construct(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape  # concatenation is several times faster on the CPU than nn.Pad
        x = ops.concat((ops.zeros((batch, channels, 1, width), x.dtype), x), 2)
        return self.pool(ops.concat((ops.zeros((batch, channels, height + 1, 1), x.dtype), x), 3))


class BasicBlock(nn.Cell):
    """Two 3x3 convolutions and a shortcut: (B, channels_in, H, W) -> (B, width, H/stride, W/stride)."""

    expansion = 1

    def __init__(self, channels_in: int, width: int, stride: int):
        super().__init__()
        self.conv1 = conv(channels_in, width, 3, stride)
        self.conv2 = conv(width, width, 3)
        self.downsample = shortcut(channels_in, width, stride)

    def construct(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x), self.downsample(x))


def shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Cell:
    """The identity where input and output have the same shape, else a 1x1 convolution."""
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return nn.SequentialCell(conv(channels_in, channels_out, 1, stride, "none"))


class ResNet(nn.Cell):
    """Stages 1 to 3 of a ResNet (He et al., arXiv 1512.03385).

    Args:
        block: `BasicBlock`, or one of `src.resnet50`.
        depths: blocks per stage.

    Inputs: normalised RGB (B, 3, H, W). Outputs: three maps (B, C_i, H / s, W / s) at the strides s 4, 8 and 16.
    """

    def __init__(self, block: type, depths: tuple[int, int, int]):
        super().__init__()
        self.conv1 = conv(3, 64, 7, 2)
        self.pool = StemPool()
        channels = 64
        stages = []
        for width, depth, stride in zip((64, 128, 256), depths, (1, 2, 2)):
            blocks = []
            for i in range(depth):
                blocks.append(block(channels, width, stride if i == 0 else 1))
                channels = block.expansion * width
            stages.append(nn.SequentialCell(*blocks))
        self.layer1, self.layer2, self.layer3 = stages

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c1 = self.layer1(self.pool(self.conv1(image)))
        c2 = self.layer2(c1)
        return c1, c2, self.layer3(c2)


def resnet18() -> ResNet:
    """ResNet-18: 64, 128 and 256 channels."""
    return ResNet(BasicBlock, (2, 2, 2))


def batch_norm_of(conv: str) -> str | None:
    """torchvision's name of the batch norm behind a convolution: convN -> bnN, downsample.0 -> downsample.1."""
    if match := re.fullmatch(r"(|.*\.)conv(\d)", conv):
        return f"{match[1]}bn{match[2]}"
    return conv.removesuffix("0") + "1" if conv.endswith(".downsample.0") else None


def is_resnet18(state: Mapping[str, np.ndarray]) -> bool:
    """Its blocks have two convolutions, and its first stage two blocks, where ResNet-34 has three."""
    others = ("layer1.0.conv3.weight", "layer1.2.conv1.weight")
    return "layer1.0.conv2.weight" in state and not any(name in state for name in others)


NAMING = WeightNaming(
    beyond_stride_16=re.compile(r"(layer4|fc|classifier)\."),
    batch_norm_of=batch_norm_of,
    our_name=lambda conv: conv,
)

RESNET18 = EncoderSpec(
    build=resnet18,
    channels=(64, 128, 256),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    weights=(
        PublishedWeights(
            "resnet18-f37072fd.pth",
            "torchvision",
            sha256="f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
            size=46830571,
            address="https://download.pytorch.org/models/resnet18-f37072fd.pth",
        ),
    ),
    naming=NAMING,
    recognises=is_resnet18,
    conv3x3_only=True,
)
