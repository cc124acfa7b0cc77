"""How this process hands kept graphs to MindSpore, and takes new ones from it.

MindSpore's cache (2.10) fixes its folder when a process compiles for the first time. There it looks for the graph of
each compilation by a number, which counts them, and writes what it does not find. So a process has one such folder, and
in it is one graph at a time: the one to be loaded, under the number that is looked for, or none.
"""

import atexit
import os
import re
import shutil
from contextlib import ExitStack
from pathlib import Path

import mindspore as ms
from mindspore import Tensor, nn

from src.runtime.kept_graph import SEAL
from src.trust.temporary import temporary_folder

_NUMBERED = re.compile(r"(compile_cache_)(\d+)(\D.*)")


# MindSpore loads no graph any more once it has not found one, or where a source has changed. What is loaded here was
# compiled from these sources: a kept graph's name is a digest of them.
_TRUSTED = "MS_DEV_FORCE_USE_COMPILE_CACHE"


class GraphExchange:
    """The folder of this process, and the number of its next compilation; there is one, see `of_process`."""

    _only: "GraphExchange | None" = None

    def __init__(self, folder: Path):
        self.folder, self.number = folder, 0

    @classmethod
    def of_process(cls, place: Path) -> "GraphExchange":
        """The one of this process. Its folder is made when it is first asked for, in `place`, and goes with it."""
        if cls._only is None:
            made = ExitStack()
            cls._only = cls(made.enter_context(temporary_folder(place / "graph")))
            atexit.register(made.close)
        return cls._only

    def load(self, kept: Path, cell: nn.Cell, inputs: tuple[Tensor, ...]) -> bool:
        """Load a cell's graph from a folder that `compile` has filled; False: MindSpore compiled it anew."""
        self._clear()
        placed = []
        for file in kept.rglob("*"):
            if file.is_file() and file.name != SEAL:
                name = _NUMBERED.sub(rf"\g<1>{self.number}\g<3>", file.name)
                target = self.folder / file.relative_to(kept).with_name(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                shutil.copyfile(file, target)
                placed.append(target)
        before = _stamps(placed)
        os.environ[_TRUSTED] = "1"
        try:
            self._compile(cell, inputs)
        finally:
            del os.environ[_TRUSTED]
        graphs = self._graphs()
        self.number = max([self.number, *graphs.values()]) + 1
        return set(graphs) <= set(placed) and _stamps(placed) == before

    def compile(self, cell: nn.Cell, inputs: tuple[Tensor, ...], new: Path) -> bool:
        """Compile a cell and move its graph to an empty folder; False: there is none, it had been compiled before."""
        self._clear()
        self._compile(cell, inputs)
        return self.take(new)

    def take(self, new: Path) -> bool:
        """Move the graph that MindSpore has just written to an empty folder; False: there is none."""
        graphs = self._graphs()
        if not graphs:
            return False
        self.number = max(graphs.values()) + 1
        for file in self.folder.rglob("*"):
            if file.is_file():
                target = new / file.relative_to(self.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                if file in graphs:
                    file.rename(target)
                else:  # a digest of the sources, which MindSpore writes only with the first graph
                    shutil.copyfile(file, target)
        return True

    def _graphs(self) -> dict[Path, int]:
        """The files of graphs, and their numbers."""
        found = ((path, _NUMBERED.fullmatch(path.name)) for path in self.folder.rglob("*"))
        return {path: int(match[2]) for path, match in found if match}

    def _clear(self) -> None:
        for path in self._graphs():
            path.unlink()

    def _compile(self, cell: nn.Cell, inputs: tuple[Tensor, ...]) -> None:
        ms.set_context(enable_compile_cache=True, compile_cache_path=str(self.folder))
        try:
            cell.compile(*inputs)
        finally:
            ms.set_context(enable_compile_cache=False)


def _stamps(files: list[Path]) -> list[tuple[int, int]]:
    """What changes where a file is written anew."""
    return [(status.st_ino, status.st_mtime_ns) for status in (file.stat() for file in files)]
