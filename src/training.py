"""Train one category: what is loaded, the loop, and what is saved when.

While training goes on, everything is in one file, `fastflow_<category>.state.ckpt`: the detector, so that it can
be evaluated, and the optimizer, so that it can be resumed. `fastflow_<category>.ckpt` is written when all epochs
are done, and the state removed. So an unfinished run never replaces a finished one.
"""

import argparse
import math
import time
from dataclasses import asdict, astuple

import numpy as np
from mindspore import Tensor

from src import checkpoint, evaluation, state
from src.cell import TrainStep, adam
from src.data.source import Source
from src.dataset import load_images
from src.detector import Architecture, Detector
from src.evaluation import TestSet
from src.features import CachedFeatures, EncodedPictures, training_features
from src.inference import predict
from src.kernels import cells, library
from src.order import Order, effective_batch_size
from src.report.console import ProgressLine
from src.report.panels import ColourScale, save_curves
from src.run import RESUMED_OPTIONS, Files, Progress, chosen, describe, finished_result
from src.runtime.graph_cache import GraphCache
from src.runtime.precision import in_precision
from src.runtime.processes import ALONE, Group
from src.utils import Interrupt, UserError, check_writable, log, versions, write_json


def train(options: argparse.Namespace, group: Group = ALONE) -> dict | None:
    """Train as the options say; returns the result that the JSON holds. With --resume, a finished run is not redone.

    Args:
        group: the processes that train together; those that do not lead return None.

    Raises:
        UserError: anything wrong with the input, found before the first step; or a loss that is not finite.
    """
    options.shards = options.shards or group.world
    finished = finished_result(options) if options.resume else None
    group.check_same(finished is not None, "whether the training is finished")
    return finished or Training(options, group).run()


class Training:
    """One run of `train.py`. Everything that can be wrong with the input is found before the first step.

    Args:
        options: train.py's, the number of shards among them.
        group: the processes that train together.
    """

    def __init__(self, options: argparse.Namespace, group: Group = ALONE):
        self.options, self.group = options, group
        self.files = Files.of(options, group.rank)
        self.source = Source.of(options)
        if self.files.state.exists() and not options.resume:
            raise UserError(f"{self.files.state} is an unfinished training; go on with --resume, or remove the file")
        architecture = Architecture.from_options(options)
        samples, test = self.source.train(), self.source.test()
        batch_size = effective_batch_size(len(samples), options.train_batch_size, options.shards, group.world)
        self.order = Order(len(samples), batch_size, options.seed, options.shards, group)
        if batch_size < options.train_batch_size:
            log.info(
                "the category has %d training pictures: the batch is %d instead of %d",
                *(len(samples), batch_size, options.train_batch_size),
            )
        check_writable(self.files.checkpoint, self.files.result)
        self.files.remove_leftovers()
        self.detector = Detector(architecture, options.seed)
        checkpoint.load_encoder(self.detector.encoder, options.backbone, options.pre_ckpt_path)
        cells.install(self.detector, library.in_use)
        if group.leads and (hint := library.hint(options)):
            log.info(hint)

        self.test = TestSet.load(test, *(options.im_resize, options.gt_protocol, options.num_workers))
        held = [samples[i] for i in self.order.pictures]
        self.images = load_images(held, options.im_resize, options.num_workers)
        optimizer = adam(self.detector.fastflow, options.lr, options.weight_decay)
        fastflow, self.encoder, scale = in_precision(self.detector, options.amp_level, options.amp_dtype)
        self.step = TrainStep(fastflow, optimizer, group.world, scale)
        self.graphs = GraphCache.of(options.graph_cache)
        self.progress = Progress()
        if options.resume and self.files.state.exists():
            self.progress = state.load(self.files.state, self.detector, self.step, self._identity())
            if self.progress.step > self.order.steps_before(options.num_epochs):
                raise UserError(f"--num_epochs {options.num_epochs}: {self.files.state} is beyond that; give more")
        group.check_same(self.progress.step, "how far the training has come (the .state.ckpt in --ckpt_dir)")
        group.check_same(self.order.count, "the number of training pictures")

    def _identity(self) -> dict:
        """What a resumed run must agree in, or it would be neither."""
        return {
            "architecture": asdict(self.detector.architecture),
            "category": self.options.category,
            "split": self.source.split(),
            "options": chosen(self.options, RESUMED_OPTIONS),
            "pictures": self.order.count,
            "batch_size": self.order.batch_size,
        }

    def save_state(self) -> None:
        """Write everything that `--resume` needs, if this process leads."""
        if self.group.leads:
            state.save(self.files.state, self.detector, self.step, self._identity(), self.progress)

    def run(self) -> dict | None:
        """Train, evaluate, save; returns what the JSON beside the checkpoint holds (None if another one leads)."""
        options = self.options
        encoded = EncodedPictures(self.encoder, self.images, options.backbone)
        cache = (options.cache_features, options.cache_limit_gb, self.files.features)
        total = self.order.steps_before(options.num_epochs)
        with (
            training_features(encoded, *cache, self.group) as features,
            Interrupt() as interrupt,
            ProgressLine(self.progress.step, total) as line,
        ):
            while self.progress.step < total:
                epoch = self._epoch(features, interrupt, line)
                self._after_epoch(epoch)
        return self._finish() if self.group.leads else None

    def _epoch(self, features: EncodedPictures | CachedFeatures, interrupt: Interrupt, line: ProgressLine) -> int:
        """The steps that are left of the current epoch; returns how many epochs are finished now."""
        epoch = self.order.epochs_in(self.progress.step)
        line.title(f"epoch {epoch + 1}/{self.options.num_epochs}")
        for step in range(self.progress.step, self.order.steps_before(epoch + 1)):
            started = time.perf_counter()
            loss = self._step(*features.batch(self.order.batch(step)))
            seconds = time.perf_counter() - started
            if not math.isfinite(loss):
                raise UserError(f"the loss is {loss} at step {step + 1}; {state.remedy(self.files.state)}")
            self.progress.step += 1
            self.progress.seconds += seconds
            self.progress.losses.append(loss)
            line.step(loss, seconds, log_line=self.progress.step % self.options.log_interval == 0)
            if self.group.any(interrupt.requested):
                self.save_state()
                self.group.keep_step()  # all wait for the one that saves
                interrupt.stop(f"saved {self.files.state}: train.py --resume goes on with it, eval.py evaluates it")
        return epoch + 1

    def _step(self, *features: Tensor) -> float:
        """The loss of one training step. The first step's graph may be an earlier run's."""
        constants = asdict(self.detector.architecture) | asdict(self.group)
        constants |= chosen(self.options, ("lr", "weight_decay", "amp_level", "amp_dtype"))
        self.graphs.prepare(self.step, *features, shaped_by=constants)
        return float(self.step(*features).asnumpy())  # waits for the device

    def _after_epoch(self, epoch: int) -> None:
        """Save and look, as often as the options say; `epoch` of them are finished."""
        options = self.options
        last = epoch == options.num_epochs
        if last or epoch % options.save_interval == 0:
            self.save_state()
        if options.eval_interval and epoch % options.eval_interval == 0 and not last:
            # Every process does: one that only waited for the leader's next step would be thrown out of it (on the
            # CPU after 30 seconds).
            record, _, _ = self._evaluate(epoch)
            log.info("epoch %d: %s", epoch, ", ".join(f"{k} {v:.4f}" for k, v in evaluation.headline_figures(record)))

    def _evaluate(self, epoch: int) -> tuple[dict, np.ndarray, np.ndarray]:
        """Figures on the test set, recorded in the history, and the maps and scores they are of."""
        maps, scores = predict(self.detector, self.test.images, self.options.test_batch_size)
        record = {"epoch": epoch, **evaluation.figures(self.test, maps, scores)}
        self.progress.history.append(record)
        if self.options.save_best and self.progress.best() is record and self.group.leads:
            checkpoint.save_detector(self.files.best_so_far, self.detector, self._detector_meta(record, maps))
        return record, maps, scores

    def _detector_meta(self, record: dict, maps: np.ndarray) -> dict:
        """What a detector's checkpoint says of itself, given the figures and the maps of its evaluation."""
        scale = ColourScale.of(maps, self.test.labels)
        return describe(self.options, record) | {"split": self.source.split(), "colour_scale": astuple(scale)}

    def _finish(self) -> dict:
        """The last epoch's figures are the result; the unfinished state goes when the checkpoint is there."""
        record, maps, scores = self._evaluate(self.options.num_epochs)
        checkpoint.save_detector(self.files.checkpoint, self.detector, self._detector_meta(record, maps))
        result = {
            "category": self.options.category,
            "checkpoint": self.files.checkpoint.name,
            "gt_protocol": self.options.gt_protocol,
            "metrics": {name: value for name, value in record.items() if name != "epoch"},
            "best_on_test": self.progress.best(),
            "per_defect": evaluation.figures_per_defect(self.test, maps, scores),
            "seconds": round(self.progress.seconds, 3),
            "steps": self.progress.step,
            "skipped_steps": self.step.skipped_steps(),
            "cpu_kernels": library.in_use is not None,
            "train_pictures": self.order.count,
            "test_pictures": len(self.test.images),
            "options": vars(self.options)
            | self.source.split()
            | {"conv3x3_only": self.detector.architecture.conv3x3_only},
            "versions": versions(),
            "losses": self.progress.epoch_losses(self.order),
            "history": self.progress.history,
        }
        if result["skipped_steps"]:
            log.info("%d of %d steps skipped: float16 gradients overflowed", result["skipped_steps"], result["steps"])
        write_json(self.files.result, result)
        save_curves(self.files.curves, result["losses"], result["history"])
        if self.files.best_so_far.exists():
            self.files.best_so_far.replace(self.files.best)
        self.files.state.unlink(missing_ok=True)
        return result
