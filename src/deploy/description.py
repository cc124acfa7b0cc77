"""The JSON beside an exported file: what the file takes and gives, and where it comes from.

`src.deploy.export` writes it, `src.deploy.runner_files` reads it. No MindSpore here: it is also read on the machine
that holds the device.
"""

from dataclasses import asdict, dataclass, fields, replace

from src.data.framing import Framing, framing_by
from src.data.roi import roi_for
from src.verdict import Judge, constants, named_f1_max

METADATA = "fastflow"  # the key of an ONNX file's metadata for this JSON, which there lacks the file's own digest
IMAGES, PIXELS = "float32", "uint8"  # the types of an input
ANOMALY_MAP, SCORE = "anomaly_map", "score"  # the outputs' names; the runner's files end in them


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """The input of an exported file.

    Attributes:
        name: as runtimes show it.
        shape: (B, 3, H, W) of normalised images, or (B, H, W, C) of pixels, RGB, or RGBA where it may hide some.
        type: of the elements: float32 for images, uint8 for pixels, which the file itself normalises.
        colours: the order of the channels.
        scale: the formula from the pixels' values in 0..255 to the input, for people.
        mean, std: per channel, for that formula.
        hidden: the value, in all channels, of pixels that shall not be looked at, in the place of that formula's (of a
            file that takes pixels, it makes it itself where their alpha is 0); None: the file looks at all.
    """

    name: str = "image"
    shape: list[int]
    type: str = IMAGES
    colours: str = "RGB"
    scale: str = "value / 255, then (value - mean) / std"
    mean: list[float]
    std: list[float]
    hidden: float | None = None

    @property
    def takes_pixels(self) -> bool:
        """Whether the file normalises the pictures itself."""
        return self.type == PIXELS

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        return tuple(self.shape[1:3] if self.takes_pixels else self.shape[2:])


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """An output of an exported file: its name, and shape and type of the array."""

    name: str
    shape: list[int]
    type: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Description:
    """What the JSON holds. The attributes' names are its keys, in this order.

    Attributes:
        file: the exported file's name.
        format: MINDIR, ONNX or AIR.
        mindir_version: 3 or 1; None for other formats.
        category: what the model was trained on, if that is known.
        split: how the good pictures were divided into training and test (`Source.split`), if that is known.
        bit_depth: the bits that values of 16-bit training pictures were taken to use; None where there were none.
        dynamic_batch: whether the file takes any number of pictures per call; the shapes below are for one then.
        input: the pictures.
        outputs: the anomaly map (B, 1, H, W) and the score (B,), or the latents of each scale.
        thresholds: `image_threshold` and `pixel_threshold`, from which a picture's score, or a pixel of its map, is
            defective; beside them those of the best F1 on the test set, under names that end in `_f1_max`. What is not
            known is left out.
        reading: the other constants of `Judge`, by which a score is read as 0..1; None if there are no verdicts.
        architecture: the options that shape the network (`Architecture`), by name.
        roi: where pictures are looked at (`Roi.text`), if the model was trained so.
        checkpoint: the exported checkpoint's name.
        checkpoint_sha256: its SHA-256 digest as hexadecimal digits.
        file_sha256: the exported file's; None in descriptions of older versions, and within an ONNX file.
        largest_difference: between the outputs of the network and of the exported file; None for AIR, which only
            an Ascend device can load.
        versions: of what computed, by name.
    """

    file: str
    format: str
    mindir_version: int | None
    category: str | None
    split: dict | None
    bit_depth: int | None
    dynamic_batch: bool = False
    input: ModelInput
    outputs: list[ModelOutput]
    thresholds: dict[str, float]
    reading: dict | None
    architecture: dict
    checkpoint: str
    checkpoint_sha256: str
    file_sha256: str | None
    largest_difference: float | None
    versions: dict[str, str]
    roi: str | None = None

    def framing(self, roi: str | None = None, required: bool = True) -> Framing:
        """How pictures become the file's input.

        Args:
            roi: the value of `--roi`.
            required: whether pictures are to be framed: there must be masks of what is looked at in them then.
        """
        kind = self.architecture.get("roi")
        used = roi_for(kind, self.roi, roi, self.file) if required else None
        return replace(framing_by(self.architecture, self.input.size), roi=used)

    @property
    def judge(self) -> Judge | None:
        """Who gives verdicts on what the file gives."""
        return Judge.from_json(self.thresholds, self.reading)

    def to_json(self) -> dict:
        """The JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict) -> "Description":
        """From a JSON object that `is_description` accepts."""
        if "reading" not in value:  # an older version's: its thresholds are of the best F1 on the test set
            found = named_f1_max(value["thresholds"])
            value = value | constants(Judge.of_test_set(found), found)
        values = {field.name: value.get(field.name) for field in fields(cls)}
        values["dynamic_batch"] = value.get("dynamic_batch", False)
        values["input"] = ModelInput(**value["input"])
        values["outputs"] = [ModelOutput(**output) for output in value["outputs"]]
        return cls(**values)
