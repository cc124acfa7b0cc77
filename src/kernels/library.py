"""The library of CPU kernels: where `scripts/build_cpu_kernels.sh` builds it, and whether this process uses it.

Nothing here imports MindSpore, because `src.runtime.device` sets oneDNN up before that, with or without kernels.
A library is used only as it was built: a damaged one ends the process by a signal. It lies among the sources, so that
who could plant another could also change those.
"""

import hashlib
import platform
from pathlib import Path

from src import ROOT
from src.trust import digest
from src.utils import UserError, log, versions

SOURCES = ROOT / "src" / "kernels" / "cpp"
BUILT = ROOT / "build" / "cpu_kernels"
SCRIPT = ROOT / "scripts" / "build_cpu_kernels.sh"
BUILD = "bash scripts/build_cpu_kernels.sh"


def path() -> Path:
    """Where the library of these sources for this MindSpore and processor is built; it may not be there."""
    content = hashlib.sha256()
    for file in (SCRIPT, *sorted(source for source in SOURCES.iterdir() if source.is_file())):
        content.update(file.read_bytes())
    return BUILT / f"{versions().get('mindspore', 'unknown')}-{platform.machine()}-{content.hexdigest()[:16]}.so"


def digest_file(library: Path) -> Path:
    """Where the build records a library's SHA-256, as `sha256sum` writes it."""
    return library.with_name(f"{library.name}.sha256")


def is_whole(library: Path) -> bool:
    """Whether a library is as it was built."""
    try:
        return digest_file(library).read_text(encoding="ascii").split()[:1] == [digest.of_file(library)]
    except (OSError, UnicodeDecodeError):
        return False


def choose(option: str) -> Path | None:
    """The library to use, as `--cpu_kernels` says: "auto": if it is built, "on", or "off"; None: no kernels.

    Raises:
        UserError: "on", and it is not built, or damaged.
    """
    if option == "off":
        return None
    if ":" in str(BUILT):  # MindSpore takes what follows a colon for the function's name
        if option == "on":
            raise UserError(f"--cpu_kernels on: MindSpore cannot load them from {BUILT}; move to a path without ':'")
        return None
    library = path()
    if library.exists() and is_whole(library):
        return library
    if library.exists():
        text = f"{library} is damaged, or its digest beside it is; {BUILD}"
        if option == "on":
            raise UserError(f"--cpu_kernels on: {text}")
        log.warning("the CPU kernels are not used: %s", text)
        return None
    if option == "on":
        raise UserError(f"--cpu_kernels on: they are not built for these sources and this MindSpore; {BUILD}")
    if any(BUILT.glob("*.so")):
        log.info("the CPU kernels are of other sources or another MindSpore and not used; build them: %s", BUILD)
    return None


def could_help() -> bool:
    """Whether kernels can be built for this machine, and could be loaded."""
    return platform.system() == "Linux" and platform.machine() == "x86_64" and ":" not in str(BUILT)


if __name__ == "__main__":
    print(path())
