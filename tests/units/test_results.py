"""Results of train.py and eval.py as other programs read them."""

import pytest

from src import results
from src.trust.json_file import write_sealed_json
from src.utils import UserError

RESULT = {
    "category": "nut",
    "gt_protocol": "nearest",
    "metrics": {"pixel_auc": 0.9, "aupro": None},
    "best_on_test": {"epoch": 2, "pixel_auc": 0.95},
    "seconds": 1.5,
    "options": {"lr": 0.1, "shards": 2},
    "options_left_open": ["shards"],
}


@pytest.fixture
def put(tmp_path):
    def write(**changes):
        write_sealed_json(tmp_path / "r.json", RESULT | changes)
        return tmp_path / "r.json"

    return write


def test_what_was_written_is_read(put):
    assert results.read_training(put()).items() > RESULT.items()
    assert results.read_training(put(best_on_test=None))["best_on_test"] is None
    assert results.read_evaluation(put()).items() > RESULT.items()
    assert results.read_given_options(put()) == {"lr": 0.1}


@pytest.mark.parametrize(
    ("read", "change", "whose"),
    [
        (results.read_training, {"metrics": None}, "train.py's; remove it and its checkpoint, and train again"),
        (results.read_training, {"metrics": {"pixel_auc": "high"}}, "train.py's"),
        (results.read_training, {"best_on_test": {"pixel_auc": 1}}, "train.py's"),
        (results.read_training, {"best_on_test": {"epoch": "1"}}, "train.py's"),
        (results.read_training, {"seconds": [1]}, "train.py's"),
        (results.read_training, {"gt_protocol": "mine"}, "train.py's"),
        (results.read_evaluation, {"category": 3}, "eval.py's; remove it and evaluate again"),
        (results.read_evaluation, {"gt_protocol": None}, "eval.py's"),
        (results.read_evaluation, {"errors": {"missed": 1}}, "eval.py's"),
        (results.read_given_options, {"options": []}, "a result of train.py or eval.py; remove it"),
        (results.read_given_options, {"options_left_open": {"a": 1}}, "a result of train.py or eval.py; remove it"),
    ],
)
def test_what_is_not_valid_is_refused(put, read, change, whose):
    with pytest.raises(UserError) as caught:
        read(put(**change))
    assert str(caught.value).startswith(f"{put()} is not {whose}")


def test_the_course_of_a_training_is_that_of_its_checkpoint(tmp_path, caplog):
    checkpoint = tmp_path / "fastflow_nut.ckpt"
    assert results.read_course(checkpoint) is None
    course = {"checkpoint": checkpoint.name, "losses": [2.0, 1.0], "history": [{"epoch": 1, "pixel_auc": None}]}
    write_sealed_json(checkpoint.with_suffix(".json"), course)
    assert results.read_course(checkpoint)["losses"] == [2.0, 1.0]
    write_sealed_json(checkpoint.with_suffix(".json"), course | {"checkpoint": "fastflow_bolt.ckpt"})
    assert results.read_course(checkpoint) is None
    assert caplog.text == ""
    for change in ({"losses": ["x"]}, {"history": [{"pixel_auc": 1}]}, {"history": [{"epoch": 1, "aupro": "x"}]}):
        write_sealed_json(checkpoint.with_suffix(".json"), course | change)
        assert results.read_course(checkpoint) is None
    assert caplog.text.count("no curves of the training: ") == 3
