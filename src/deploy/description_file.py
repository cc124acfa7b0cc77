"""The JSON beside an exported file: written and read, with every value checked."""

import math
from pathlib import Path
from typing import Any

from src import hidden
from src.data.roi import EACH, ONE, is_roi
from src.data.source import is_split
from src.data.tiling import Tiling
from src.deploy.description import ANOMALY_MAP, IMAGES, PIXELS, SCORE, Description, ModelInput, ModelOutput
from src.files import description_of
from src.options import is_option
from src.trust import digest
from src.trust.json_file import read_json, write_sealed_json
from src.trust.schema import (
    has_at_least,
    has_some,
    if_given,
    integer,
    is_a,
    is_digest,
    is_number,
    is_scalar,
    is_text,
    list_of,
    mapping_of,
    one_of,
    optional,
)
from src.utils import UserError, log
from src.verdict import Judge

LARGEST_TENSOR = 1 << 31  # bytes of an input or output; runtimes count them in 32 bits


def is_shape(value: Any) -> bool:
    """Whether a value is the shape of a float32 array that fits into `LARGEST_TENSOR`."""
    return list_of(integer(1))(value) and 0 < len(value) <= 8 and 4 * math.prod(value) <= LARGEST_TENSOR


def is_input(value: Any) -> bool:
    """Whether an object is a `ModelInput`: RGB pictures, normalised as its formula says, or to be."""
    checks = {name: one_of(getattr(ModelInput, name)) for name in ("colours", "scale")}
    checks["type"] = one_of(IMAGES, PIXELS)
    per_channel = list_of(is_number, 3)
    checks |= {"name": is_text, "shape": is_shape, "mean": per_channel, "std": per_channel}
    checks |= {"hidden": one_of(hidden.INPUT, None)}
    if not has_some(**checks)(value) or not {"shape", "mean", "std"} <= set(value):
        return False
    shape, std = value["shape"], value["std"]
    if len(shape) != 4 or min(std) <= 0:
        return False
    if value.get("type") != PIXELS:
        return shape[1] == 3
    return shape[3] == (3 if value.get("hidden") is None else 4)


def is_output(value: Any) -> bool:
    """Whether an object is a `ModelOutput`."""
    checks = {"name": is_text, "shape": is_shape, "type": one_of(ModelOutput.type)}
    return has_some(**checks)(value) and {"name", "shape"} <= set(value)


_HAS_ALL = has_at_least(
    file=is_text,
    format=one_of("MINDIR", "ONNX", "AIR"),
    mindir_version=one_of(1, 3, None),
    category=optional(is_text),
    input=is_input,
    outputs=list_of(is_output),
    thresholds=mapping_of(optional(is_number)),
    architecture=mapping_of(is_scalar),
    checkpoint=is_text,
    checkpoint_sha256=is_digest,
    largest_difference=optional(is_number),
    versions=mapping_of(is_text),
)
_NEWER = if_given(
    split=optional(is_split),
    file_sha256=optional(is_digest),
    bit_depth=optional(is_option("eval", "bit_depth")),
    dynamic_batch=is_a(bool),
    roi=optional(is_roi),
)


def has_reading(value: dict[str, Any]) -> bool:
    """Whether thresholds and reading make a `Judge`; older descriptions have no reading."""
    try:
        Judge.from_json(value["thresholds"], value.get("reading"))
    except (KeyError, TypeError, ValueError):
        return False
    return True


def has_framing(architecture: dict[str, Any], roi: str | None, hides: bool) -> bool:
    """Whether what a description says of the pictures' framing is valid, and fits together."""
    checks = {name: optional(is_option("train", name)) for name in ("tile", "overlap", "keep_aspect", "score")}
    if not if_given(roi=one_of(None, ONE, EACH), **checks)(architecture):
        return False
    tile, kind = architecture.get("tile"), architecture.get("roi")
    fits = tile is None or Tiling.is_valid(tile, architecture.get("overlap") or 0)
    return (
        fits
        and (kind is None) == (roi is None)
        and hides == (architecture.get("keep_aspect", False) or kind is not None)
    )


def is_description(value: Any) -> bool:
    """Whether an object describes an exported file, and its outputs fit its input."""
    if not (_HAS_ALL(value) and _NEWER(value)) or not has_reading(value):
        return False
    batch, *image = value["input"]["shape"]
    size = image[:2] if value["input"].get("type") == PIXELS else image[1:]
    wanted = {ANOMALY_MAP: [batch, 1, *size], SCORE: [batch]}
    if not has_framing(value["architecture"], value.get("roi"), value["input"].get("hidden") is not None):
        return False
    return all(output["shape"] == wanted.get(output["name"], output["shape"]) for output in value["outputs"])


def write_description(exported: Path, description: Description) -> None:
    """Write the description beside an exported file."""
    write_sealed_json(description_of(exported), description.to_json())


def read_description(exported: str | Path, converted_from: str | Path | None = None) -> Description:
    """Read the description beside an exported file, and check that it is that file's.

    Args:
        converted_from: the description to read instead, of the file that this one was converted from by another tool;
            nothing can be checked then.

    Raises:
        UserError: it or the file is missing, it is not export.py's or not as it was written, the file is another
            than it describes, or gives no anomaly map.
    """
    exported = Path(exported)
    path = Path(converted_from) if converted_from else description_of(exported)
    if not exported.is_file() or not path.is_file():
        missing = path if converted_from else f"{path.name} beside it"
        raise UserError(f"{exported} or {missing} is missing; export both with export.py")
    description = Description.from_json(read_json(path, is_description, "export.py's; export the model again"))
    if converted_from:
        log.warning("%s describes %s: whether %s was made of that is not known", path, description.file, exported)
    elif description.file_sha256 is None:
        log.warning("%s is of an older version: it has no digest to check %s by", path, exported.name)
    elif description.file_sha256 != digest.of_file(exported):
        raise UserError(
            f"{exported} is not the file that {path.name} describes: its digest is another; export it again"
        )
    if not {ANOMALY_MAP, SCORE} <= {output.name for output in description.outputs}:
        raise UserError(f"{exported} gives no anomaly map; export it with --outputs map")
    return description
