"""ResNet-18 and WideResNet-50-2 (torchvision's v1.5), stages 1 to 3, with batch norms folded into convolutions.

A frozen encoder's batch norm is a constant scale and offset per channel: `src/convert_encoder.py` folds
it into the convolution before it, once, in float64. What is left is a convolution with bias.
"""

from mindspore import Tensor, nn, ops


def conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A zero-padded convolution with bias; the output is the input's size over `stride`."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride, pad_mode="pad", padding=kernel // 2, has_bias=True)


def pad_top_left(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H + 1, W + 1) for the pooling, which ONNX export only has without padding.

    After a ReLU, zeros pad as minus infinity would; the lower right border is never reached for an even size.
    Concatenation is several times faster than nn.Pad on the CPU.
    """
    batch, channels, height, width = x.shape
    x = ops.concat((ops.zeros((batch, channels, 1, width), x.dtype), x), 2)
    return ops.concat((ops.zeros((batch, channels, height + 1, 1), x.dtype), x), 3)


class BasicBlock(nn.Cell):
    """Two 3x3 convolutions and a shortcut: (B, channels_in, H, W) -> (B, width, H/stride, W/stride)."""

    expansion = 1

    def __init__(self, channels_in: int, width: int, stride: int):
        super().__init__()
        self.conv1 = conv(channels_in, width, 3, stride)
        self.conv2 = conv(width, width, 3)
        self.downsample = shortcut(channels_in, width, stride)
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        y = self.conv2(self.relu(self.conv1(x)))
        return self.relu(y + self.downsample(x))


class Bottleneck(nn.Cell):
    """1x1, 3x3 (stride here, as in v1.5), 1x1 and a shortcut: (B, channels_in, H, W) -> (B, 4 * 64 * 2^i, ...).

    `width` counts as in ResNet-50; the wide variant doubles the inner channels only.
    """

    expansion = 4

    def __init__(self, channels_in: int, width: int, stride: int):
        super().__init__()
        inner, channels_out = 2 * width, self.expansion * width
        self.conv1 = conv(channels_in, inner, 1)
        self.conv2 = conv(inner, inner, 3, stride)
        self.conv3 = conv(inner, channels_out, 1)
        self.downsample = shortcut(channels_in, channels_out, stride)
        self.relu = nn.ReLU()

    def construct(self, x: Tensor) -> Tensor:
        y = self.conv3(self.relu(self.conv2(self.relu(self.conv1(x)))))
        return self.relu(y + self.downsample(x))


def shortcut(channels_in: int, channels_out: int, stride: int) -> nn.Cell:
    """The identity where shapes agree, else a 1x1 convolution."""
    if stride == 1 and channels_in == channels_out:
        return nn.Identity()
    return nn.SequentialCell(conv(channels_in, channels_out, 1, stride))


class ResNet(nn.Cell):
    """Stages 1 to 3 of a ResNet (He et al., arXiv 1512.03385).

    Args:
        block: `BasicBlock`, or `Bottleneck` for the wide ResNet-50-2.
        depths: blocks per stage.

    Inputs: normalised RGB (B, 3, S, S). Outputs: three maps, strides 4, 8 and 16.
    """

    def __init__(self, block: type, depths: tuple[int, int, int]):
        super().__init__()
        self.conv1 = conv(3, 64, 7, 2)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, 2)
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
        c1 = self.layer1(self.pool(pad_top_left(self.relu(self.conv1(image)))))
        c2 = self.layer2(c1)
        return c1, c2, self.layer3(c2)


def resnet18() -> ResNet:
    """ResNet-18: 64, 128 and 256 channels."""
    return ResNet(BasicBlock, (2, 2, 2))


def wide_resnet50_2() -> ResNet:
    """WideResNet-50-2 (arXiv 1605.07146): 256, 512 and 1024 channels."""
    return ResNet(Bottleneck, (3, 4, 6))
