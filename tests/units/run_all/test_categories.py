"""When a category counts as finished: its result was made with the options of now, given or left open."""

import csv
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
        ({"report": True}, [True, False]),
        ({"seeds": "1,2"}, [True, True]),  # each of its runs is another job
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


def test_a_report_that_is_not_there_any_more_is_made_anew(finished, tmp_path):
    evaluation = _job(options(tmp_path, report=True, output_dir=tmp_path / "out"), "nut").stages[1]
    path = tmp_path / "fastflow_nut_eval.json"
    result = json.loads(path.read_text())
    result["options"] |= {"report": True, "output_dir": str(tmp_path / "out")}
    result["options_left_open"].remove("output_dir")
    path.write_text(json.dumps(result))
    assert not evaluation.is_done()
    (tmp_path / "out/nut").mkdir(parents=True)
    (tmp_path / "out/nut/report.html").touch()
    assert evaluation.is_done()


def test_each_seed_has_its_folders(tmp_path):
    given = options(tmp_path, seeds="4,5", output_dir=tmp_path / "out")
    for seed in (4, 5):
        job = _job(given, "nut", seed)
        assert (job.name, job.log) == (f"nut, seed {seed}", tmp_path / f"seed_{seed}/logs/nut.log")
        training, evaluation = (stage.arguments for stage in job.stages)
        assert {f"--seed={seed}", f"--ckpt_dir={tmp_path}/seed_{seed}"} <= set(training)
        assert f"--output_dir={tmp_path}/out/seed_{seed}" in evaluation
        assert f"--ckpt_path={tmp_path}/seed_{seed}/fastflow_nut.ckpt" in evaluation


def test_the_table_of_several_seeds_has_means_and_standard_deviations(tmp_path):
    given = options(tmp_path, seeds="1,2,3", output_dir=tmp_path / "out", report=True)
    jobs = [_job(given, name, seed) for name in ("bolt", "nut", "pin") for seed in (1, 2, 3)]
    values = {"bolt": (0.5, 0.6, 0.7), "nut": (0.9, 0.9, 0.9), "pin": (0.1, 0.2, 0.3)}
    for job in jobs:
        if (job.category, job.seed) == ("pin", 2):
            job.failed = "train.py: error: no"
            continue
        job._number = len(job.stages)
        folder = tmp_path / f"seed_{job.seed}"
        folder.mkdir(exist_ok=True)
        result = {"gt_protocol": "nearest", "metrics": {"image_auc": values[job.category][job.seed - 1]}}
        result |= {"best_on_test": {"epoch": job.seed, "image_auc": 0.9}, "seconds": 1.0, "category": job.category}
        result["errors"] = {"missed": 1, "defective_pictures": 5, "false_alarms": 0, "good_pictures": 4}
        for name in ("", "_eval"):
            write_sealed_json(folder / f"fastflow_{job.category}{name}.json", result)
    table = _write_table(given, jobs, (1, 2, 3))
    assert list(table.rows) == ["bolt", "nut"]  # the third is not whole
    assert table.failed == {"pin, seed 2": f"train.py: error: no; log: {tmp_path}/seed_2/logs/pin.log"}
    said = json.loads((tmp_path / "table.json").read_text())
    assert said["seeds"] == [1, 2, 3]
    assert said["rows"]["bolt"]["image_auc"] == pytest.approx(0.6)
    assert said["standard_deviation"]["bolt"]["image_auc"] == pytest.approx(0.1)
    assert said["standard_deviation"]["nut"]["image_auc"] == 0
    assert said["mean"]["image_auc"] == pytest.approx(0.75)
    assert said["standard_deviation_of_mean"]["image_auc"] == pytest.approx(0.05)  # of 0.7, 0.75, 0.8
    assert [said["by_seed"]["bolt"][seed]["image_auc"] for seed in "123"] == [0.5, 0.6, 0.7]
    assert said["by_seed"]["pin"].keys() == {"1", "3"}
    markdown = (tmp_path / "table.md").read_text()
    assert "| 0.6000 ± 0.1000 |" in markdown
    assert "| 0.7500 ± 0.0500 |" in markdown
    assert "over the seeds 1, 2, 3" in markdown
    with (tmp_path / "table.csv").open() as file:
        rows = {row["category"]: row for row in csv.DictReader(file)}
    assert float(rows["bolt"]["image_auc_std"]) == pytest.approx(0.1)
    assert float(rows["mean"]["image_auc_std"]) == pytest.approx(0.05)
    assert rows["bolt"]["pixel_auc"] == ""
    index = (tmp_path / "out/index.html").read_text()
    assert '<a href="seed_2/bolt/report.html" aria-label="bolt, seed 2">2</a>' in index
    assert "3 of 15" in index


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
