"""The names of the files that belong to one run, and the leftovers of one that was killed."""

from pathlib import Path

import pytest

from src.files import RunFiles, description_of, evaluation_result, exported_file
from src.utils import UserError


def test_the_files_of_a_run():
    files = RunFiles(Path("ckpt"), "nut")
    names = {name: getattr(files, name) for name, value in vars(RunFiles).items() if isinstance(value, property)}
    assert names == {
        "checkpoint": Path("ckpt/fastflow_nut.ckpt"),
        "state": Path("ckpt/fastflow_nut.state.ckpt"),
        "best": Path("ckpt/fastflow_nut_best.ckpt"),
        "best_so_far": Path("ckpt/fastflow_nut_best.state.ckpt"),
        "result": Path("ckpt/fastflow_nut.json"),
        "curves": Path("ckpt/fastflow_nut.png"),
        "evaluation": Path("ckpt/fastflow_nut_eval.json"),
        "log": Path("ckpt/logs/nut.log"),
        "events": Path("ckpt/tensorboard/nut"),
    }
    assert files.features(3) == Path("ckpt/fastflow_nut.rank3.features")
    assert RunFiles(Path("ckpt"), "nut", Path("elsewhere.json")).result == Path("elsewhere.json")


def test_an_evaluation_stands_beside_its_checkpoint():
    assert evaluation_result(Path("a/model.ckpt")) == Path("a/model_eval.json")


def test_exported_files_and_their_descriptions():
    file = exported_file(Path("out"), "nut", "MINDIR")
    assert file == Path("out/fastflow_nut.mindir")
    assert description_of(file) == Path("out/fastflow_nut.mindir.json")
    assert exported_file(Path("out"), None, "ONNX") == Path("out/fastflow_model.onnx")


@pytest.mark.parametrize("name", ["../nut", "a/b", "..", "nut\n", "nut\x1b[2J", "\udcff"])
def test_a_category_that_cannot_name_a_file(name, tmp_path):
    with pytest.raises(
        UserError, match="cannot name a file; give it a name without / and control characters"
    ) as caught:
        RunFiles(tmp_path / "run", name).checkpoint  # noqa: B018
    assert str(caught.value).isprintable()
    with pytest.raises(UserError, match="cannot name a file"):
        exported_file(tmp_path, name, "MINDIR")


def test_one_training_at_a_time_in_a_folder_and_category(tmp_path):
    files = RunFiles(tmp_path, "nut")
    with files.locked():
        with pytest.raises(
            UserError, match=f"^another train.py trains nut in {tmp_path}; wait for it, or give another"
        ):
            files.locked().__enter__()
        with RunFiles(tmp_path, "bolt").locked(), files.locked(leads=False):
            pass
    assert list(tmp_path.iterdir()) == []
    with files.locked():  # free again
        pass
