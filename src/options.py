"""Every option of every program, once. To add one, write its `Option` into the section of the programs that take it.

Two options may have the same name where no program takes both, such as the `--ckpt_path` that eval.py reads and the
one that pthtockpt.py writes. Nothing here imports MindSpore, so that wrong options are answered at once.
"""

import os

from src import option as bounds
from src.data.decoding import DEPTHS
from src.data.layouts import LAYOUTS
from src.data.masks import PROTOCOLS
from src.data.samples import MAX_MEGAPIXELS
from src.kernels.convolution import CONVOLUTIONS, DEFAULT
from src.network_options import NETWORK, TRAIN
from src.option import (
    REQUIRED,
    TEST_BATCH_SIZE,
    Option,
    Role,
    above,
    at_least,
    boolean,
    is_picture_size,
    one_of,
    picture_size,
    section,
)
from src.report.events import LOGS
from src.result_options import RESULTS
from src.tool_options import TOOLS
from src.trust.schema import Check, is_a

TARGETS = ("Ascend", "GPU", "CPU")  # of devices, in the order in which a program looks for them
KNOWN = " ".join(f"{name}: {layout.description}." for name, layout in LAYOUTS.items())
THREADS = min(8, os.cpu_count() or 1)

PLACES = {"run_all": "scripts/", "make_synthetic": "scripts/", "pthtockpt": "src/"}  # the others are at the root

# Programs that take the same options.
EVALUATE = ("train", "eval", "run_all")
PREDICT = (*EVALUATE, "predict")
DATA_SET = (*EVALUATE, "preprocess")


# The formatter would write this table with an argument a line.
# fmt: off
OPTIONS: tuple[Option, ...] = (
    *section("data", DATA_SET,
        Option("dataset_path", str, REQUIRED, "folder of the data set; it holds a folder per category"),
        Option("dataset", str, None, f"layout of the data set (default: mvtec; in evaluation, the training's). {KNOWN}",
               one_of(*LAYOUTS)),
        Option("train_list", str, None, "for mtd: file with the names of the training pictures, one a line"),
        Option("split_seed", int, None, "divides the good pictures where the data set leaves that open: mtd without "
               "--train_list, folder (default: 0; in evaluation, the training's)", at_least(0, bounds.LARGEST_SEED))),
    *section("data", ("train",),
        Option("category", str, REQUIRED, "category to train, e.g. bottle (mtd has one: mtd)", roles=Role.AGREE)),
    *section("data", ("eval", "preprocess"),
        Option("category", str, None, "category to evaluate (default: the one that was trained)")),
    *section("data", (*EVALUATE, "postprocess"),
        Option("gt_protocol", str, "nearest",
               "how masks are resized: nearest (> 0 is a defect), original (2022: bilinear, truncated) or "
               "max_pool (a pixel is a defect where any that it covers is: keeps thin ones)",
               one_of(*PROTOCOLS))),
    *section("data", (*PREDICT, "preprocess", "serve"),
        Option("bit_depth", int, None, "bits that the values of 16-bit files use, 12 for a camera's 0..4095 (default: "
               "the training's; without, the least that holds all values found)", one_of(*DEPTHS))),
    *section("data", (*PREDICT, "preprocess", "postprocess", "serve"),
        Option("max_megapixels", float, MAX_MEGAPIXELS, "a picture whose header claims more million pixels is refused",
               above(0, 10000))),
    *section("data", (*PREDICT, "postprocess"),
        Option("num_workers", int, THREADS, "threads that decode pictures", at_least(1, 1024), Role.NOT_REDONE)),
    *section("data", ("predict", "serve"),
        Option("model", str, REQUIRED, "what predicts: a checkpoint (.ckpt), export.py's .onnx, or its .mindir with "
               "the JSON beside it", aliases=("ckpt_path",))),
    *section("data", ("predict",),
        Option("input", str, REQUIRED, "pictures to score: a folder with its sub-folders, a file, a pattern in "
               "quotes, a text file with a path a line, or - for such lines on standard input", aliases=("img_dir",)),
        Option("strict", boolean, False, "stop at a picture that cannot be read; else its error stands in the place of "
               "its score, and the exit status is 3")),

    *NETWORK,

    *section("training", TRAIN,
        Option("num_epochs", int, 500, "how often all training pictures are used", at_least(1)),
        Option("num_steps", int, None, "training steps, in the place of --num_epochs", at_least(1)),
        Option("lr_schedule", str, "cosine", "course of the learning rate: constant, or cosine: up over the first "
               "5 % of the steps, then down along a cosine to 1 %", one_of("constant", "cosine"), Role.AGREE),
        Option("ema_decay", float, 0.98, "evaluate and keep an exponential moving average of the weights with this "
               "decay per step; 0: the weights themselves", at_least(0, 0.9999), Role.AGREE | Role.COMPILED),
        Option("train_batch_size", int, 32, "pictures per training step", at_least(1, 65536), Role.AGREE),
        Option("shards", int, None, "order the training pictures as this many processes do "
               "(default: the number of processes)", at_least(1, 65536), Role.AGREE),
        Option("lr", float, 1e-3, "Adam's learning rate", above(0, bounds.LARGEST_FLOAT), Role.AGREE | Role.COMPILED),
        Option("weight_decay", float, 1e-5, "L2 penalty added to the gradient", at_least(0, bounds.LARGEST_FLOAT),
               Role.AGREE | Role.COMPILED),
        Option("seed", int, 1, "seed of initial weights, permutations and batches", at_least(0, bounds.LARGEST_SEED),
               Role.AGREE),
        Option("amp_level", str, "O0", "precision of training: O0 all float32; O2 the flows' convolutions in half "
               "precision; O3 the encoder's too", one_of("O0", "O2", "O3"), Role.AGREE | Role.COMPILED),
        Option("amp_dtype", str, "float16", "half precision: float16 with loss scaling, or bfloat16 without",
               one_of("float16", "bfloat16"), Role.AGREE | Role.COMPILED),
        Option("cache_features", str, "auto", "keep the encoder's features of the training pictures: in memory, "
               "beyond the limit in a file; off: encode anew", one_of("auto", "on", "off"), Role.NOT_REDONE),
        Option("cache_limit_gb", float, None, "gigabytes of features that a process keeps in memory (default: half "
               "of the free memory, divided among the processes)", at_least(0), Role.NOT_REDONE),
        Option("log_interval", int, 10, "training steps between log lines", at_least(1), Role.NOT_REDONE),
        Option("log_to", str, None, "also write losses, learning rate and figures for TensorBoard while training, to "
               "tensorboard/ in --ckpt_dir; needs the package tensorboard", one_of(*LOGS), Role.NOT_REDONE),
        Option("eval_interval", int, 10, "epochs between evaluations on the test set that show how training goes; "
               "0: none", at_least(0), Role.NOT_REDONE),
        Option("save_interval", int, 10, "epochs between saves of the training state", at_least(1), Role.NOT_REDONE),
        Option("save_best", boolean, False, "also keep the checkpoint that is best on the test set, named as such",
               roles=Role.NOT_REDONE),
        Option("held_out", float, 0.1, "share of the good training pictures, but at least 20, that is not trained on: "
               "thresholds come from these; 0: none. None below 60 pictures", at_least(0, 0.5), Role.AGREE),
        Option("ckpt_dir", str, "ckpt", "folder for checkpoints and their JSON")),
    *section("training", ("train",),
        Option("resume", boolean, False, "go on from the saved training state of the same category, if any",
               roles=Role.NOT_REPEATED),
        Option("distribute", boolean, False, "train with several processes, each on its device and its part of every "
               "batch; msrun starts them, see scripts/run_distribute_train_*.sh", roles=Role.NOT_REPEATED)),

    *section("evaluation", ("eval",),
        Option("ckpt_path", str, REQUIRED, "checkpoint to evaluate, written by train.py or src/pthtockpt.py")),
    *section("evaluation", PREDICT,
        Option("test_batch_size", int, None, "pictures per batch where nothing is trained (default: the encoder's; "
               f"{TEST_BATCH_SIZE}, of CaiT 1)", at_least(1, 65536), Role.NOT_REDONE)),
    *section("verdicts", (*PREDICT, "export", "serve"),
        Option("false_alarms", float, None, "share of good pictures that may be called defective; it sets the "
               "thresholds (default: 0.01; later, the training's)", at_least(1e-6, 0.5))),
    *section("verdicts", ("eval", "predict", "export", "serve"),
        Option("good_dir", str, None, "folder of good pictures that were not trained on, to set the thresholds from "
               "in the place of the training's")),
    *section("pictures", ("eval", "predict", "export", "preprocess", "serve"),
        Option("roi", str, None, "mask of what is looked at, or a folder of one for each picture (default: the "
               "training's mask); for models that were trained with --roi")),
    *RESULTS,

    *section("several categories", ("run_all",),
        Option("categories", str, None, "categories with commas between them (default: all of the data set)"),
        Option("seeds", str, None, "train each category once with each of these seeds, with commas, in the place of "
               "--seed; the table has means and standard deviations"),
        Option("device_ids", str, "0", "numbers of the devices, with commas; each works on a category of its own"),
        Option("jobs", int, 1, "categories at a time on each device", at_least(1, 1024))),

    *section("device", (*PREDICT, "export", "serve"),
        Option("device_target", str, None, "device (default: what the machine has, in this order)", one_of(*TARGETS),
               Role.NOT_REDONE)),
    *section("device", ("train", "eval", "predict", "export", "serve"),
        Option("device_id", int, 0, "number of the device", at_least(0, 4095))),
    *section("device", (*PREDICT, "serve"),
        Option("cpu_kernels", str, "auto", "our own kernels on the CPU: auto uses them if "
               "scripts/build_cpu_kernels.sh has built them", one_of("auto", "on", "off")),
        Option("convolution", str, DEFAULT, "how these kernels compute 3x3 convolutions: direct; or, with fewer "
               "multiplications and other rounding, Winograd's tiles of 2 x 2 pixels, or of 4 x 4, which are fastest",
               one_of(*CONVOLUTIONS), Role.AGREE | Role.COMPILED),
        Option("graph_cache", str, "auto", "folder that keeps compiled graphs for later runs: auto is "
               "fastflow_mindspore in the user's cache folder on a CPU, off on other devices; off: compile anew",
               roles=Role.NOT_REDONE)),
    *TOOLS,
)
# fmt: on


def options_of(program: str) -> dict[str, Option]:
    """The options that a program takes, by name, in the order of `--help`."""
    return {option.name: option for option in OPTIONS if program in option.programs}


def is_option(program: str, name: str) -> Check:
    """A check for a value that a program's option can have, once what was left open is found out."""
    option = options_of(program)[name]
    types = {int: is_a(int), float: is_a(int, float), str: is_a(str), picture_size: is_picture_size}
    is_valid = types.get(option.type, is_a(bool))
    return lambda value: is_valid(value) and option.check.problem(value) is None


def file_of(program: str) -> str:
    """Where a program is, from the project's folder."""
    return f"{PLACES.get(program, '')}{program}.py"
