"""How far a training has come, and its file: what is saved is resumed, and only by the same training."""

from dataclasses import replace

import numpy as np
import pytest
from mindspore import Tensor

from src import checkpoint, state
from src.cell import TrainStep, adam
from src.detector import Architecture, Detector
from src.metadata import Metadata
from src.order import Order
from src.runtime.precision import LossScale
from src.state import Progress
from src.utils import UserError

TINY = Architecture("efficientnet_lite0", im_resize=32, flow_step=1, hidden_ratio=0.2, norm_affine=False)
TRAINING = Metadata(
    "state",
    architecture=TINY,
    category="nut",
    split={"dataset": "mvtec", "split_seed": 0, "train_list": None},
    options={"category": "nut", "lr": 0.001, "shards": 1},
    pictures=7,
    batch_size=3,
)
PROGRESS = Progress(step=4, seconds=1.5, losses=[4.0, 3.0, 2.0, 1.0], history=[{"epoch": 1, "pixel_auc": 0.5}])


def network(seed=1, loss_scale=None, averaging=False):
    """A small detector and its training step."""
    detector = Detector(TINY, seed)
    optimizer = adam(detector.fastflow, 1e-3, 0.0)
    return detector, TrainStep(detector.fastflow, optimizer, loss_scale=loss_scale, averaging=averaging)


def arrays(detector, step):
    return {name: parameter.asnumpy().copy() for name, parameter in state.parameters(detector, step).items()}


@pytest.mark.parametrize("scaled", [False, True])
def test_what_is_saved_is_resumed(tmp_path, scaled):
    detector, step = network(1, LossScale() if scaled else None)
    moment = next(p for name, p in state.parameters(detector, step).items() if "moment1" in name)
    moment.set_data(Tensor(np.full(moment.shape, 0.25, np.float32)))
    state.save(tmp_path / "s.ckpt", detector, step, TRAINING, PROGRESS)
    other, other_step = network(2, LossScale() if scaled else None)
    assert state.load(tmp_path / "s.ckpt", other, other_step, TRAINING) == PROGRESS
    wanted, found = arrays(detector, step), arrays(other, other_step)
    assert set(found) == set(wanted)
    assert any("loss_scale" in name for name in wanted) == scaled
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"options": TRAINING.options | {"lr": 0.5}},
            "--lr 0.5: {} was trained with 0.001; give --lr 0.001, or remove it",
        ),
        (
            {"options": TRAINING.options | {"lr": None}},
            "without --lr: {} was trained with 0.001; give --lr 0.001, or remove it",
        ),
        (
            {"options": TRAINING.options | {"num_steps": 9}},
            "--num_steps 9: {} was trained without it; leave --num_steps out, or remove it",
        ),
        ({"batch_size": 4}, "{} was made with another network or data set; remove it to start anew"),
        ({"pictures": 8}, "{} was made with another network or data set; remove it to start anew"),
        ({"category": "bolt"}, "{} was made with another network or data set; remove it to start anew"),
        (
            {"architecture": replace(TINY, im_resize=64)},
            "{} was made with another network or data set; remove it to start anew",
        ),
    ],
)
def test_another_training_does_not_go_on_with_it(tmp_path, change, message):
    detector, step = network()
    state.save(tmp_path / "s.ckpt", detector, step, TRAINING, PROGRESS)
    before = arrays(detector, step)
    with pytest.raises(UserError) as caught:
        state.load(tmp_path / "s.ckpt", detector, step, replace(TRAINING, **change))
    assert str(caught.value) == message.format(tmp_path / "s.ckpt")
    for name, array in arrays(detector, step).items():
        np.testing.assert_array_equal(array, before[name])


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    detector, step = network()
    state.save(tmp_path / "s.ckpt", detector, step, TRAINING, PROGRESS)
    kept = (tmp_path / "s.ckpt").read_bytes()
    weight = detector.fastflow.flows[0].steps[0].conv1.weight
    weight.set_data(Tensor(np.full(weight.shape, np.nan, np.float32)))
    with pytest.raises(UserError, match=rf"is not finite after step 4; the last good state is {tmp_path}/s\.ckpt; "):
        state.save(tmp_path / "s.ckpt", detector, step, TRAINING, PROGRESS)
    with pytest.raises(UserError, match=r"no state was saved before; train with a lower --lr"):
        state.save(tmp_path / "other.ckpt", detector, step, TRAINING, PROGRESS)
    assert [path.name for path in tmp_path.iterdir()] == ["s.ckpt"]
    assert (tmp_path / "s.ckpt").read_bytes() == kept


def test_the_mean_loss_of_each_finished_epoch():
    order = Order(7, 3, seed=1)  # epochs of 3, 2, 2, ... steps
    assert Progress(losses=[6.0, 3.0, 3.0, 1.0, 2.0, 9.0]).epoch_losses(order) == [4.0, 1.5]
    assert Progress().epoch_losses(order) == []


@pytest.mark.parametrize(
    ("history", "best"),
    [
        ([], None),
        ([{"epoch": 1, "pixel_auc": None, "image_auc": None}], None),
        ([{"epoch": 1, "pixel_auc": 0.5}, {"epoch": 2, "pixel_auc": 0.7}, {"epoch": 3, "pixel_auc": 0.6}], 2),
        ([{"epoch": 1, "image_auc": 0.8}, {"epoch": 2, "image_auc": 0.7}], 1),
        ([{"epoch": 1, "pixel_auc": 0.6, "image_auc": 0.1}, {"epoch": 2, "pixel_auc": 0.5, "image_auc": 0.9}], 1),
    ],
)
def test_the_best_evaluation(history, best):
    found = Progress(history=history).best()
    assert (found["epoch"] if found else None) == best


def test_a_state_with_averaged_weights_is_evaluated_by_the_average_and_resumed_with_both(tmp_path):
    detector, step = network(averaging=True)
    weight, average = step.average.weights[0], step.average.averages[0]
    average.set_data(Tensor(weight.asnumpy() + 1))
    state.save(tmp_path / "s.ckpt", detector, step, TRAINING, PROGRESS)
    evaluated, _ = checkpoint.load_detector(tmp_path / "s.ckpt")
    name = next(n for n, p in checkpoint.named_parameters(detector).items() if p is weight)
    np.testing.assert_array_equal(checkpoint.named_parameters(evaluated)[name].asnumpy(), weight.asnumpy() + 1)
    other, other_step = network(2, averaging=True)
    state.load(tmp_path / "s.ckpt", other, other_step, TRAINING)
    np.testing.assert_array_equal(other_step.average.weights[0].asnumpy(), weight.asnumpy())
    np.testing.assert_array_equal(other_step.average.averages[0].asnumpy(), average.asnumpy())
