"""When a category counts as finished: its result was made with the options of now, given or left open."""

import json
import os

import pytest

from src.config import parse
from src.run_all.categories import _job, _write_table
from src.trust.json_file import write_sealed_json
from tests.support.programs import arguments


def options(tmp_path, **changes):
    given = {"dataset_path": "data", "pre_ckpt_path": "w.ckpt", "ckpt_dir": tmp_path}
    return parse("run_all", "", arguments(**(given | changes)))


@pytest.fixture
def finished(tmp_path):
    """The results of a category, as train.py and eval.py write them when run_all has started them."""
    for stage in _job(options(tmp_path), "nut").stages:
        program = stage.program.removesuffix(".py")
        given = parse(program, "", stage.arguments)
        resolved = given.resolved(dataset="mvtec", split_seed=0, train_list=None, device_target="CPU")
        if program == "train":
            resolved = resolved.resolved(shards=1, conv3x3_only=False)
            (tmp_path / "fastflow_nut.ckpt").touch()
        result = {"options": resolved.values, "options_left_open": given.left_open}
        name = "fastflow_nut.json" if program == "train" else "fastflow_nut_eval.json"
        (tmp_path / name).write_text(json.dumps(result, default=str))
    return tmp_path


def done(folder, **changes):
    return [stage.is_done() for stage in _job(options(folder, **changes), "nut").stages]


def test_what_is_finished_is_not_done_again(finished):
    assert done(finished) == [True, True]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"lr": 0.5}, [False, True]),
        ({"conv3x3_only": False}, [False, True]),  # was left open: what that meant may be another encoder's default
        ({"split_seed": 5}, [False, False]),
        ({"save_imgs": True}, [True, False]),
        ({"log_interval": 3, "device_target": "CPU", "graph_cache": "off"}, [True, True]),
    ],
)
def test_another_option_is_done_anew_unless_it_changes_no_result(finished, change, expected):
    assert done(finished, **change) == expected


def test_an_option_that_was_given_and_is_left_open_now_is_done_anew(finished):
    path = finished / "fastflow_nut.json"
    result = json.loads(path.read_text())
    result["options"]["conv3x3_only"] = True
    result["options_left_open"].remove("conv3x3_only")
    path.write_text(json.dumps(result))
    assert done(finished) == [False, True]


def test_results_older_than_the_checkpoint_and_unfinished_trainings_are_not_finished(finished):
    os.utime(finished / "fastflow_nut_eval.json", (1, 1))
    assert done(finished) == [True, False]
    (finished / "fastflow_nut.state.ckpt").touch()
    assert done(finished) == [False, False]


def test_a_damaged_result_is_told_and_done_anew(finished, caplog):
    (finished / "fastflow_nut_eval.json").write_text("{")
    assert done(finished) == [True, False]
    assert "fastflow_nut_eval.json is not a JSON object" in caplog.text


def test_a_damaged_result_does_not_cost_the_others_their_row(tmp_path):
    given = options(tmp_path)
    jobs = [_job(given, name) for name in ("bolt", "nut")]
    result = {"gt_protocol": "nearest", "metrics": {"image_auc": 0.5}, "best_on_test": None, "seconds": 1.0}
    for job in jobs:
        job._number = len(job.stages)
        for name in ("", "_eval"):
            write_sealed_json(tmp_path / f"fastflow_{job.category}{name}.json", result | {"category": job.category})
    path = tmp_path / "fastflow_bolt.json"
    path.write_text(path.read_text().replace("1.0", "2.0"))
    table = _write_table(given, jobs)
    assert list(table.rows) == ["nut"]
    assert table.failed["bolt"].startswith(f"{path} is not as it was written: its digest is another; ")
