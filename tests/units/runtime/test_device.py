"""The environment of MindSpore, and devices that are not there. In subprocesses: MindSpore is imported once only."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from src import ROOT
from src.runtime import device
from src.runtime.device import Device
from src.utils import UserError
from tests.support.programs import program

VARIABLE = "ONEDNN_MAX_CPU_ISA"


def python(code, *arguments, **environment):
    """Run code at the repository's root, with nothing of this process's settings; the process, finished."""
    clean = {name: value for name, value in os.environ.items() if name not in (VARIABLE, "GLOG_v", "ONEDNN_VERBOSE")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


PREPARED = f"""
import os, sys
from src.runtime import device
from src.runtime.device import Device

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "mindspore":
            print("at import:", os.environ.get("{VARIABLE}"), flush=True)
            if "only-import" in sys.argv:
                os._exit(0)

sys.meta_path.insert(0, Watch())
print("chosen:", device.prepare("CPU").target)
import mindspore as ms
print("graph mode:", ms.get_context("mode") == ms.GRAPH_MODE)
print("target:", ms.get_context("device_target"))

import numpy as np
from mindspore import Tensor
from src.cell import TrainStep, adam
from src.fastflow import FastFlow

fastflow = FastFlow((64,), (16,), flow_step=1, conv3x3_only=True)
step = TrainStep(fastflow, adam(fastflow, 1e-3, 0))
step(Tensor(np.ones((2, 64, 16, 16), np.float32))).asnumpy()
"""


def test_onednn_is_limited_before_the_import_and_no_convolution_falls_to_its_reference_code():
    """A training step, forwards and backwards; on a CPU with AVX-512 this is what the limit is for."""
    done = python(PREPARED, ONEDNN_VERBOSE="2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("onednn_verbose")]
    assert lines == ["at import: AVX2", "chosen: CPU", "graph mode: True", "target: CPU"]
    lines = [line.split(",") for line in done.stdout.splitlines() if ",convolution," in line]
    uses = {line[line.index("convolution") + 2] for line in lines}
    assert uses >= {"forward_training", "backward_data", "backward_weights"}
    slow = {line[line.index("convolution") + 1] for line in lines if any("ref:any" in part for part in line)}
    assert not slow


def test_a_limit_of_the_users_own_stays():
    done = python(PREPARED, "only-import", **{VARIABLE: "SSE41"})
    assert (done.returncode, done.stdout) == (0, "at import: SSE41\n"), done.stderr


@pytest.mark.parametrize("target", ["GPU", "Ascend"])
def test_a_program_without_its_device(target):
    if device._device_files(target):
        pytest.skip(f"this machine has a device of the kind {target}")
    done = program("eval.py", "--dataset_path", "x", "--ckpt_path", "y", "--device_target", target)
    message = f"this machine shows no {target} device; choose another or install its driver"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: --device_target {target}: {message}\n"


def test_a_wrong_number():
    with pytest.raises(UserError) as caught:
        device.prepare("CPU", 5)
    assert str(caught.value) == "--device_id 5: this machine has 1 CPU device(s), numbered from 0"


# With a MindSpore that only says what it has.


@pytest.fixture
def machine(monkeypatch):
    """Makes a machine of devices that the system shows and of device counts that MindSpore can use."""

    def make(shown=("CPU",), usable=None):
        counts = {"Ascend": 0, "GPU": 0, "CPU": 1} | (usable or {})
        kinds = {
            name.lower(): SimpleNamespace(is_available=lambda n=n: n > 0, device_count=lambda n=n: n)
            for name, n in counts.items()
        }
        calls = SimpleNamespace(device=None, mode=None)
        fake = SimpleNamespace(
            __version__="9.9",
            device_context=SimpleNamespace(**kinds),
            GRAPH_MODE="graph",
            set_device=lambda *arguments: setattr(calls, "device", arguments),
            set_context=lambda mode: setattr(calls, "mode", mode),
        )
        monkeypatch.setitem(sys.modules, "mindspore", fake)
        monkeypatch.setattr(device, "_device_files", lambda target: target in shown)
        monkeypatch.setattr(os, "environ", dict(os.environ))
        os.environ.pop(VARIABLE, None)
        return calls

    return make


@pytest.mark.parametrize(
    ("shown", "usable", "chosen"),
    [
        (("CPU",), {}, "CPU"),
        (("GPU", "CPU"), {"GPU": 1}, "GPU"),
        (("GPU", "CPU"), {}, "CPU"),  # a driver, but MindSpore's package for the CPU
        (("Ascend", "GPU", "CPU"), {"Ascend": 8, "GPU": 1}, "Ascend"),
    ],
)
def test_the_first_device_that_can_be_used_is_chosen(machine, shown, usable, chosen):
    calls = machine(shown, usable)
    assert device.prepare() == Device(chosen)
    assert calls.device == (chosen, 0)
    assert calls.mode == "graph"
    assert os.environ.get(VARIABLE) == ("AVX2" if chosen == "CPU" else None)


def test_a_device_by_number(machine):
    calls = machine(("Ascend", "CPU"), {"Ascend": 8})
    assert device.prepare("Ascend", 7) == Device("Ascend", 7)
    assert calls.device == ("Ascend", 7)
    assert VARIABLE not in os.environ
    with pytest.raises(UserError, match=r"^--device_id 8: this machine has 8 Ascend device\(s\), numbered from 0$"):
        device.prepare("Ascend", 8)


def test_a_device_that_this_mindspore_cannot_use(machine):
    machine(("GPU", "CPU"))
    with pytest.raises(UserError) as caught:
        device.prepare("GPU")
    assert str(caught.value) == (
        "--device_target GPU: MindSpore 9.9 as installed cannot use it; "
        "install the MindSpore package for GPU, or choose CPU"
    )


def test_a_convolution_without_kernels_to_compute_it_is_said(machine, caplog):
    machine()
    assert device.prepare("CPU", convolution="winograd2") == Device("CPU", convolution="winograd2")
    assert "--convolution winograd2 changes nothing without the CPU kernels" in caplog.messages
    caplog.clear()
    device.prepare("CPU")
    device.prepare("CPU", convolution="direct")
    assert not [text for text in caplog.messages if "--convolution" in text]


def test_a_limit_that_comes_late_is_said(monkeypatch, caplog):
    """After a checkpoint, whose kernels need no limit, a MindIR is computed by MindSpore's own operations."""
    monkeypatch.delenv(VARIABLE)
    with caplog.at_level("WARNING", "fastflow"):
        device.prepare("CPU", cpu_kernels="off")
        assert caplog.text.count("load a .mindir before any checkpoint, or set ONEDNN_MAX_CPU_ISA=AVX2") == 1
        device.prepare("CPU", cpu_kernels="off")
    assert len(caplog.messages) == 1
