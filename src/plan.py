"""The plan of a training: what is to be trained, where, and whether that has been done. No picture is loaded yet."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor, nn

from src import checkpoint, results
from src.config import Options
from src.data.found import Found
from src.data.framing import Framing
from src.data.roi import Roi
from src.data.samples import Sample
from src.data.source import Source, with_split
from src.dataset import load_images
from src.detector import Architecture
from src.files import RunFiles
from src.good_pictures import FALSE_ALARMS, divide
from src.metadata import Metadata
from src.option import Role
from src.order import Order, effective_batch_size
from src.report.events import check_available
from src.runtime.device import Device
from src.runtime.graph_cache import GraphCache
from src.runtime.processes import ALONE, Group
from src.tiles import Tile, TileImages, tiles_of
from src.utils import UserError, log


@dataclass(frozen=True)
class Plan:
    """What a run of train.py does.

    Attributes:
        options: train.py's, with a value for everything that the command line may leave open.
        device: what computes.
        group: the processes that train together.
        files: what is written.
        source: the data set and its category.
        architecture: of the network.
        graphs: where compiled graphs are kept.
        found: what its pictures are, once `look` has looked at them.
        roi: where pictures are looked at; None: everywhere.
    """

    options: Options
    device: Device
    group: Group
    files: RunFiles
    source: Source
    architecture: Architecture
    graphs: GraphCache
    found: Found | None = None
    roi: Roi | None = None

    @classmethod
    def of(cls, options: Options, device: Device, group: Group = ALONE) -> "Plan":
        """The plan that the options describe.

        Raises:
            UserError: options that do not fit each other; --log_to where its package is missing; a --graph_cache that
                cannot be used.
        """
        check_available(options.log_to)
        architecture = Architecture.from_options(options)
        options = with_split(options).resolved(
            device_target=device.target,
            device_id=device.number,
            shards=options.shards or group.world,
            **(asdict(architecture) | {"roi": options.roi}),  # the mask's path; the network knows only its kind
            false_alarms=options.false_alarms or FALSE_ALARMS,
        )
        result_path = Path(options.result_path) if options.result_path else None
        files = RunFiles(Path(options.ckpt_dir), options.category, result_path)
        graphs = GraphCache.of(options.graph_cache, device, group)
        roi = None if options.roi is None else Roi.given(options.roi)
        return cls(options, device, group, files, Source.of(options), architecture, graphs, roi=roi)

    def finished_result(self) -> dict | None:
        """The result of a finished training with the same options, or None if there is none yet.

        Raises:
            UserError: there is one with other options; it is not replaced under --resume.
        """
        if self.files.state.exists() or not self.files.checkpoint.exists():
            return None
        _, trained = checkpoint.read(self.files.checkpoint, "detector")
        before, wanted = trained.trained_options, self.described()
        same_network = trained.architecture == self.architecture and trained.split == self.source.split()
        same_network = same_network and trained.roi == (self.roi and self.roi.text)
        same_network = same_network and self.source.bit_depth in (None, trained.bit_depth)
        if not same_network or before != wanted:
            others = ", ".join(f"--{name} {value}" for name, value in before.items() if wanted.get(name) != value)
            raise UserError(
                f"{self.files.checkpoint} was trained with {others or 'another network or data set'}; give the same, "
                "or leave out --resume to train anew"
            )
        log.info("%s is finished; nothing to train", self.files.checkpoint)
        return results.read_training(self.files.result)

    @property
    def framing(self) -> Framing:
        """How pictures become images."""
        return replace(self.architecture.framing, roi=self.roi)

    def items(self, samples: list[Sample]) -> list[Sample] | list[Tile]:
        """What a training draws from: pictures, or the tiles of all of them."""
        if self.framing.tiling is None:
            return samples
        tiles = tiles_of(samples, self.framing, self.options.num_workers)
        if self.group.leads:
            log.info("%d training pictures: %d tiles", len(samples), len(tiles))
        return tiles

    def load(self, items: list[Sample] | list[Tile]) -> np.ndarray | TileImages:
        """The images of some of `items`, [N, H, W, C] uint8; tiles are cut from their pictures when they are needed."""
        if self.framing.tiling is not None:
            return TileImages(items, self.framing)
        return load_images(items, self.framing, self.options.num_workers)

    def prepare(self, cell: nn.Cell, *inputs: Tensor) -> None:
        """Load a cell's graph for inputs of these shapes, or compile and keep it (see `GraphCache.prepare`)."""
        constants = asdict(self.architecture) | self.options.of_role(Role.COMPILED)
        self.graphs.prepare(cell, *inputs, shaped_by=constants)

    def described(self) -> dict[str, Any]:
        """The options that a finished checkpoint carries."""
        return self.options.of_role(Role.AGREE) | self._length()

    @property
    def length_option(self) -> str:
        """The option that says how long the training is, and its value, for messages."""
        ((name, value),) = self._length().items()
        return f"--{name} {value}"

    def _length(self) -> dict[str, int]:
        """The options that say how long the training is."""
        given = "num_epochs" if self.options.num_steps is None else "num_steps"
        return {given: getattr(self.options, given)}

    def look(self) -> tuple["Plan", list[Sample], list[Sample]]:
        """Find the pictures and say what was found: the plan that knows it, the good pictures, and the test set."""
        source, found, (good, test) = self.source.look(self.source.train(), self.source.test(required=False))
        if self.group.leads:
            found.tell()
        return replace(self, source=source, found=found), good, test

    def divide(self, samples: list[Sample]) -> tuple[list[Sample], list[Sample]]:
        """The good pictures to train on, and those that are held out, which may be none."""
        used, held_out = divide(samples, self.options.held_out, self.options.seed)
        if held_out:
            log.info("%d of %d good pictures are held out, for the thresholds", len(held_out), len(samples))
        return used, held_out

    def order(self, count: int) -> Order:
        """The order of so many training pictures. Says so where they allow only a smaller batch.

        Raises:
            UserError: pictures, batch, shards and processes that do not divide.
        """
        wanted, shards = self.options.train_batch_size, self.options.shards
        batch_size = effective_batch_size(count, wanted, shards, self.group.world)
        if batch_size < wanted:
            log.info("the category has %d training pictures: the batch is %d instead of %d", count, batch_size, wanted)
        return Order(count, batch_size, self.options.seed, shards, self.group)

    def state_metadata(self, order: Order, held_out: list[Sample]) -> Metadata:
        """What the file of the unfinished training says: a resumed training must agree with it.

        Its length is part of that where the learning rate depends on it.
        """
        length = {}
        if self.options.lr_schedule != "constant":
            length = {"num_steps": None, "num_epochs": None} | self._length()
        return Metadata(
            "state",
            architecture=self.architecture,
            category=self.options.category,
            split=self.source.split(),
            bit_depth=self.source.bit_depth,
            roi=self.roi and self.roi.text,
            options=self.options.of_role(Role.AGREE) | length,
            pictures=order.count,
            batch_size=order.batch_size,
            held_out=[sample.name for sample in held_out] or None,
        )
