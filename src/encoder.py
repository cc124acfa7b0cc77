"""The frozen ImageNet encoder: pictures -> standardised features at three strides.

To add an encoder, write an `EncoderSpec` in a module like `src.resnet`, and enter it in `ENCODERS` and its name in
`src.options.BACKBONES`.
"""

from mindspore import Tensor, nn, ops

from src.efficientnet import EFFICIENTNET_LITE0
from src.encoder_spec import EncoderSpec
from src.kernels.operations import Spread
from src.resnet import RESNET18, WIDE_RESNET50_2

STRIDES = (4, 8, 16)  # of every encoder's three maps

ENCODERS: dict[str, EncoderSpec] = {
    "wide_resnet50_2": WIDE_RESNET50_2,
    "resnet18": RESNET18,
    "efficientnet_lite0": EFFICIENTNET_LITE0,
}


class Standardize(nn.Cell):
    """LayerNorm over (C, H, W) without its affine part: (B, C, H, W) -> the same shape.

    It is computed from mean and variance, because neither nn.LayerNorm over three axes nor Rsqrt exports to ONNX.
    """

    def __init__(self, eps: float = 1e-5):
        super().__init__()
        self.eps, self.spread = eps, Spread()

    def construct(self, x: Tensor) -> Tensor:
        centred = x - self.spread(x.mean((1, 2, 3), keep_dims=True), x)
        variance = ops.square(centred).mean((1, 2, 3), keep_dims=True)
        return centred / self.spread(ops.sqrt(variance + self.eps), x)


class Encoder(nn.Cell):
    """Pictures -> standardised features.

    Nothing in it learns, so the features of a training picture can be computed once and kept.

    Args:
        backbone: a key of `ENCODERS`.

    Inputs: normalised RGB (B, 3, S, S), float32, S a multiple of 16.
    Outputs: three maps (B, C_i, S/stride_i, S/stride_i), float32, each picture's with mean 0 and variance 1.
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
