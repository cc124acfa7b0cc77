"""What an option is: its name, type, default and check, the programs that take it, and its part in a training."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Flag, auto
from typing import Any

BACKBONES = (  # the keys of src.encoder.ENCODERS
    "wide_resnet50_2",
    "resnet50",
    "resnet18",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "deit_base_distilled_patch16_384",
    "cait_m48_448",
)
SOFT_CLAMPS = ("plain", "scaled")  # the keys of src.fastflow.LOG_SCALE_GAINS
TEST_BATCH_SIZE = 8  # pictures at a time where nothing is trained
REQUIRED = object()  # as a default: the program cannot do without a value


class Role(Flag):
    """What an option means when a training is described, resumed or repeated."""

    PLAIN = 0
    NETWORK = auto()  # shapes the network: a field of src.detector.Architecture, which every checkpoint carries
    AGREE = auto()  # a resumed training must have the value of the interrupted one
    COMPILED = auto()  # a constant in the compiled step; one in the detector's graph: of NETWORK or of the device
    NOT_REDONE = auto()  # run_all repeats nothing that is finished when it changes
    NOT_REPEATED = auto()  # left out when `--config` repeats an earlier run from its JSON


@dataclass(frozen=True)
class Check:
    """A condition on an option's value: `problem` returns what is wrong, or None; `choices` are the values, if few."""

    problem: Callable[[Any], str | None]
    choices: tuple = ()


ANY = Check(lambda value: None)


LARGEST = 10**9  # of a number without a reason for another bound
LARGEST_FLOAT = 1e38  # of float32, nearly
LARGEST_SEED = 2**53  # integers up to here are the same in every program that reads JSON


def _at_most(high: float, value: float) -> str | None:
    if value == float("inf"):
        return "must be finite"
    return f"must be {high} or less" if value > high else None


def at_least(low: float, high: float = LARGEST) -> Check:
    """A number is from `low` to `high`."""
    return Check(lambda value: _at_most(high, value) if low <= value else f"must be {low} or more")


def above(low: float, high: float = LARGEST) -> Check:
    """A number is more than `low`, and `high` or less."""
    return Check(lambda value: _at_most(high, value) if low < value else f"must be more than {low}")


def one_of(*choices: Any) -> Check:
    """A value is one of these."""
    text = f"choose one of {', '.join(map(str, choices))}"
    return Check(lambda value: None if value in choices else text, choices)


def picture_size(text: str) -> int | str:
    """A height and a width, "H,W", or one number for both; equal ones become one number, as older files have it."""
    if re.fullmatch(r"\s*[+-]?\d+\s*(,\s*[+-]?\d+\s*)?", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number, or two with a comma between them: height,width")
    parts = [int(part) for part in text.split(",")]
    return parts[0] if len(set(parts)) == 1 else f"{parts[0]},{parts[1]}"


Size = int | str | tuple[int, int]  # a number stands for a square


def sides(size: Size) -> tuple[int, int]:
    """Height and width of a size: of a `picture_size`, or of a pair already."""
    if isinstance(size, int):
        return size, size
    return tuple(map(int, size.split(","))) if isinstance(size, str) else size


def size_text(size: tuple[int, int]) -> int | str:
    """The inverse of `sides`."""
    return picture_size(",".join(map(str, size)))


def is_picture_size(value: Any) -> bool:
    """Whether a value is what `picture_size` returns."""
    if isinstance(value, str):
        return re.fullmatch(r"[1-9]\d{0,8},[1-9]\d{0,8}", value) is not None and len(set(value.split(","))) == 2
    return isinstance(value, int) and not isinstance(value, bool)


def each_side(check: Check) -> Check:
    """Both sides of a `picture_size` are valid."""
    return Check(lambda value: next(filter(None, map(check.problem, sides(value))), None), check.choices)


# A size that pictures are resized to must suit the encoders, whose strides are 4, 8 and 16.
network_size = each_side(
    Check(
        lambda value: (
            _at_most(4096, value) if value >= 32 and value % 16 == 0 else "must be a multiple of 16, 32 or more"
        )
    )
)


json_file = Check(lambda value: None if value.lower().endswith(".json") else "the name must end in .json")


def boolean(text: str) -> bool:
    """`true`/`false` and their usual spellings; argparse's `type=bool` would take "False" for True."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"{text!r} is not true or false")
    return words[text.lower()]


def drawing(text: str) -> str | bool:
    """`panel` or `full`; true is panel's older name, and false means that nothing is drawn."""
    if text.lower() in ("panel", "full"):
        return text.lower()
    try:
        return "panel" if boolean(text) else False
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not panel or full") from error


# Types of options that may stand without a value: what --NAME alone means, and what --no-NAME does.
SWITCHES = {boolean: (True, False), drawing: ("panel", False)}


@dataclass(frozen=True)
class Option:
    """One command-line option.

    Attributes:
        name: without the dashes.
        type: turns the text of the command line into the value.
        default: the value where none is given; None means that the program finds out by itself, or does without;
            `REQUIRED` that it cannot.
        help: for `--help`.
        check: what a value must fulfil.
        aliases: older names, which mean the same.
        roles: its part in a training.
        heading: under which `--help` shows it.
        programs: the programs that take it, without the ending ".py".
    """

    name: str
    type: Callable[[str], Any]
    default: Any
    help: str
    check: Check = ANY
    roles: Role = Role.PLAIN
    heading: str = ""
    programs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def section(heading: str, programs: tuple[str, ...], *options: Option) -> tuple[Option, ...]:
    """Options that the same programs take, under one heading of `--help`."""
    return tuple(replace(option, heading=heading, programs=programs) for option in options)
