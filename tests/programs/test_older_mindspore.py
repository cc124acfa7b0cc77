"""MindIR of version 1 in MindSpore 2.0.0, the oldest that computes on a CPU here: every encoder."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from src import ROOT, checkpoint
from src.deploy.trial import random_images
from src.detector import Architecture, Detector
from src.encoder import ENCODERS
from tests.support.programs import succeed
from tests.support.runner_toolchain import INSTALL, unavailable

OLDER = ROOT / "build/mindspore-2.0.0"  # an environment with Python 3.9
COMPUTE = """
import sys
import mindspore as ms
import numpy as np
from mindspore import nn

assert ms.__version__ == "2.0.0", ms.__version__
ms.set_context(mode=ms.GRAPH_MODE, device_target="CPU")
mindir, image, folder = sys.argv[1:]
outputs = nn.GraphCell(ms.load(mindir))(ms.Tensor(np.load(image)))
for place, output in enumerate(outputs):
    np.save(f"{folder}/{place}.npy", output.asnumpy())
"""


@pytest.fixture(scope="module")
def python() -> Path:
    if not (OLDER / "bin/python").exists():
        unavailable(f"no MindSpore 2.0.0 in {OLDER}; {INSTALL} --with-2.0")
    return OLDER / "bin/python"


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ENCODERS)
def test_version_1_gives_the_same_numbers(backbone, python, tmp_path):
    architecture = Architecture(backbone=backbone, im_resize=64, flow_step=4, score="deviation", map_sigma=1.5)
    detector = Detector(architecture).set_train(False)
    rng = np.random.default_rng(1)
    for parameter in detector.fastflow.trainable_params():  # away from their initial zeros and ones
        parameter.set_data(parameter + Tensor(0.05 * rng.standard_normal(parameter.shape, np.float32)))
    checkpoint.save_detector(tmp_path / "random.ckpt", detector, category="nut")
    succeed("export.py", "--ckpt_file", tmp_path / "random.ckpt", "--output_dir", tmp_path, "--batch_size", 2)
    image = random_images(2, 64)
    np.save(tmp_path / "image.npy", image)
    command = [python, "-c", COMPUTE, tmp_path / "fastflow_nut.mindir", tmp_path / "image.npy", tmp_path]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_"))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    wanted = detector(Tensor(image))
    assert np.ptp(wanted[0].asnumpy()) > 1e-3
    for place, output in enumerate(wanted):
        np.testing.assert_allclose(np.load(tmp_path / f"{place}.npy"), output.asnumpy(), atol=1e-5)
