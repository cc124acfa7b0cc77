"""Which library of CPU kernels this process uses: what `scripts/build_cpu_kernels.sh` built, if anything.

Nothing here imports MindSpore: whether there are kernels decides how oneDNN is set up before that (`src.device`).
"""

import hashlib
import platform
from importlib import metadata
from pathlib import Path

from src.utils import UserError, log

SOURCES = Path(__file__).parent / "cpu_kernels"
BUILT = Path(__file__).parent.parent / "build" / "cpu_kernels"
BUILD = "bash scripts/build_cpu_kernels.sh"

in_use: Path | None = None  # set by `choose`


def path() -> Path:
    """Where the library of these sources for this MindSpore and processor is built; it may not be there."""
    digest = hashlib.sha256()
    for file in sorted(SOURCES.iterdir()):
        digest.update(file.read_bytes())
    return BUILT / f"{metadata.version('mindspore')}-{platform.machine()}-{digest.hexdigest()[:16]}.so"


def choose(option: str) -> bool:
    """Whether this process uses the kernels, as `--cpu_kernels` says: "auto" if they are built, "on", or "off".

    Raises:
        UserError: "on", and they are not built.
    """
    global in_use
    in_use = None
    if option == "off":
        return False
    if path().exists():
        in_use = path()
    elif option == "on":
        raise UserError(f"--cpu_kernels on: they are not built for these sources and this MindSpore; {BUILD}")
    elif any(BUILT.glob("*.so")):
        log.info("the CPU kernels are of other sources or another MindSpore and not used; build them: %s", BUILD)
    return in_use is not None


def hint() -> str:
    """What to tell who trains on a CPU without the kernels: empty where they cannot be built."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return ""
    return f"without CPU kernels; training is faster with them: {BUILD}"


if __name__ == "__main__":
    print(path())
