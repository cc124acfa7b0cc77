"""The real src/pthtockpt.py as a subprocess."""

import pytest

from src import checkpoint
from tests.support.foreign_weights import resnet18_state, save
from tests.support.programs import program

PROGRAM = "src/pthtockpt.py"


def test_the_program_writes_beside_the_input(tmp_path):
    source = save(resnet18_state(), tmp_path)
    done = program(PROGRAM, "--pth_path", source)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/weights.ckpt: encoder resnet18\n", "")
    checkpoint.read(tmp_path / "weights.ckpt", "encoder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "--pth_path is missing: PyTorch file (or a MindSpore .ckpt of the 2022 original); "
            "see src/pthtockpt.py --help",
        ),
        (["--pth_path", "{}"], "no file {0}; check --pth_path"),
        (
            ["--pth_path", "{}/model.ckpt", "--ckpt_path", "{}/../{1}/model.ckpt"],
            "{0}/model.ckpt would be overwritten; give --ckpt_path another name",
        ),
        (
            ["--pth_path", "{}/model.ckpt", "--ckpt_path", "{}/out.pth"],
            "--ckpt_path {0}/out.pth: the name must end in .ckpt",
        ),
        (["--pth_path", "x.pth", "--im_resize", "100"], "--im_resize 100: must be a multiple of 16, 32 or more"),
    ],
)
def test_the_programs_mistakes_are_one_line(tmp_path, arguments, message):
    (tmp_path / "model.ckpt").write_bytes(b"PK")
    fill = (tmp_path, tmp_path.name)
    arguments = [text.replace("{}", str(tmp_path)).format(*fill) for text in arguments]
    done = program(PROGRAM, *arguments)
    assert (done.returncode, done.stderr) == (2, f"error: {message.format(*fill)}\n")
    assert (tmp_path / "model.ckpt").read_bytes() == b"PK"
