"""ResNet-50 and WideResNet-50-2 (torchvision's v1.5), stages 1 to 3, and their published weights."""

from collections.abc import Mapping
from functools import partial

import numpy as np
from mindspore import Tensor, nn

from src.encoder_spec import IMAGENET_MEAN, IMAGENET_STD, EncoderSpec, PublishedWeights
from src.resnet import NAMING, ResNet, conv, shortcut


class Bottleneck(nn.Cell):
    """1x1, 3x3 and 1x1 convolutions and a shortcut: (B, channels_in, H, W) -> (B, 4 width, H/stride, W/stride).

    The 3x3 convolution has the stride, as in v1.5.
    """

    expansion, widening = 4, 1

    def __init__(self, channels_in: int, width: int, stride: int):
        super().__init__()
        inner, channels_out = self.widening * width, self.expansion * width
        self.conv1 = conv(channels_in, inner, 1)
        self.conv2 = conv(inner, inner, 3, stride)
        self.conv3 = conv(inner, channels_out, 1)
        self.downsample = shortcut(channels_in, channels_out, stride)

    def construct(self, x: Tensor) -> Tensor:
        return self.conv3(self.conv2(self.conv1(x)), self.downsample(x))


class WideBottleneck(Bottleneck):
    """The wide network's: twice the channels inside the block, and nothing else."""

    widening = 2


def resnet50() -> ResNet:
    """ResNet-50: 256, 512 and 1024 channels."""
    return ResNet(Bottleneck, (3, 4, 6))


def wide_resnet50_2() -> ResNet:
    """WideResNet-50-2 (arXiv 1605.07146): 256, 512 and 1024 channels."""
    return ResNet(WideBottleneck, (3, 4, 6))


def is_50_layers_deep(state: Mapping[str, np.ndarray], inner: int) -> bool:
    """Its blocks have three convolutions, those of the first stage with so many channels inside; its third stage has
    six blocks, where the networks of 101 and 152 layers have more."""
    found = state.get("layer1.0.conv2.weight")
    is_bottleneck = "layer1.0.conv3.weight" in state and "layer3.6.conv1.weight" not in state
    return is_bottleneck and found is not None and found.shape[:1] == (inner,)


RESNET50 = EncoderSpec(
    build=resnet50,
    channels=(256, 512, 1024),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    weights=(
        PublishedWeights(
            "resnet50-0676ba61.pth",
            "torchvision",
            sha256="0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
            size=102530333,
            address="https://download.pytorch.org/models/resnet50-0676ba61.pth",
        ),
        PublishedWeights(
            "resnet50_a1_0-14fe96d1.pth",
            "timm",
            sha256="14fe96d1",
            address="https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-rsb-weights/"
            "resnet50_a1_0-14fe96d1.pth",
        ),
    ),
    naming=NAMING,
    recognises=partial(is_50_layers_deep, inner=64),
)
WIDE_RESNET50_2 = EncoderSpec(
    build=wide_resnet50_2,
    channels=(256, 512, 1024),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    weights=(
        PublishedWeights(
            "wide_resnet50_racm-8234f177.pth",
            "timm",
            sha256="8234f177",
            address="https://github.com/huggingface/pytorch-image-models/releases/download/v0.1-weights/"
            "wide_resnet50_racm-8234f177.pth",
        ),
        PublishedWeights(
            "wide_resnet50_2-95faca4d.pth",
            "torchvision",
            sha256="95faca4d11227dddf8633dbb5ff6c8a9003c1aa5b8945c73834b8007b10950b8",
            size=138223492,
            address="https://download.pytorch.org/models/wide_resnet50_2-95faca4d.pth",
        ),
    ),
    naming=NAMING,
    recognises=partial(is_50_layers_deep, inner=128),
)
