"""FastFlow on MindSpore. The files here are the method; each folder serves it (see docs/code.md)."""

import re
import sys
from pathlib import Path

# Here, because every program imports this file first, and the others are not even read by an older Python: those for
# which MindSpore 1.8 to 1.10 has wheels, on the machines whose Ascend 310 it drives.
if sys.version_info < (3, 10):  # noqa: UP036 - for those who run this with one that it does not support
    found, wanted = sys.version.split()[0], "give 3.10 to 3.12, beside MindSpore's own where that is older"
    sys.stderr.write(f"error: Python {found} is too old; {wanted}\n")
    sys.exit(2)

ROOT = Path(__file__).resolve().parent.parent  # of the project: programs, scripts, what is built


def _version() -> str:
    """The project's version, whose home is pyproject.toml. Python 3.10 has no parser for such files."""
    found = re.search(r'^version = "(\d+\.\d+\.\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    if found is None:
        raise RuntimeError(f"{ROOT / 'pyproject.toml'} has no line with the version")
    return found[1]


__version__ = _version()
