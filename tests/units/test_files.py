"""The names of the files that belong to one run, and the leftovers of one that was killed."""

from pathlib import Path

from src.files import RunFiles, description_of, evaluation_result, exported_file


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


def test_leftovers_of_this_run_and_this_process_are_removed(tmp_path):
    left = (
        ".fastflow_nut.abcd_123.ckpt",
        ".fastflow_nut.state.abcd_123.ckpt",
        ".fastflow_nut.abcd_123.json",
        ".fastflow_nut.abcd_123.png",
        ".fastflow_nut.rank1.abcd_123.features",
    )
    others = ("fastflow_nut.ckpt", ".fastflow_bolt.abcd_123.ckpt", ".fastflow_nut.rank0.abcd_123.features")
    for name in (*left, *others):
        (tmp_path / name).write_text("")
    RunFiles(tmp_path, "nut").remove_leftovers(rank=1)
    assert {path.name for path in tmp_path.iterdir()} == set(others)
