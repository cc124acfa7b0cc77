"""FastFlow on MindSpore. The files here are the method; each folder serves it (see docs/code.md)."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the project: programs, scripts, what is built


def _version() -> str:
    """The project's version, whose home is pyproject.toml. Python 3.10 has no parser for such files."""
    found = re.search(r'^version = "(\d+\.\d+\.\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    if found is None:
        raise RuntimeError(f"{ROOT / 'pyproject.toml'} has no line with the version")
    return found[1]


__version__ = _version()
