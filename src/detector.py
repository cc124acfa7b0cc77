"""The whole network, pictures -> anomaly map and score, and the options that shape it."""

from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from mindspore import Tensor, nn

from src.anomaly_map import AnomalyMap, ImageScore, LogEnergy
from src.config import Options
from src.data.framing import Framing, framing_by
from src.data.roi import EACH, ONE
from src.data.tiling import Tiling
from src.encoder import ENCODERS, Encoder
from src.fastflow import FastFlow
from src.option import Role, sides
from src.utils import UserError
from src.visible import SeenEncoder, SeenFastFlow, SeenLogEnergy, SeenMap, SeenScore, Visibility

GAUSSIAN_SHARE = 0.5  # of the anomaly map, where the features are whitened
ENCODERS_OWN = ("im_resize", "flow_step", "hidden_ratio", "conv3x3_only")  # what is left open is the encoder's
SMOOTHED_SHARE = 64  # the anomaly map is smoothed with a Gaussian of this part of its shorter side


@dataclass(frozen=True)
class Architecture:
    """The options that shape the network. A checkpoint carries them, so that they need not be given again.

    The defaults are not the options' defaults: they are what a checkpoint means that is older than the field.
    """

    backbone: str
    im_resize: int | str = 256
    flow_step: int = 8
    hidden_ratio: float = 1.0
    conv3x3_only: bool = False
    norm_affine: bool = True
    map_sigma: float = 0.0
    map_temperature: float = 1.0
    score: str = "maximum"
    feature_pooling: int = 1
    whitening: bool = False
    position_mean: bool = False
    gaussian_weight: float = 0.0
    soft_clamp: str = "plain"
    keep_aspect: bool = False
    tile: int | str | None = None
    overlap: int = 0
    roi: str | None = None  # the kind of the mask of what is looked at: src.data.roi.ONE or EACH

    @classmethod
    def from_options(cls, options: Options) -> "Architecture":
        """From a training's options.

        Raises:
            UserError: a `hidden_ratio` that leaves a subnet without hidden channels, flows beyond the memory, or a
                Gaussian or means without whitening.
        """
        values, spec = options.of_role(Role.NETWORK), ENCODERS[options.backbone]
        values |= {name: getattr(spec, name) for name in ENCODERS_OWN if values[name] is None}
        if values["map_sigma"] is None:
            values["map_sigma"] = min(sides(values["im_resize"])) / SMOOTHED_SHARE
        if values["position_mean"] is None:
            values["position_mean"] = options.whitening
        if values["gaussian_weight"] is None:
            values["gaussian_weight"] = GAUSSIAN_SHARE if options.whitening else 0.0
        narrowest = min(spec.channels)
        if int((narrowest - narrowest // 2) * values["hidden_ratio"]) < 1:
            raise UserError(
                f"--hidden_ratio {values['hidden_ratio']} leaves no hidden channel for {options.backbone}; raise it"
            )
        if values["gaussian_weight"] > 0 and not options.whitening:
            raise UserError("--gaussian_weight: the features are no standard Gaussian without --whitening; give that")
        if values["position_mean"] and not options.whitening:
            raise UserError("--position_mean: the means are found together with --whitening; give that")
        if options.tile is None and options.overlap:
            raise UserError(f"--overlap {options.overlap} is of tiles; give --tile too, or leave it out")
        if options.tile is not None and not Tiling.is_valid(options.tile, options.overlap):
            raise UserError(f"--overlap {options.overlap}: a tile of {options.tile} has no more; give less")
        if options.roi is not None:
            values["roi"] = EACH if Path(options.roi).is_dir() else ONE
        architecture, memory = cls(**values), psutil.virtual_memory().total
        needed = 4 * 4 * architecture.parameter_count  # float32; weights, gradients and Adam's two moments
        if needed > memory:
            raise UserError(
                f"--hidden_ratio {architecture.hidden_ratio}, --flow_step {architecture.flow_step}, --im_resize "
                f"{architecture.im_resize}: the flows' parameters need {needed / 1e9:.0f} GB in training, and this "
                f"machine has {memory / 1e9:.0f} GB of memory; give less"
            )
        return architecture

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input in pixels."""
        return sides(self.im_resize)

    @property
    def framing(self) -> Framing:
        """How pictures become images, but for the mask of what is looked at."""
        return framing_by(asdict(self), self.size)

    @property
    def hides(self) -> bool:
        """Whether a part of an image may be hidden (see `src.visible`)."""
        return self.keep_aspect or self.roi is not None

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each scale's map."""
        return tuple(tuple(side // stride for side in self.size) for stride in ENCODERS[self.backbone].strides)

    @property
    def dimensions(self) -> int:
        """How many features of a picture the flows see, in all scales."""
        channels = ENCODERS[self.backbone].channels
        return sum(each * height * width for each, (height, width) in zip(channels, self.sizes))

    @property
    def parameter_count(self) -> int:
        """How many numbers the flows hold; to know it, none of them is built."""
        wide = self.flow_step if self.conv3x3_only else self.flow_step - self.flow_step // 2  # steps with 3x3 subnets
        weights_per_pair = 9 * wide + self.flow_step - wide  # kernel elements of all steps, per pair of channels
        total = 0
        for channels, (height, width) in zip(ENCODERS[self.backbone].channels, self.sizes):
            changed = channels // 2
            hidden = int((channels - changed) * self.hidden_ratio)
            total += hidden * (channels + changed) * weights_per_pair
            total += self.flow_step * (hidden + 2 * changed + 3 * channels)
            total += 2 * channels * height * width if self.norm_affine else 0
        return total

    def build_encoder(self) -> Encoder:
        """The encoder, without its weights."""
        given = (self.backbone, self.sizes, self.feature_pooling, self.whitening, self.position_mean)
        return SeenEncoder(*given, image_size=self.size) if self.hides else Encoder(*given)

    def build_fastflow(self, seed: int | None = 1) -> FastFlow:
        """The flows, with initial weights and permutations drawn from `seed`; None: not drawn."""
        return (SeenFastFlow if self.hides else FastFlow)(
            ENCODERS[self.backbone].channels,
            self.sizes,
            flow_step=self.flow_step,
            conv3x3_only=self.conv3x3_only,
            hidden_ratio=self.hidden_ratio,
            norm_affine=self.norm_affine,
            seed=seed,
            soft_clamp=self.soft_clamp,
        )


class Detector(nn.Cell):
    """FastFlow on its encoder, with the map: what eval, predict, export and the Ascend 310 run.

    Inputs: normalised RGB (B, 3, H, W) float32; of a network that `hides`, pixels may be `hidden.INPUT`.
    Outputs: anomaly map (B, 1, H, W) in -1..0, and score (B,); both are higher where a defect is likelier. Where the
        image is hidden the map is `hidden.MAP`.

    With a `gaussian_weight` w, the map is (1 - w) times the flow's, plus w times that of the whitened features, which
    is the likelihood of a Gaussian: the flow knows more of a picture, the Gaussian is not drawn to where the flow has
    learned the training pictures by heart. The score is of the flow's map, or of the flow's `LogEnergy`.
    """

    def __init__(self, architecture: Architecture, seed: int | None = 1):
        super().__init__()
        self.architecture = architecture
        self.encoder = architecture.build_encoder()
        self.fastflow = architecture.build_fastflow(seed)
        self.gaussian_weight = architecture.gaussian_weight
        self.visibility = Visibility() if architecture.hides else None
        kinds = (SeenMap, SeenScore, SeenLogEnergy) if architecture.hides else (AnomalyMap, ImageScore, LogEnergy)
        make_map, make_score, make_energy = kinds
        sigma, temperature = architecture.map_sigma, architecture.map_temperature
        self.anomaly_map = make_map(architecture.sizes, architecture.size, sigma, temperature)
        self.image_score = make_score(architecture.score)
        weighted = {"log_deviation": False, "weighted_log_deviation": True}.get(architecture.score)
        self.log_energy = None if weighted is None else make_energy(architecture.sizes, weighted)

    def construct(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = self.encoder(image)
        if self.visibility is not None:
            return self._of_seen(features, self.visibility(image))
        latents = self.fastflow.latents(*features)
        anomaly_map, weight = self.anomaly_map(latents), self.architecture.gaussian_weight
        score = self.image_score(anomaly_map if self.log_energy is None else self.log_energy(latents))
        if weight > 0:
            anomaly_map = (1 - weight) * anomaly_map + weight * self.anomaly_map(features)
        return anomaly_map, score

    def _of_seen(self, inputs: tuple[Tensor, ...], seen: Tensor) -> tuple[Tensor, Tensor]:
        """Map and score from what the encoder gives of images that are hidden where `seen` (B, 1, H, W) is 0."""
        latents, weight = self.fastflow.latents(*inputs), self.gaussian_weight
        features, masks = inputs[: len(latents)], inputs[len(latents) :]
        anomaly_map = self.anomaly_map(latents, masks, seen)
        if self.log_energy is None:
            score = self.image_score(anomaly_map, seen)
        else:
            score = self.image_score(self.log_energy(latents, masks), masks[0])
        if weight > 0:
            anomaly_map = (1 - weight) * anomaly_map + weight * self.anomaly_map(features, masks, seen)
        return anomaly_map, score
