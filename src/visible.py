"""The network where a part of an image is hidden: nothing there is looked at, trained on, or scored.

A hidden pixel (see `src.hidden`) becomes the mean colour before the encoder, so that nothing of what is there reaches
any feature. From there on a mask per scale says which positions are seen: those with a seen pixel in their cell.

Features are standardised over the seen positions. The flow is one of the seen positions only: the others are 0 before
and after every flow step, as the convolutions' padding is. So the map from seen features to seen latents is invertible
in itself, and its log-determinant is the sum of what the seen positions add. Without that, the flow would be trained
to see the one constant colour as likely as it can, without bound, and the loss would tell of little else.

In the anomaly map, each seen pixel is a mean of seen positions; the hidden ones have `hidden.MAP`, and no part in the
score.
"""

from collections.abc import Sequence
from typing import Any

from mindspore import Tensor, nn, ops

from src import hidden
from src.anomaly_map import AnomalyMap, ImageScore, LogEnergy, MeanOverScales
from src.encoder import ENCODERS, Encoder
from src.fastflow import FastFlow, FlowStep
from src.kernels.operations import PictureSum, Spread
from src.layers import Standardize
from src.option import Size, sides

LEAST = 1e-6  # the least weight by which is divided; seen pixels have more


class Visibility(nn.Cell):
    """Normalised images (B, 3, H, W) -> (B, 1, H, W): 1 where a pixel is seen, 0 where it is hidden.

    Only operations that old runtimes have: 0 - (x + 10) is below 0 for a colour and above 1 for what is hidden.
    """

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def construct(self, image: Tensor) -> Tensor:
        return self.relu(1 - self.relu(-10 - image[:, :1]))


class SeenStandardize(Standardize):
    """`Standardize` over the seen positions: features (B, C, H, W) and their mask (B, 1, H, W) -> features."""

    def construct(self, x: Tensor, mask: Tensor) -> Tensor:
        share = mask.mean((1, 2, 3), keep_dims=True)
        mask = self.spread(mask, x)
        mean = (x * mask).mean((1, 2, 3), keep_dims=True) / share
        centred = (x - self.spread(mean, x)) * mask
        variance = ops.square(centred).mean((1, 2, 3), keep_dims=True) / share
        return centred / self.spread(ops.sqrt(variance + self.eps), x)


class Seen(nn.Cell):
    """Features (B, C, H, W) as they are, and 0 where their mask (B, 1, H, W) is."""

    def __init__(self):
        super().__init__()
        self.spread = Spread()

    def construct(self, x: Tensor, mask: Tensor) -> Tensor:
        return x * self.spread(mask, x)


class SeenEncoder(Encoder):
    """As `Encoder`, for images of which a part may be hidden.

    Args:
        image_size: H and W of the images, or one number; others: as `Encoder`.

    Outputs: the features of all scales and, behind them, the mask of each scale, (B, 1, H_i, W_i).
    """

    def __init__(self, backbone: str, sizes: Sequence[Size], *given: Any, image_size: Size):
        super().__init__(backbone, sizes, *given)
        self.visibility = Visibility()
        kind = SeenStandardize if ENCODERS[backbone].standardize else Seen
        self.standardizes = nn.CellList([kind() for _ in sizes])
        shapes = [tuple(n // m for n, m in zip(sides(image_size), sides(size))) for size in sizes]
        self.windows = nn.CellList([nn.MaxPool2d(shape, shape) for shape in shapes])

    def construct(self, image: Tensor) -> tuple[Tensor, ...]:
        seen = self.visibility(image)
        features, masks = (), ()
        layers = zip(self.standardizes, self.pools, self.centrings, self.whitenings, self.windows)
        for feature, (standardize, pool, centre, whiten, window) in zip(self.backbone(image * seen), layers):
            mask = window(seen)
            features += (whiten(centre(pool(standardize(feature, mask)))),)
            masks += (mask,)
        return features + masks


class SeenFastFlow(FastFlow):
    """As `FastFlow`, of the seen positions.

    Inputs: the features of all scales and, behind them, their masks (B, 1, H_i, W_i).
    """

    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        self.spread, self.picture_sum = Spread(), PictureSum()

    def construct(self, *inputs: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        latents, log_dets = (), ()
        scales = len(self.flows)
        for norm, flow, feature, mask in zip(self.norms, self.flows, inputs[:scales], inputs[scales:]):
            z, log_det = norm(feature) * self.spread(mask, feature), 0
            for step in flow.steps:
                z, of_step = self.step(step, z, mask)
                log_det = log_det + of_step
            latents += (z,)
            log_dets += (log_det,)
        return latents, log_dets

    def step(self, step: FlowStep, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """A flow step of features (B, C, H, W) that are 0 where `mask` is: the same of its output, and log|det J|."""
        out, s = step.couple(x)
        log_det = self.picture_sum(s * self.spread(mask, s)) + mask.sum((1, 2, 3)) * ops.log(step.channel_scale()).sum()
        return out * self.spread(mask, out), log_det

    def latents(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        latents = ()
        scales = len(self.flows)
        for norm, flow, feature, mask in zip(self.norms, self.flows, inputs[:scales], inputs[scales:]):
            z = norm(feature) * self.spread(mask, feature)
            for step in flow.steps:
                out, _ = step.transform(z)
                z = out * self.spread(mask, out)
            latents += (z,)
        return latents


class SeenMean(MeanOverScales):
    """As `MeanOverScales`, of the seen positions.

    Inputs: a map per scale (B, H_i, W_i), their masks (B, 1, H_i, W_i), and that of the result (B, 1, H, W).
    """

    def construct(self, maps: tuple[Tensor, ...], masks: tuple[Tensor, ...], seen: Tensor) -> Tensor:
        total = 0
        for x, mask, rows, columns in zip(maps, masks, self.rows, self.columns):
            mask = mask.reshape(x.shape)
            weight = ops.maximum(self.upsample(mask, rows, columns), LEAST)
            total = total + self.upsample(x * mask, rows, columns) / weight
        return ops.expand_dims(total / len(self.rows), 1) * seen + hidden.MAP * (1 - seen)


class SeenMap(AnomalyMap):
    """As `AnomalyMap`, with `hidden.MAP` where nothing is seen. Inputs: as `SeenMean`, latents for maps."""

    def __init__(self, sizes: Sequence[Size], size: Size, sigma: float = 0.0, temperature: float = 1.0):
        super().__init__(sizes, size, sigma, temperature)
        self.mean = SeenMean(sizes, size, sigma)

    def construct(self, latents: tuple[Tensor, ...], masks: tuple[Tensor, ...], seen: Tensor) -> Tensor:
        return self.mean(self.of_scales(latents), masks, seen)


class SeenLogEnergy(LogEnergy):
    """As `LogEnergy`. Inputs: latents and their masks."""

    def __init__(self, sizes: Sequence[Size], weighted: bool = False):
        super().__init__(sizes, weighted)
        self.mean = SeenMean(sizes, sizes[0])

    def construct(self, latents: tuple[Tensor, ...], masks: tuple[Tensor, ...]) -> Tensor:
        return self.mean(self.of_scales(latents), masks, masks[0])


class SeenScore(ImageScore):
    """As `ImageScore`, of the seen pixels. Inputs: a map (B, 1, H, W) and its mask."""

    def construct(self, x: Tensor, seen: Tensor) -> Tensor:
        if self.rule == "maximum":
            return x.max((1, 2, 3))  # of which what is hidden is the least
        share = seen.mean((1, 2, 3), keep_dims=True)
        mean = (x * seen).mean((1, 2, 3), keep_dims=True) / share
        variance = (ops.square(x - mean) * seen).mean((1, 2, 3)) / share.reshape(-1)
        return ops.maximum(ops.sqrt(variance), mean.reshape(-1) - self.level)
