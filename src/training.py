"""Train one category: the story of a training, from its plan to the finished checkpoint.

An unfinished training is one file, `fastflow_<category>.state.ckpt`: the detector, which can be evaluated, and the
optimizer, for resuming. When all epochs are done, `fastflow_<category>.ckpt` is written, and the state removed; so an
unfinished training never replaces a finished one.
"""

import math
import time
from functools import partial

from src import checkpoint, evaluation, outcome, state, whitening
from src.assessment import Assessment, load_pictures
from src.cell import TrainStep, adam, compile_step
from src.config import Options
from src.data.samples import evenly, files_of
from src.detector import Detector
from src.features import CachedFeatures, EncodedPictures, training_features
from src.kernels import cells, library, update
from src.plan import Plan
from src.report.console import TrainingLine
from src.report.events import not_recorded, recorded
from src.runtime.device import Device
from src.runtime.precision import in_precision
from src.runtime.processes import ALONE, Group
from src.runtime.program import Interrupt
from src.schedule import averaging_rate, learning_rate
from src.state import Progress
from src.utils import UserError, log


def train(options: Options, device: Device, group: Group = ALONE) -> dict | None:
    """Train as the options say; returns the result that the JSON holds. With --resume, a finished run is not redone.

    Args:
        group: the processes that train together; those that do not lead return None.

    Raises:
        UserError: anything wrong with the input, found before the first step; or a loss that is not finite.
    """
    plan = Plan.of(options, device, group)
    finished = plan.finished_result() if options.resume else None
    group.check_same(finished is not None, "whether the training is finished")
    if finished is not None:
        return finished
    training = Training(plan)
    with plan.files.locked(group.leads):
        training.resume()
        log_to = options.log_to if group.leads else None
        with recorded(log_to, plan.files.events, training.progress.step) as training.record:
            training.run()
            return training.finish() if group.leads else None


class Training:
    """One run of train.py: make it, then `resume`, `run` and `finish`.

    Making it loads the pictures and the encoder's weights and builds the network and its training step, so that
    everything that can be wrong with the input is found before the first step.
    """

    def __init__(self, plan: Plan):
        self.plan, self.options, self.group, self.files = plan, plan.options, plan.group, plan.files
        if self.files.state.exists() and not self.options.resume:
            raise UserError(f"{self.files.state} is an unfinished training; go on with --resume, or remove the file")
        self._load_samples()
        self.files.check([self.options.pre_ckpt_path, *files_of(self.test_samples)])
        self._build_network()
        self._load_pictures()
        self._build_step()
        self.progress, self.record = Progress(), not_recorded

    def _load_samples(self) -> None:
        """Find the pictures, hold some good ones out, and plan in which order the others are trained on."""
        self.plan, good, self.test_samples = self.plan.look()
        self.train_samples, self.held_out = self.plan.divide(good)
        self.items = self.plan.items(self.train_samples)
        self.order = self.plan.order(len(self.items))
        self.identity = self.plan.state_metadata(self.order, self.held_out)
        self.last_step = self.options.num_steps or self.order.steps_before(self.options.num_epochs)

    def _build_network(self) -> None:
        """The detector: ImageNet weights in its encoder, new flows, and our own kernels where the device has them."""
        self.detector = Detector(self.plan.architecture, self.options.seed)
        checkpoint.load_encoder(self.detector.encoder, self.options.backbone, self.options.pre_ckpt_path)
        device, architecture = self.plan.device, self.plan.architecture
        cells.install(self.detector, device.kernels, device.convolution, flow_steps=not architecture.hides)
        wanted = self.options.cpu_kernels != "off" and self.options.amp_level == "O0" and library.could_help()
        if self.group.leads and wanted and device.target == "CPU" and device.kernels is None:
            log.info("without CPU kernels; training is faster with them: %s", library.BUILD)

    def _load_pictures(self) -> None:
        """Decode what the training is judged by, and of the training pictures those that this process holds."""
        own = [self.items[i] for i in self.order.pictures]
        self.assessor, self.images = load_pictures(self.plan, self.test_samples, self.train_samples, self.held_out, own)
        self.test = self.assessor.test

    def _build_step(self) -> None:
        """The training step, in the precision that is asked for."""
        optimizer = adam(self.detector.fastflow, self.options.lr, self.options.weight_decay)
        fastflow, self.encoder, loss_scale = in_precision(self.detector, self.options.amp_level, self.options.amp_dtype)
        self.step = TrainStep(fastflow, optimizer, self.group.world, loss_scale, averaging=self.options.ema_decay > 0)
        update.install(self.step, self.plan.device.kernels, self.options.convolution)

    def resume(self) -> None:
        """With --resume, go on from the saved state if there is one. All processes must have come equally far."""
        if self.options.resume and (path := self.files.state).exists():
            self.progress = state.load(path, self.detector, self.step, self.identity)
            if self.progress.step > self.last_step:
                raise UserError(f"{self.plan.length_option}: {path} is beyond that; give more")
        self.group.check_same(self.progress.step, "how far the training has come (the .state.ckpt in --ckpt_dir)")
        self.group.check_same(self.order.count, "the number of training pictures")

    def run(self) -> None:
        """Train all epochs that are left."""
        encode = partial(EncodedPictures, self.encoder, backbone=self.options.backbone, prepare=self.plan.prepare)
        encoded = encode(self.images)
        cache, limit = self.options.cache_features, self.options.cache_limit_gb
        self.keeps_best = outcome.keeps_best(self.plan, self.progress.step)
        if self.plan.architecture.whitening and self.progress.step == 0:
            whitening.fit(self.encoder, encode(self.plan.load(evenly(self.items, whitening.PICTURES))))
        with training_features(encoded, cache, limit, self.files.features(self.group.rank), self.group) as features:
            self.progress.seconds += compile_step(self.step, self.plan, self.order)
            with Interrupt() as interrupt, TrainingLine(self.progress.step, self.last_step) as line:
                while self.progress.step < self.last_step:
                    epoch = self._train_epoch(features, interrupt, line)
                    self._evaluate_if_due(epoch)
                    self._save_if_due(epoch)  # with the figures of this epoch in the history
                    self._obey(interrupt)

    def _train_epoch(self, features: EncodedPictures | CachedFeatures, interrupt: Interrupt, line: TrainingLine) -> int:
        """Train the steps that are left of the current epoch; returns how many epochs are finished then."""
        epoch = self.order.epochs_in(self.progress.step)
        line.title(f"epoch {epoch + 1}/{self.order.epochs_in(self.last_step - 1) + 1}")
        for step in range(self.progress.step, min(self.order.steps_before(epoch + 1), self.last_step)):
            rate = self._prepare_step(step)
            started = time.perf_counter()
            loss = float(self.step(*features.batch(self.order.batch(step))).asnumpy())  # waits for the device
            seconds = time.perf_counter() - started
            if not math.isfinite(loss):
                raise UserError(f"the loss is {loss} at step {step + 1}; {state.remedy(self.files.state)}")
            self.progress.add_step(loss, seconds)
            self.record(self.progress.step, "train", {"loss": loss, "lr": rate, "seconds_per_step": seconds})
            line.step(loss, seconds, log_line=self.progress.step % self.options.log_interval == 0)
            self._obey(interrupt)
        return self.order.epochs_in(self.progress.step)

    def _prepare_step(self, step: int) -> float:
        """Set what changes from step to step; returns the learning rate."""
        rate = learning_rate(step, self.last_step, self.options.lr, self.options.lr_schedule)
        self.step.prepare(rate, averaging_rate(step, self.options.ema_decay))
        return rate

    def _obey(self, interrupt: Interrupt) -> None:
        """Save and end, if one of the processes was asked to; all wait for the one that saves."""
        if self.group.any(interrupt.requested):
            self.save_state()
            self.group.wait()
            interrupt.stop(f"saved {self.files.state}: train.py --resume goes on with it, eval.py evaluates it")

    def save_state(self) -> None:
        """Write everything that `--resume` needs, if this process leads."""
        if self.group.leads:
            state.save(self.files.state, self.detector, self.step, self.identity, self.progress)

    def _save_if_due(self, epoch: int) -> None:
        """Save the state every --save_interval epochs and after the last one; `epoch` of them are finished."""
        if self.progress.step == self.last_step or epoch % self.options.save_interval == 0:
            self.save_state()

    def _evaluate_if_due(self, epoch: int) -> None:
        """Show the figures on the test set every --eval_interval epochs; those of the last one are for `finish`.

        Every process evaluates, because on the CPU waiting for the leader is given up after 30 seconds.
        """
        interval = self.options.eval_interval
        if interval and epoch % interval == 0 and self.progress.step < self.last_step and self.test.samples:
            with self.step.averaged():
                record = self._evaluate(epoch).record
            shown = ", ".join(f"{name} {value:.4f}" for name, value in evaluation.defined(record).items())
            log.info("epoch %d: %s", epoch, shown or "no figures")

    def _evaluate(self, epoch: int) -> Assessment:
        """What the network is worth now; its figures on the test set are kept in the history."""
        found = self.assessor.assess(self.detector, epoch)
        self.progress.history.append(found.record)
        self.record(self.progress.step, "test", evaluation.defined(found.record))
        if self.keeps_best and self.progress.best() is found.record and self.group.leads:
            outcome.save_detector(self.files.best_so_far, self.plan, self.detector, found)
        return found

    def finish(self) -> dict:
        """Evaluate the last epoch, write its checkpoint and result, and return the result."""
        with self.step.averaged():
            found = self._evaluate(self.order.epochs_in(self.progress.step))
            outcome.save_detector(self.files.checkpoint, self.plan, self.detector, found)
        result = outcome.result_of(self.plan, self.order, self.progress, self.step.skipped_steps(), found)
        outcome.write_result(self.plan, result, found)
        return result
