"""Which device computes, and what must be set before MindSpore is imported. Nothing here imports it at the top."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from src.config import Options
from src.kernels import library
from src.kernels.convolution import DEFAULT, DIRECT
from src.options import TARGETS
from src.runtime import processes
from src.utils import UserError, log


@dataclass(frozen=True)
class Device:
    """What this process computes with.

    Attributes:
        target: "Ascend", "GPU" or "CPU".
        number: of the device among those of its kind.
        kernels: the library of our own CPU kernels, or None where MindSpore's operations compute everything.
        convolution: how the kernels compute 3x3 convolutions, one of `src.kernels.convolution.CONVOLUTIONS`.
    """

    target: str
    number: int = 0
    kernels: Path | None = None
    convolution: str = DEFAULT


def _device_files(target: str) -> bool:
    """Whether the operating system shows a device of this kind (CPU: always)."""
    pattern = {"Ascend": "davinci[0-9]*", "GPU": "nvidia[0-9]*", "CPU": "null"}[target]
    return any(Path("/dev").glob(pattern))


def prepare(target: str | None = None, number: int = 0, cpu_kernels: str = "off", convolution: str = DEFAULT) -> Device:
    """Choose the device, set MindSpore's environment, import it, and set device and graph mode.

    Must run before anything imports mindspore. On a CPU with AVX-512, the convolutions of MindSpore 2.9 and
    2.10 fall to oneDNN's reference code, 100 times slower, unless oneDNN is limited to AVX2; a value that the
    user has set stays. Our own kernels convolve well with AVX-512, so with them there is no limit, and none of
    MindSpore's convolutions may be used.

    Args:
        target: "Ascend", "GPU", "CPU", or None for the first of these that the machine has.
        number: of the device.
        cpu_kernels: whether a CPU uses our own kernels, as `library.choose` takes it.
        convolution: see `Device`.

    Raises:
        UserError: the machine has no such device, this MindSpore cannot use it, or there are no such kernels.
    """
    found = [name for name in ((target,) if target else TARGETS) if _device_files(name)]
    if not found:
        raise UserError(
            f"--device_target {target}: this machine shows no {target} device; choose another or install its driver"
        )
    os.environ.setdefault("GLOG_v", "4")  # what it says of errors is for its developers
    kernels = library.choose(cpu_kernels) if "CPU" in found else None
    limit_onednn = "CPU" in found and kernels is None and "ONEDNN_MAX_CPU_ISA" not in os.environ
    if limit_onednn:
        if "mindspore" in sys.modules:  # so oneDNN may have been used, and then it reads its limit no more
            log.warning(
                "MindSpore is in use already, and may convolve 100 times slower than it could on a CPU with AVX-512; "
                "load a .mindir before any checkpoint, or set ONEDNN_MAX_CPU_ISA=AVX2"
            )
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"

    import mindspore as ms

    usable = [name for name in found if getattr(ms.device_context, name.lower()).is_available()]
    if not usable:
        raise UserError(
            f"--device_target {target}: MindSpore {ms.__version__} as installed cannot use it; "
            f"install the MindSpore package for {target}, or choose CPU"
        )
    chosen = usable[0]
    if chosen != "CPU":
        if cpu_kernels == "on":
            raise UserError(f"--cpu_kernels on: the device is {chosen}; give --device_target CPU, or leave it out")
        kernels = None
        if limit_onednn:
            del os.environ["ONEDNN_MAX_CPU_ISA"]
    count = getattr(ms.device_context, chosen.lower()).device_count()
    if number >= count:
        raise UserError(f"--device_id {number}: this machine has {count} {chosen} device(s), numbered from 0")
    ms.set_device(chosen, number)
    ms.set_context(mode=ms.GRAPH_MODE)
    if target is None:
        log.info("device: %s %d", chosen, number)
    if convolution not in (DIRECT, DEFAULT) and kernels is None:
        log.warning("--convolution %s changes nothing without the CPU kernels", convolution)
    return Device(chosen, number, kernels, convolution)


def prepare_for(options: Options) -> Device:
    """`prepare` as a program's options say.

    Raises:
        UserError: as `prepare`; msrun without --distribute, or the other way round; or CPU kernels, which are
            float32, for half precision.
    """
    given = options.values
    cpu_kernels = given.get("cpu_kernels", "off")
    if given.get("amp_level", "O0") != "O0":
        if cpu_kernels == "on":
            raise UserError(f"--cpu_kernels on: they are for float32, not --amp_level {options.amp_level}; leave one")
        cpu_kernels = "off"
    number = options.device_id
    if "distribute" in given:
        number = processes.local_device(options.distribute, options.device_target, number)
    return prepare(options.device_target, number, cpu_kernels, given.get("convolution", DEFAULT))


def limit_threads(threads: int) -> None:
    """Let MindSpore's operations on a CPU compute in so many threads. It has no say over our own kernels."""
    import mindspore as ms

    ms.device_context.cpu.op_tuning.threads_num(threads)
