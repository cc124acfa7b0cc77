"""What a checkpoint says beside its arrays: every key, what it means, and what its value must be."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from src.data.masks import PROTOCOLS
from src.data.roi import EACH, ONE, is_roi
from src.data.source import SPLIT_DEFAULTS, is_split
from src.data.tiling import Tiling
from src.detector import Architecture
from src.good_pictures import GoodPictures, are_good_pictures
from src.kernels.convolution import DIRECT
from src.option import Role
from src.options import is_option, options_of
from src.trust.schema import (
    Check,
    has,
    has_some,
    integer,
    is_number,
    is_scalar,
    is_text,
    list_of,
    mapping_of,
    one_of,
    optional,
    parse_object,
)
from src.utils import UserError
from src.verdict import named_f1_max

FORMAT = 1  # rises when the meaning of a key or of an array's name changes; a new key needs no new format
KINDS = {  # what a file of each kind is, and where to get one
    "encoder": ("an encoder's ImageNet weights", "convert those: python src/pthtockpt.py --pth_path FILE.pth"),
    "detector": ("a trained FastFlow", "give train.py's, or convert one: python src/pthtockpt.py --pth_path FILE"),
    "state": ("the state of an unfinished training", "give train.py's .state.ckpt"),
}
OLDER = {  # how a file's training was that is older than the option; today's default may be another
    "shards": 1,
    "lr_schedule": "constant",
    "ema_decay": 0.0,
    "held_out": 0.0,
    "convolution": DIRECT,
}


def is_architecture(value: Any) -> bool:
    """Whether an object has the options of an `Architecture` of an encoder that is known here."""
    checks = {name: is_option("train", name) for name in Architecture.__dataclass_fields__}
    checks |= {"tile": optional(checks["tile"]), "roi": one_of(None, ONE, EACH)}
    if not has_some(**checks)(value) or "backbone" not in value:
        return False
    return value.get("tile") is None or Tiling.is_valid(value["tile"], value.get("overlap", 0))


def are_options(value: Any) -> bool:
    """Whether an object has options of a training; names that are not known here are of another version's."""
    known = {
        name: is_option("train", name) for name, option in options_of("train").items() if Role.AGREE in option.roles
    }
    return mapping_of(is_scalar)(value) and all(check(value[name]) for name, check in known.items() if name in value)


def is_range(value: Any) -> bool:
    """Whether a value is a list of two numbers, of which the first is lower."""
    return list_of(is_number, 2)(value) and value[0] < value[1]


def is_progress(value: Any) -> bool:
    """Whether an object tells how far a training is: a loss per step, and the figures of each evaluation."""
    history = list_of(mapping_of(optional(is_number)))
    checks = {"step": integer(), "seconds": is_number, "losses": list_of(is_number), "history": history}
    return has(**checks)(value) and len(value["losses"]) <= value["step"] and value["seconds"] >= 0


are_thresholds = mapping_of(optional(is_number))  # null for what is not defined


def key(check: Check) -> Any:
    """A key that not every checkpoint has: None where it does not apply, and then not in the file."""
    return field(default=None, metadata={"check": check})


@dataclass(frozen=True)
class Metadata:
    """All that a checkpoint says beside its arrays."""

    kind: str = field(metadata={"check": one_of(*KINDS)})
    backbone: str | None = key(is_option("train", "backbone"))  # of an encoder: its name
    architecture: Architecture | None = key(is_architecture)  # of a detector or state: what shapes the network
    category: str | None = key(is_text)  # what was trained on
    converted_from: str | None = key(is_text)  # the name of the foreign file
    options: dict[str, Any] | None = key(are_options)  # those of Role.AGREE, and how long the training is or was
    epoch: int | None = key(integer())  # after how many epochs the thresholds were taken
    gt_protocol: str | None = key(one_of(*PROTOCOLS))  # how the masks were resized for them
    thresholds: dict[str, float | None] | None = key(are_thresholds)  # of the best F1 on the test set, named so
    good_pictures: GoodPictures | None = key(are_good_pictures)  # what the thresholds in use are computed from
    held_out: list[str] | None = key(list_of(is_text))  # the names of good pictures that were not trained on
    versions: dict[str, str] | None = key(mapping_of(is_text))  # of the software that trained
    split: dict[str, Any] | None = key(is_split)  # how the good pictures were divided
    bit_depth: int | None = key(is_option("eval", "bit_depth"))  # that 16-bit training pictures were read with
    roi: str | None = key(is_roi)  # the mask of what is looked at, or the digest of those of all pictures
    colour_scale: tuple[float, float] | None = key(is_range)  # of older files: the map values drawn coldest and hottest
    pictures: int | None = key(integer(1))  # of a state: the number of training pictures
    batch_size: int | None = key(integer(1))  # of a state: pictures per training step
    progress: dict[str, Any] | None = key(is_progress)  # of a state: how far it is

    @property
    def trained_options(self) -> dict[str, Any]:
        """`options`, with what those mean that older files lack."""
        known = {name: option.default for name, option in options_of("train").items() if Role.AGREE in option.roles}
        return known | OLDER | (self.options or {})

    def to_json(self) -> str:
        """As the file holds it."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        if self.architecture is not None:
            said["architecture"] = asdict(self.architecture)
        if self.good_pictures is not None:
            said["good_pictures"] = asdict(self.good_pictures)
        return json.dumps({"format": FORMAT} | said)

    @classmethod
    def from_json(cls, text: str, path: Path) -> "Metadata":
        """The inverse of `to_json`, with every value checked.

        Args:
            path: where the text was read, for the messages.

        Raises:
            UserError: damaged, of another format, or a value that is not what its key asks for.
        """
        try:
            said = parse_object(text)
            found = said.pop("format", None)
        except ValueError as error:
            raise UserError(f"{path} is damaged: what it says of itself is not JSON; write it again") from error
        if found != FORMAT:
            raise UserError(f"{path} has format {found}, not {FORMAT}; use the version that wrote it")
        checks = {each.name: each.metadata["check"] for each in fields(cls)}
        for name, value in {"kind": None, **said}.items():
            if name not in checks or not checks[name](value):
                raise UserError(
                    f"{path} says {name} {json.dumps(value)[:60]}, which is not known here; "
                    "write it again, or use the version that wrote it"
                )
        if "architecture" in said:
            said["architecture"] = Architecture(**said["architecture"])
        if "good_pictures" in said:
            lists = {name: tuple(said["good_pictures"][name]) for name in ("scores", "peaks")}
            said["good_pictures"] = GoodPictures(**said["good_pictures"] | lists)
        if "thresholds" in said:
            said["thresholds"] = named_f1_max(said["thresholds"])
        if "split" in said:
            said["split"] = SPLIT_DEFAULTS | said["split"]
        if "colour_scale" in said:
            said["colour_scale"] = tuple(said["colour_scale"])
        return cls(**said)
