"""Which library of CPU kernels this process uses: the one that `scripts/build_cpu_kernels.sh` built, if any.

Nothing here imports MindSpore, because oneDNN is set up before MindSpore is imported, and how depends on whether there
are kernels (`src.runtime.device`).
"""

import argparse
import hashlib
import platform
from pathlib import Path

from src import ROOT
from src.utils import UserError, log, versions

SOURCES = ROOT / "src" / "kernels" / "cpp"
BUILT = ROOT / "build" / "cpu_kernels"
SCRIPT = ROOT / "scripts" / "build_cpu_kernels.sh"
BUILD = "bash scripts/build_cpu_kernels.sh"

in_use: Path | None = None  # set by `choose`


def path() -> Path:
    """Where the library of these sources for this MindSpore and processor is built. It need not exist."""
    digest = hashlib.sha256()
    for file in (SCRIPT, *sorted(SOURCES.glob("*.h")), *sorted(SOURCES.glob("*.cc"))):
        digest.update(file.read_bytes())
    return BUILT / f"{versions().get('mindspore', 'unknown')}-{platform.machine()}-{digest.hexdigest()[:16]}.so"


def choose(option: str) -> bool:
    """Whether this process uses the kernels, as `--cpu_kernels` says: "auto" if they are built, "on", or "off".

    Raises:
        UserError: "on", and they are not built.
    """
    global in_use
    in_use = None
    if option == "off":
        return False
    if ":" in str(BUILT):  # MindSpore takes what follows a colon for the function's name
        if option == "on":
            raise UserError(f"--cpu_kernels on: MindSpore cannot load them from {BUILT}; move to a path without ':'")
    elif path().exists():
        in_use = path()
    elif option == "on":
        raise UserError(f"--cpu_kernels on: they are not built for these sources and this MindSpore; {BUILD}")
    elif any(BUILT.glob("*.so")):
        log.info("the CPU kernels are of other sources or another MindSpore and not used; build them: %s", BUILD)
    return in_use is not None


def hint(options: argparse.Namespace) -> str:
    """A line for users who train on a CPU without the kernels; empty where the kernels would not help."""
    could = platform.system() == "Linux" and platform.machine() == "x86_64" and options.device_target == "CPU"
    if not could or in_use is not None or options.cpu_kernels == "off" or options.amp_level != "O0":
        return ""
    return f"without CPU kernels; training is faster with them: {BUILD}"


if __name__ == "__main__":
    print(path())
