"""The frozen ImageNet encoder: pictures -> standardised features, of most encoders at three strides.

To add an encoder, write an `EncoderSpec` in a module like `src.resnet`, and enter it in `ENCODERS` and its name in
`src.option.BACKBONES`.
"""

from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.cait import CAIT_M48_448
from src.deit import DEIT_BASE_DISTILLED_PATCH16_384
from src.efficientnet import EFFICIENTNET_LITE0, EFFICIENTNET_LITE1, EFFICIENTNET_LITE2
from src.encoder_spec import EncoderSpec
from src.kernels.operations import Spread
from src.layers import Standardize
from src.option import Size, sides
from src.resnet import RESNET18
from src.resnet50 import RESNET50, WIDE_RESNET50_2

ENCODERS: dict[str, EncoderSpec] = {
    "wide_resnet50_2": WIDE_RESNET50_2,
    "resnet50": RESNET50,
    "resnet18": RESNET18,
    "efficientnet_lite0": EFFICIENTNET_LITE0,
    "efficientnet_lite1": EFFICIENTNET_LITE1,
    "efficientnet_lite2": EFFICIENTNET_LITE2,
    "deit_base_distilled_patch16_384": DEIT_BASE_DISTILLED_PATCH16_384,
    "cait_m48_448": CAIT_M48_448,
}


class MeanPool(nn.Cell):
    """The mean over a window around each position, (B, C, H, W) -> the same shape; at the borders, of what is there.

    It is two products with constant matrices, which every runtime can compute, old ones included.

    Args:
        size: H and W, or one number.
        window: height and width of the window, odd.
    """

    def __init__(self, size: Size, window: int):
        super().__init__()
        height, width = sides(size)
        self.columns = self.matrix(width, window)
        self.rows = self.columns if height == width else self.matrix(height, window)

    @staticmethod
    def matrix(size: int, window: int) -> Tensor:
        """What averages along an axis of this length, (size, size)."""
        near = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) <= window // 2
        return Tensor((near / near.sum(0)).astype(np.float32))

    def construct(self, x: Tensor) -> Tensor:
        return self.along_last_axis(self.along_last_axis(x, self.columns), self.rows)

    def along_last_axis(self, x: Tensor, matrix: Tensor) -> Tensor:
        """The mean along the last axis, and the last two axes exchanged.

        They are exchanged in an array of three axes. MindSpore Lite 2.0 exchanges axes of four itself, around a
        convolution, and loses its way where another exchange comes right before it.
        """
        batch, channels, height, width = x.shape
        product = ops.matmul(x.reshape(batch * channels * height, width), matrix)
        exchanged = product.reshape(batch * channels, height, width).transpose(0, 2, 1)
        return exchanged.reshape(batch, channels, width, height)


class Centring(nn.Cell):
    """Features less the mean that good ones have at their position: (B, C, H, W) -> the same shape.

    `src.whitening` chooses the means. Before that it changes nothing.

    Args:
        channels: C; size: H and W, or one number.
    """

    def __init__(self, channels: int, size: Size):
        super().__init__()
        self.mean = Parameter(Tensor(np.zeros((1, channels, *sides(size)), np.float32)))
        self.spread = Spread()

    def construct(self, x: Tensor) -> Tensor:
        return x - self.spread(self.mean, x)


class Whitening(nn.Conv2d):
    """A fixed affine map of the channels: (B, C, H, W) -> the same shape. `src.whitening` chooses its constants.

    Before that it changes nothing. It stays float32 where the encoder's other convolutions are half precision.
    """

    def __init__(self, channels: int):
        start = Tensor(np.eye(channels, dtype=np.float32).reshape(channels, channels, 1, 1))
        super().__init__(channels, channels, 1, has_bias=True, weight_init=start, bias_init="zeros")


class Encoder(nn.Cell):
    """Pictures -> standardised features.

    Nothing in it learns, so the features of a training picture can be computed once and kept.

    Args:
        backbone: a key of `ENCODERS`.
        sizes: height and width of each map, or one number for both; only needed where features are pooled or means
            subtracted, or the encoder has positions and the pictures another size than the published ones.
        pooling: height and width of the window over which features are averaged (PatchCore, arXiv 2106.08265, calls
            such features locally aware); 1: not.
        position_mean: whether good features' mean at each position is subtracted after that.
        whitening: whether the features are whitened at last.

    Inputs: normalised RGB (B, 3, H, W), float32, H and W multiples of 16.
    Outputs: a map per stride, (B, C_i, H/stride_i, W/stride_i), float32. Each picture's have mean 0 and variance 1
        where nothing else is done to them; a transformer's tokens are normalised by its own last norm instead.
    """

    def __init__(
        self,
        backbone: str,
        sizes: Sequence[Size] = (),
        pooling: int = 1,
        whitening: bool = False,
        position_mean: bool = False,
    ):
        super().__init__()
        spec = ENCODERS[backbone]
        self.backbone = spec.network(sizes[0] if sizes else None)
        self.channels = spec.channels
        self.standardizes = nn.CellList([Standardize() if spec.standardize else nn.Identity() for _ in spec.channels])
        pools = [MeanPool(size, pooling) for size in sizes] if pooling > 1 else [nn.Identity() for _ in spec.strides]
        self.pools = nn.CellList(pools)
        self.centrings = nn.CellList(
            [
                Centring(*shape) if position_mean else nn.Identity()
                for shape in zip(spec.channels, sizes or spec.strides)
            ]
        )
        self.whitenings = nn.CellList([Whitening(count) if whitening else nn.Identity() for count in spec.channels])
        self.set_train(False)
        for parameter in self.get_parameters():
            parameter.requires_grad = False

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        features = ()
        layers = zip(self.backbone(image), self.standardizes, self.pools, self.centrings, self.whitenings)
        for feature, standardize, pool, centre, whiten in layers:
            features += (whiten(centre(pool(standardize(feature)))),)
        return features
