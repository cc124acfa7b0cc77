"""A training run's bookkeeping: where its files go, and how far it has come."""

import argparse
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from src import checkpoint
from src.data.source import Source
from src.detector import Architecture
from src.order import Order
from src.utils import UserError, log, read_json, remove_leftovers, versions

# A resumed run must agree with the interrupted one in these, or it would be neither.
RESUMED_OPTIONS = ("category", "train_batch_size", "shards", "lr", "weight_decay", "seed", "amp_level", "amp_dtype")


@dataclass(frozen=True)
class Files:
    """Where a run's files go."""

    checkpoint: Path
    state: Path
    best: Path
    best_so_far: Path
    result: Path
    curves: Path
    features: Path

    @classmethod
    def of(cls, options: argparse.Namespace, rank: int = 0) -> "Files":
        """`<ckpt_dir>/fastflow_<category>...`; the result where --result_path says; features apart for each rank."""
        stem = f"fastflow_{options.category}"
        ends = (".ckpt", ".state.ckpt", "_best.ckpt", "_best.state.ckpt", ".json", ".png", f".rank{rank}.features")
        files = cls(*(Path(options.ckpt_dir) / f"{stem}{end}" for end in ends))
        return replace(files, result=Path(options.result_path)) if options.result_path else files

    def remove_leftovers(self) -> None:
        """Remove the temporary files of an earlier process of this run that was killed."""
        remove_leftovers(*(getattr(self, name) for name in self.__dataclass_fields__))


@dataclass
class Progress:
    """How far training has come: finished steps, seconds in them, the loss of each, a record per evaluation."""

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)

    def epoch_losses(self, order: Order) -> list[float]:
        """The mean loss of each finished epoch."""
        epochs = order.epochs_in(len(self.losses))
        ends = [order.steps_before(epoch) for epoch in range(1, epochs + 1)]
        return [float(np.mean(losses)) for losses in np.split(self.losses, ends)[:epochs]]

    def best(self) -> dict | None:
        """The evaluation with the highest pixel AUROC (image AUROC where there are no masks)."""
        key = "pixel_auc" if any(record.get("pixel_auc") is not None for record in self.history) else "image_auc"
        known = [record for record in self.history if record.get(key) is not None]
        return max(known, key=lambda record: record[key], default=None)


def chosen(options: argparse.Namespace, names: tuple[str, ...]) -> dict:
    """Some of the options, for a checkpoint."""
    return {name: getattr(options, name) for name in names}


def trained_options(meta: dict) -> dict:
    """The options that a checkpoint's JSON object says; one that says no shards is from before there were any."""
    return {"shards": 1} | meta.get("options", {})


def describe(options: argparse.Namespace, record: dict) -> dict:
    """What a checkpoint says of the run and, from the record of its evaluation, of epoch and thresholds."""
    return {
        "category": options.category,
        "options": chosen(options, (*RESUMED_OPTIONS, "num_epochs")),
        "epoch": record["epoch"],
        "gt_protocol": options.gt_protocol,
        "thresholds": {name: record[name] for name in ("pixel_threshold", "image_threshold") if name in record},
        "versions": versions(),
    }


def finished_result(options: argparse.Namespace) -> dict | None:
    """The result of a finished training with the same options, or None if there is none yet.

    Raises:
        UserError: there is one with other options; it is not replaced under --resume.
    """
    files = Files.of(options)
    if files.state.exists() or not files.checkpoint.exists():
        return None
    _, meta = checkpoint.read(files.checkpoint, ("detector",))
    before, wanted = trained_options(meta), chosen(options, (*RESUMED_OPTIONS, "num_epochs"))
    here = (wanted, Source.of(options).split(), asdict(Architecture.from_options(options)))
    if (before, meta.get("split"), meta["architecture"]) != here:
        others = ", ".join(f"--{name} {value}" for name, value in before.items() if wanted.get(name) != value)
        raise UserError(
            f"{files.checkpoint} was trained with {others or 'another network or data set'}; give the same, or leave "
            "out --resume to train anew"
        )
    log.info("%s is finished; nothing to train", files.checkpoint)
    return read_json(files.result)
