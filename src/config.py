"""Every option once: name, type, default, help and check. A YAML file gives defaults; the command line wins."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from src.utils import UserError

BACKBONES = ("wide_resnet50_2", "resnet18", "efficientnet_lite0")


@dataclass(frozen=True)
class Option:
    """One command-line option. `check` returns what is wrong with a value, or None."""

    type: Callable[[str], Any]
    default: Any
    help: str
    choices: tuple | None = None
    check: Callable[[Any], str | None] = lambda value: None


def boolean(text: str) -> bool:
    """`true`/`false` and their usual spellings; argparse's `type=bool` would take "False" for True."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"{text!r} is not true or false")
    return words[text.lower()]


def at_least(low: float) -> Callable[[float], str | None]:
    """A check that a number is `low` or more."""
    return lambda value: None if value >= low else f"must be {low} or more"


def above(low: float) -> Callable[[float], str | None]:
    """A check that a number is finite and more than `low`."""
    return lambda value: None if low < value < float("inf") else f"must be more than {low}"


def picture_size(value: int) -> str | None:
    """The encoders' strides are 4, 8 and 16."""
    return None if value >= 32 and value % 16 == 0 else "must be a multiple of 16, 32 or more"


OPTIONS: dict[str, Option] = {
    # data
    "dataset_path": Option(str, None, "folder of the data set; it holds a folder per category"),
    "dataset": Option(
        str,
        None,
        "layout of the data set (default: mvtec; in evaluation, the training's); folder: your own pictures in good/, "
        "defect/ and masks/",
        ("mvtec", "visa", "btad", "mtd", "folder"),
    ),
    "train_list": Option(str, None, "for mtd: file with the names of the training pictures, one a line"),
    "split_seed": Option(
        int,
        None,
        "divides the good pictures where the data set leaves that open: mtd without --train_list, folder "
        "(default: 0; in evaluation, the training's)",
        check=at_least(0),
    ),
    "category": Option(str, None, "category to train or evaluate, e.g. bottle (mtd has one: mtd)"),
    "gt_protocol": Option(
        str,
        "nearest",
        "how masks are resized: nearest (> 0 is a defect) or original (2022: bilinear, truncated)",
        ("nearest", "original"),
    ),
    "num_workers": Option(int, min(8, os.cpu_count() or 1), "threads that decode pictures", check=at_least(1)),
    # network
    "backbone": Option(str, "wide_resnet50_2", "frozen ImageNet encoder", BACKBONES),
    "pre_ckpt_path": Option(str, None, "the encoder's ImageNet weights (.ckpt, made by src/pthtockpt.py)"),
    "im_resize": Option(int, 256, "pictures are resized to this many pixels squared", check=picture_size),
    "flow_step": Option(int, 8, "flow steps per scale", check=at_least(1)),
    "hidden_ratio": Option(float, 1.0, "hidden channels of a subnet per input channel", check=above(0)),
    "conv3x3_only": Option(boolean, None, "3x3 convolutions in every flow step (default: for resnet18 only)"),
    "norm_affine": Option(boolean, True, "learn LayerNorm's elementwise scale and offset"),
    # training
    "num_epochs": Option(int, 500, "epochs", check=at_least(1)),
    "train_batch_size": Option(int, 32, "pictures per training step", check=at_least(1)),
    "lr": Option(float, 1e-3, "Adam's learning rate", check=above(0)),
    "weight_decay": Option(float, 1e-5, "L2 penalty added to the gradient", check=at_least(0)),
    "amp_level": Option(
        str,
        "O0",
        "precision of training: O0 all float32; O2 the flows' convolutions in half precision; O3 the encoder's too",
        ("O0", "O2", "O3"),
    ),
    "amp_dtype": Option(
        str, "float16", "half precision: float16 with loss scaling, or bfloat16 without", ("float16", "bfloat16")
    ),
    "seed": Option(int, 1, "seed of initial weights, permutations and batches", check=at_least(0)),
    "log_interval": Option(int, 10, "training steps between log lines", check=at_least(1)),
    "eval_interval": Option(
        int, 10, "epochs between evaluations on the test set, for looking only; 0: never", check=at_least(0)
    ),
    "save_interval": Option(int, 10, "epochs between saves of the training state", check=at_least(1)),
    "save_best": Option(boolean, False, "also keep the checkpoint that is best on the test set, named as such"),
    "resume": Option(boolean, False, "go on from the saved training state of the same category, if any"),
    "ckpt_dir": Option(str, "ckpt", "folder for checkpoints and their JSON"),
    "cache_features": Option(
        str,
        "auto",
        "keep the encoder's features of the training pictures: in memory, beyond the limit in a file; off: encode anew",
        ("auto", "on", "off"),
    ),
    "cache_limit_gb": Option(
        float, None, "gigabytes of features kept in memory (default: half of the free memory)", check=at_least(0)
    ),
    # evaluation
    "ckpt_path": Option(str, None, "checkpoint to evaluate, written by train.py or src/pthtockpt.py"),
    "test_batch_size": Option(int, 8, "pictures per evaluation step", check=at_least(1)),
    "save_imgs": Option(boolean, False, "write a panel (picture, mask, heat map, overlay) per test picture"),
    "output_dir": Option(str, "results", "folder for panels and exported files"),
    "result_path": Option(str, None, "JSON file for the figures (default: beside the checkpoint)"),
    "img_dir": Option(str, None, "folder of pictures, or of the runner's input"),
    # export and deployment
    "ckpt_file": Option(str, None, "checkpoint to export, written by train.py or src/pthtockpt.py"),
    "file_format": Option(str, "MINDIR", "format of the exported file", ("MINDIR", "ONNX", "AIR")),
    "batch_size": Option(int, 1, "pictures per call of the exported file", check=at_least(1)),
    "outputs": Option(str, "map", "what the file gives: map (and score), or the latents", ("map", "latents")),
    "mindir_version": Option(
        int, 3, "version of the MindIR: 3, or 1 for MindSpore Lite 2.0 and older runtimes", (1, 3)
    ),
    "mindir_path": Option(str, None, "exported file; the JSON beside it says what it takes"),
    "label_dir": Option(str, None, "folder of the manifest, preprocess.py's --img_dir"),
    "result_dir": Option(str, None, "folder of the runner's output"),
    # several categories
    "categories": Option(str, None, "categories with commas between them (default: all of the data set)"),
    "device_ids": Option(str, "0", "numbers of the devices, with commas; each works on a category of its own"),
    "jobs": Option(int, 1, "categories at a time on each device", check=at_least(1)),
    # device
    "device_target": Option(
        str, None, "device (default: what the machine has, in this order)", ("Ascend", "GPU", "CPU")
    ),
    "device_id": Option(int, 0, "number of the device", check=at_least(0)),
    "distribute": Option(
        boolean,
        False,
        "train with several processes, each on its device and its part of every batch; msrun starts them, see "
        "scripts/run_distribute_train_*.sh",
    ),
}

_NETWORK = (*("backbone", "pre_ckpt_path", "im_resize", "flow_step", "hidden_ratio", "conv3x3_only", "norm_affine"),)
_TRAINING = (
    *("num_epochs", "train_batch_size", "lr", "weight_decay", "seed", "log_interval", "eval_interval"),
    *("amp_level", "amp_dtype", "save_interval", "save_best", "resume", "ckpt_dir", "cache_features", "cache_limit_gb"),
)
_DEVICE = ("device_target", "device_id")
_DATA = ("dataset_path", "dataset", "train_list", "split_seed", "category", "gt_protocol", "num_workers")

PROGRAMS: dict[str, tuple[str, ...]] = {
    "train": (*_DATA, *_NETWORK, *_TRAINING, "test_batch_size", "result_path", *_DEVICE, "distribute"),
    "predict": ("ckpt_path", "img_dir", "output_dir", "save_imgs", "test_batch_size", "num_workers", *_DEVICE),
    "export": ("ckpt_file", "file_format", "batch_size", "outputs", "mindir_version", "output_dir", *_DEVICE),
    "preprocess": ("dataset_path", "dataset", "train_list", "split_seed", "category", "mindir_path", "img_dir"),
    "postprocess": ("result_dir", "label_dir", "gt_protocol", "save_imgs", "output_dir", "result_path", "num_workers"),
    "eval": (*_DATA, "ckpt_path", "test_batch_size", "save_imgs", "output_dir", "result_path", *_DEVICE),
}
# run_all sets these for each category.
_EACH = ("category", "device_id", "resume", "result_path", "ckpt_path", "distribute")
PROGRAMS["run_all"] = (
    *("categories", "device_ids", "jobs"),
    *(name for name in dict.fromkeys(PROGRAMS["train"] + PROGRAMS["eval"]) if name not in _EACH),
)
REQUIRED: dict[str, tuple[str, ...]] = {
    "train": ("dataset_path", "category", "pre_ckpt_path"),
    "eval": ("dataset_path", "ckpt_path"),
    "run_all": ("dataset_path", "pre_ckpt_path"),
    "predict": ("ckpt_path", "img_dir"),
    "export": ("ckpt_file",),
    "preprocess": ("dataset_path", "mindir_path", "img_dir"),
    "postprocess": ("result_dir", "label_dir"),
}


NOT_REPEATED = ("resume", "result_path", "distribute")  # of a run's options: its own files are not to be written again


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are this project's: one line and exit status 2."""

    def error(self, message: str) -> None:
        raise UserError(f"{message}; see {self.prog} --help")


def _add(parser: argparse.ArgumentParser, name: str) -> None:
    option = OPTIONS[name]
    text = option.help.replace("%", "%%")
    if option.default is not None:
        text += f" (default: {option.default})"
    if option.type is boolean:
        parser.add_argument(f"--{name}", type=boolean, nargs="?", const=True, default=None, metavar="BOOL", help=text)
        parser.add_argument(f"--no-{name}", dest=name, action="store_false", default=None, help=argparse.SUPPRESS)
    else:  # choices are checked in `_check`, in the same words for a YAML file's values
        metavar = f"{{{','.join(map(str, option.choices))}}}" if option.choices else None
        parser.add_argument(f"--{name}", type=option.type, metavar=metavar, help=text)


def _from_file(path: str) -> dict[str, Any]:
    """The options that a YAML file, or the JSON of an earlier run, gives, with their types.

    The values are read as text, as on the command line: to YAML itself, `category: 01` would be the number 1.
    """
    try:
        given = yaml.load(Path(path).read_text(encoding="utf-8"), yaml.BaseLoader) or {}
    except OSError as error:
        raise UserError(f"cannot read --config {path}: {error.strerror}; check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML ({' '.join(str(error).split())}); mend it") from error
    if isinstance(given, dict) and isinstance(given.get("options"), dict):  # a result
        given = {name: value for name, value in given["options"].items() if name not in NOT_REPEATED}
    if not isinstance(given, dict):
        raise UserError(f"{path} must hold lines of the form `option: value`")
    for name, value in given.items():
        if name not in OPTIONS:
            raise UserError(f"{path} has the unknown option {name!r}; see --help for the options")
        if not isinstance(value, str):
            raise UserError(f"{path}: {name} must have one value, not {value}")
        try:
            given[name] = None if value in ("", "null", "~") else OPTIONS[name].type(value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            raise UserError(f"{path}: {name}: {value!r} is not valid ({error}); see --help") from error
    return given


def parse(program: str, description: str, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a program: the command line over `--config` over the defaults, checked.

    Args:
        program: a key of `PROGRAMS`.
        description: the first lines of `--help`.
        argv: arguments; the process's own by default.

    Raises:
        UserError: an unknown option or value, or a required option that is missing.
    """
    parser = Parser(prog=f"{program}.py", description=description, allow_abbrev=False, argument_default=None)
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="defaults for these options: a YAML file (see configs/), or the JSON that an earlier run wrote, "
        "which repeats that run; what the command line gives comes first",
    )
    for name in PROGRAMS[program]:
        _add(parser, name)
    given = parser.parse_args(sys.argv[1:] if argv is None else argv)
    defaults = _from_file(given.config) if given.config else {}
    values = {}
    for name in PROGRAMS[program]:
        value = getattr(given, name)
        for fallback in (defaults.get(name), OPTIONS[name].default):  # null in a file: not given
            value = fallback if value is None else value
        values[name] = value
        _check(program, name, values[name])
    return argparse.Namespace(**values)


def _check(program: str, name: str, value: Any) -> None:
    option = OPTIONS[name]
    if value is None:
        if name in REQUIRED[program]:
            raise UserError(f"--{name} is missing: {option.help}; see {program}.py --help")
        return
    if option.choices and value not in option.choices:
        raise UserError(f"--{name} {value}: choose one of {', '.join(map(str, option.choices))}")
    wrong = option.check(value)
    if wrong:
        raise UserError(f"--{name} {value}: {wrong}")
