"""Options from end to end: from a file, into the checkpoint and the result, and back from these.

What config.py makes of a command line or a file is tested in units/test_config.py.
"""

import ast
import json
import subprocess
import sys

import pytest

from src import ROOT, config
from src.detector import Architecture
from tests.support.programs import error_of, result_of, succeed, train_arguments


@pytest.fixture(scope="module")
def unusual(data, weights, tmp_path_factory):
    """A training with options of the network, of training and of evaluation that are no defaults.

    Its folder, and what it printed.
    """
    folder = tmp_path_factory.mktemp("unusual")
    network = {"im_resize": 48, "hidden_ratio": 0.5, "conv3x3_only": "true", "norm_affine": "false"}
    network |= {"map_sigma": 1.5, "map_temperature": 2, "score": "deviation"}
    training = {"num_epochs": 1, "lr": 2e-5, "seed": 4, "train_batch_size": 64, "cache_features": "off"}
    more = {"gt_protocol": "original", "result_path": folder / "fastflow_fabric.json"}
    said = succeed("train.py", *train_arguments(data, weights, folder, **network, **training, **more), "--resume")
    return folder, said


def test_a_category_smaller_than_the_batch_trains_with_a_smaller_batch_and_says_so(unusual):
    assert "12 training pictures: the batch is 12 instead of 64" in unusual[1]


def test_a_result_gives_its_options_back_and_they_give_the_same_weights(unusual, tmp_path):
    folder, _ = unusual
    first, again = folder / "fastflow_fabric.json", tmp_path / "fastflow_fabric.json"
    before = first.read_bytes()
    succeed("train.py", "--config", first, "--ckpt_dir", tmp_path)
    assert first.read_bytes() == before
    assert again.with_suffix(".ckpt").read_bytes() == first.with_suffix(".ckpt").read_bytes()
    options = [json.loads(path.read_text())["options"] for path in (first, again)]
    assert (options[0]["conv3x3_only"], options[0]["seed"]) == (True, 4)
    for name in ("resume", "result_path", "ckpt_dir"):
        assert options[0].pop(name) != options[1].pop(name)
    assert options[0] == options[1]


def test_eval_takes_the_network_from_the_checkpoint_and_options_from_results(unusual, tmp_path):
    folder, _ = unusual
    result = tmp_path / "eval.json"
    given = ("--config", folder / "fastflow_fabric.json", "--ckpt_path", folder / "fastflow_fabric.ckpt")
    succeed("eval.py", *given, "--result_path", result)
    evaluated = json.loads(result.read_text())
    assert evaluated["gt_protocol"] == "original"
    trained = result_of(folder)["metrics"]
    assert evaluated["metrics"]["pixel_auc"] == pytest.approx(trained["pixel_auc"], abs=1e-5)
    name = "image_threshold_f1_max"
    assert evaluated["metrics"][name] == pytest.approx(trained[name], abs=1e-5)
    assert min(evaluated["scores"].values()) > 0  # deviations; the maximum of a map is not above 0
    succeed("eval.py", "--config", result, "--gt_protocol", "nearest", "--result_path", result)
    assert json.loads(result.read_text())["gt_protocol"] == "nearest"


def test_a_wrong_option_file_is_one_error_line(data, weights, tmp_path):
    (tmp_path / "options.yaml").write_text("flow_step: 0")
    given = train_arguments(data, weights, tmp_path / "ckpt", flow_step=None)
    message = error_of("train.py", *given, "--config", tmp_path / "options.yaml")
    assert message == "error: --flow_step 0: must be 1 or more\n"
    assert not (tmp_path / "ckpt").exists()


def architecture_of(*given):
    options = config.parse("train", "", ["--dataset_path", "d", "--pre_ckpt_path", "w", "--category", "nut", *given])
    return options, Architecture.from_options(options)


def test_the_original_recipe_is_the_one_of_2022():
    options, architecture = architecture_of("--config", str(ROOT / "configs/original.yaml"))
    assert architecture == Architecture("wide_resnet50_2")
    assert (options.held_out, options.lr_schedule, options.ema_decay) == (0, "constant", 0)


def test_what_depends_on_other_options_follows_them():
    _, architecture = architecture_of("--im_resize", "128")
    assert (architecture.whitening, architecture.gaussian_weight, architecture.map_sigma) == (True, 0.5, 2)
    _, architecture = architecture_of("--no-whitening", "--map_sigma", "0")
    assert (architecture.gaussian_weight, architecture.map_sigma) == (0, 0)
    _, architecture = architecture_of("--gaussian_weight", "0")
    assert (architecture.whitening, architecture.gaussian_weight) == (True, 0)


OLD_PYTHON = """
import runpy, sys
sys.version_info, sys.version = (3, 9, 18), "3.9.18 (main)"
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], None, "__main__")
"""


@pytest.mark.parametrize("name", ["preprocess.py", "postprocess.py", "scripts/run_all.py", "src/pthtockpt.py"])
def test_an_older_python_is_refused_in_one_line(name):
    """As where MindSpore 1.8 to 1.10 is installed, whose wheels are for 3.7 to 3.9."""
    for file in (name, "src/__init__.py"):  # what is read before it is refused
        ast.parse((ROOT / file).read_text(), feature_version=(3, 7))
    done = subprocess.run([sys.executable, "-c", OLD_PYTHON, ROOT / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: Python 3.9.18 is too old; give 3.10 to 3.12, beside MindSpore's own where that is older\n"
    )
