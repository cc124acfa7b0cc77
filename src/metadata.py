"""What a checkpoint says beside its arrays: every key, what it means, and what its value must be."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from src.data.source import SPLIT_DEFAULTS
from src.detector import Architecture
from src.encoder import ENCODERS
from src.good_pictures import GoodPictures, are_good_pictures
from src.option import Role
from src.options import options_of
from src.utils import UserError
from src.verdict import named_f1_max

FORMAT = 1  # rises when the meaning of a key or of an array's name changes; a new key needs no new format
KINDS = {  # what a file of each kind is, and where to get one
    "encoder": ("an encoder's ImageNet weights", "convert those: python src/pthtockpt.py --pth_path FILE.pth"),
    "detector": ("a trained FastFlow", "give train.py's, or convert one: python src/pthtockpt.py --pth_path FILE"),
    "state": ("the state of an unfinished training", "give train.py's .state.ckpt"),
}

Check = Callable[[Any], bool]


def is_a(*types: type) -> Check:
    """A check for values of these types; JSON's true and false are not numbers."""
    return lambda value: isinstance(value, types) and not isinstance(value, bool)


def has(*names: str) -> Check:
    """A check for an object with these keys and no other."""
    return lambda value: isinstance(value, dict) and set(value) == set(names)


def has_some(*names: str) -> Check:
    """A check for an object with some of these keys and no other: older files lack the newer ones."""
    return lambda value: isinstance(value, dict) and set(value) <= set(names)


def is_architecture(value: Any) -> bool:
    """Whether an object has the options of an `Architecture` of an encoder that is known here."""
    return has_some(*Architecture.__dataclass_fields__)(value) and value.get("backbone") in ENCODERS


def is_range(value: Any) -> bool:
    """Whether a value is a list of two numbers."""
    return isinstance(value, list) and len(value) == 2 and all(map(is_a(int, float), value))


def are_thresholds(value: Any) -> bool:
    """Whether an object has numbers, or nulls for what is not defined."""
    return isinstance(value, dict) and all(map(is_a(int, float, type(None)), value.values()))


def are_names(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(map(is_a(str), value))


def key(check: Check) -> Any:
    """A key that not every checkpoint has: None where it does not apply, and then not in the file."""
    return field(default=None, metadata={"check": check})


@dataclass(frozen=True)
class Metadata:
    """All that a checkpoint says beside its arrays."""

    kind: str = field(metadata={"check": lambda value: isinstance(value, str) and value in KINDS})
    backbone: str | None = key(is_a(str))  # of an encoder: its name
    architecture: Architecture | None = key(is_architecture)  # of a detector or state: what shapes the network
    category: str | None = key(is_a(str))  # what was trained on
    converted_from: str | None = key(is_a(str))  # the name of the foreign file
    options: dict[str, Any] | None = key(is_a(dict))  # those of Role.AGREE; of a detector also num_epochs
    epoch: int | None = key(is_a(int))  # after how many epochs the thresholds were taken
    gt_protocol: str | None = key(is_a(str))  # how the masks were resized for them
    thresholds: dict[str, float | None] | None = key(are_thresholds)  # of the best F1 on the test set, named so
    good_pictures: GoodPictures | None = key(are_good_pictures)  # what the thresholds in use are computed from
    held_out: list[str] | None = key(are_names)  # the names of good pictures that were not trained on
    versions: dict[str, str] | None = key(is_a(dict))  # of the software that trained
    split: dict[str, Any] | None = key(has_some(*SPLIT_DEFAULTS))  # how the good pictures were divided
    colour_scale: tuple[float, float] | None = key(is_range)  # of older files: the map values drawn coldest and hottest
    pictures: int | None = key(is_a(int))  # of a state: the number of training pictures
    batch_size: int | None = key(is_a(int))  # of a state: pictures per training step
    progress: dict[str, Any] | None = key(has("step", "seconds", "losses", "history"))  # of a state: how far it is

    @property
    def trained_options(self) -> dict[str, Any]:
        """`options`, with the defaults of those that older files lack (of shards: one; nothing was held out)."""
        known = {name: option.default for name, option in options_of("train").items() if Role.AGREE in option.roles}
        return known | {"shards": 1, "held_out": 0.0} | (self.options or {})

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
            said = json.loads(text)
            found = said.pop("format", None)
        except (ValueError, AttributeError, TypeError) as error:
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
