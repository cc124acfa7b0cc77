"""Ablation: what training recipes, map rules and score rules are worth, over categories and seeds.

    python benchmarks/ablation.py --dataset_path DATA --pre_ckpt_path resnet18.ckpt --categories bottle screw

Every recipe is trained with every seed on every category, one after the other; each training writes down the energies
of its evaluations, so that all rules are compared on the same network. What is there is not trained again. Writes
ablation.json, ablation.md and ablation.png to --output.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the project's root in the place of benchmarks/

import argparse
import subprocess
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.judgement import report
from benchmarks.judgement.judging import Judged, judge
from src import ROOT
from src.config import Parser
from src.kernels.convolution import CONVOLUTIONS, DEFAULT, DIRECT
from src.option import BACKBONES, network_size
from src.runtime.program import run_program
from src.utils import UserError, check_writable, log, write_json

ORIGINAL: dict[str, object] = {"config": "configs/original.yaml"}
RECIPES: dict[str, dict[str, object]] = {  # train.py's options that make a recipe; to add one, name it here
    "original": ORIGINAL,
    "recommended": {},  # the defaults
    "no position mean": {"position_mean": False},
    "no affine": ORIGINAL | {"norm_affine": False},
    "batch 8": ORIGINAL | {"train_batch_size": 8, "lr": 5e-4},
    "lr / 2": ORIGINAL | {"lr": 5e-4},
    "4 flow steps": ORIGINAL | {"flow_step": 4},
    "hidden 0.5": ORIGINAL | {"hidden_ratio": 0.5},
    "cosine": ORIGINAL | {"lr_schedule": "cosine"},
    "average": ORIGINAL | {"ema_decay": 0.98},
    "pooling": ORIGINAL | {"feature_pooling": 3},
    "whitening": ORIGINAL | {"whitening": True, "norm_affine": False},
    "whitening, pooling": ORIGINAL | {"whitening": True, "norm_affine": False, "feature_pooling": 3},
}


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options.

    Raises:
        UserError: an unknown option or value.
    """
    parser = Parser(
        prog="benchmarks/ablation.py",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset_path", required=True, help="folder of the data set, in the layout of MVTec AD")
    add("--pre_ckpt_path", required=True, help="the encoder's ImageNet weights")
    add("--categories", nargs="+", required=True, help="categories to train on; the others' pictures are wrong ones")
    add("--backbone", choices=BACKBONES, default="resnet18", help="encoder (default: resnet18)")
    add("--recipes", nargs="+", choices=RECIPES, default=["original"], help="recipes (default: original)")
    add("--seeds", nargs="+", type=int, default=[1, 2, 3], help="seeds (default: 1 2 3)")
    add("--num_epochs", type=int, default=24, help="epochs (default: 24)")
    add("--eval_interval", type=int, default=2, help="epochs between evaluations (default: 2)")
    add("--convolution", choices=CONVOLUTIONS, default=DEFAULT, help=f"as train.py's (default: {DEFAULT})")
    add("--im_resize", type=int, default=256, help="picture size (default: 256)")
    add("--output", type=Path, default=Path("results/ablation"), help="folder (default: results/ablation)")
    options = parser.parse_args(argv)
    for name in ("num_epochs", "eval_interval"):
        if getattr(options, name) < 1:
            raise UserError(f"--{name} {getattr(options, name)}: must be 1 or more")
    if wrong := network_size.problem(options.im_resize):
        raise UserError(f"--im_resize {options.im_resize}: {wrong}")
    return options


def train(options: argparse.Namespace, recipe: str, category: str, seed: int) -> Path:
    """Train one recipe unless that has been done; returns the folder with its energies.

    Raises:
        UserError: the training failed; the message names its log.
    """
    given = {
        "dataset_path": options.dataset_path,
        "pre_ckpt_path": options.pre_ckpt_path,
        "backbone": options.backbone,
        "im_resize": options.im_resize,
        "num_epochs": options.num_epochs,
        "eval_interval": options.eval_interval,
        "convolution": options.convolution,
        "category": category,
        "seed": seed,
        **RECIPES[recipe],
    }
    setting = f"{options.backbone}_{options.im_resize}_epochs_{options.num_epochs}_{options.eval_interval}"
    setting += "" if options.convolution == DIRECT else f"_{options.convolution}"
    folder = options.output / setting / category / recipe.replace(" ", "_").replace("/", "over") / f"seed_{seed}"
    if (folder / f"epoch_{options.num_epochs:04d}.npz").exists():
        return folder
    check_writable(folder / "log")
    given["ckpt_dir"] = folder / "ckpt"
    words = [f"--{name}={value}" for name, value in given.items()]
    command = [sys.executable, "-m", "benchmarks.judgement.dump", str(folder.resolve()), *words]
    log.info("training: %s, %s, seed %d", recipe, category, seed)
    with (folder / "log").open("w") as file:
        status = subprocess.run(command, cwd=ROOT, stdout=file, stderr=file, check=False).returncode
    if status:
        raise UserError(f"training {recipe} on {category} ended with status {status}; see {folder / 'log'}")
    return folder


def main() -> None:
    options = parse()
    for name in ("dataset_path", "pre_ckpt_path", "output"):
        setattr(options, name, Path(getattr(options, name)).resolve())  # the trainings run in another folder
    check_writable(options.output / "ablation.json")
    judged: dict[str, dict[str, list[Judged]]] = {}
    for recipe in options.recipes:
        for category in options.categories:
            folders = [train(options, recipe, category, seed) for seed in options.seeds]
            judged.setdefault(recipe, {})[category] = [judge(folder) for folder in folders]
    facts = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    result = {r: {c: [asdict(one) for one in runs] for c, runs in found.items()} for r, found in judged.items()}
    write_json(options.output / "ablation.json", {"options": facts, "results": result})
    text = report.markdown(judged, facts)
    report.write(options.output, text, judged)
    log.info("%s\nresults: %s/ablation.{md,json,png}", text, options.output)


if __name__ == "__main__":
    run_program(main)
