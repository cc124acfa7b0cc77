"""Every option once: name, type, default, help and check; and which program takes which."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    "shards": Option(
        int,
        None,
        "order the training pictures as this many processes do (default: the number of processes)",
        check=at_least(1),
    ),
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
        float,
        None,
        "gigabytes of features that a process keeps in memory (default: half of the free memory, shared by all)",
        check=at_least(0),
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
    "cpu_kernels": Option(
        str,
        "auto",
        "our own kernels on the CPU: auto uses them if scripts/build_cpu_kernels.sh has built them",
        ("auto", "on", "off"),
    ),
    "graph_cache": Option(
        str,
        "auto",
        "folder that keeps compiled graphs for later runs: auto is fastflow_mindspore in the user's cache folder on a "
        "CPU, off on other devices; off: compile anew",
    ),
    "distribute": Option(
        boolean,
        False,
        "train with several processes, each on its device and its part of every batch; msrun starts them, see "
        "scripts/run_distribute_train_*.sh",
    ),
}

_NETWORK = (*("backbone", "pre_ckpt_path", "im_resize", "flow_step", "hidden_ratio", "conv3x3_only", "norm_affine"),)
_TRAINING = (
    *("num_epochs", "train_batch_size", "shards", "lr", "weight_decay", "seed", "log_interval", "eval_interval"),
    *("amp_level", "amp_dtype", "save_interval", "save_best", "resume", "ckpt_dir", "cache_features", "cache_limit_gb"),
)
_DEVICE = ("device_target", "device_id")
_RUN = (*_DEVICE, "cpu_kernels", "graph_cache")
_DATA = ("dataset_path", "dataset", "train_list", "split_seed", "category", "gt_protocol", "num_workers")

PROGRAMS: dict[str, tuple[str, ...]] = {
    "train": (*_DATA, *_NETWORK, *_TRAINING, "test_batch_size", "result_path", *_RUN, "distribute"),
    "predict": (*("ckpt_path", "img_dir", "output_dir", "save_imgs", "test_batch_size", "num_workers", *_RUN),),
    "export": ("ckpt_file", "file_format", "batch_size", "outputs", "mindir_version", "output_dir", *_DEVICE),
    "preprocess": ("dataset_path", "dataset", "train_list", "split_seed", "category", "mindir_path", "img_dir"),
    "postprocess": ("result_dir", "label_dir", "gt_protocol", "save_imgs", "output_dir", "result_path", "num_workers"),
    "eval": (*_DATA, "ckpt_path", "test_batch_size", "save_imgs", "output_dir", "result_path", *_RUN),
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
