"""Compiled graphs kept on disk: a program that starts again loads its graph instead of compiling it.

MindSpore's own cache (2.10) watches the source files, but neither the shapes nor the options: a graph of another
batch size is loaded as it is, and the losses are NaN. So each graph has a folder of its own here, named by a digest
of everything that shapes it. Weights are not kept: a loaded graph takes them from its cell, by name. A graph is code,
so it is loaded only from a folder that is the user's own, and only as it was kept (see `src.runtime.kept_graph`).
A process keeps as many as it compiles: a training those of the encoder, of its step and of the detector.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from mindspore import Tensor, nn

from src import ROOT
from src.runtime import kept_graph
from src.runtime.device import Device
from src.runtime.graph_exchange import GraphExchange
from src.runtime.processes import ALONE, Group
from src.trust.ownership import others_who_can_write
from src.trust.temporary import remove_leftovers, temporary_folder
from src.utils import UserError, log, versions

KEPT = 30  # graphs, the last used; each is some megabytes
_OURS = re.compile(r"[0-9a-f]{32}")


class GraphCache:
    """The kept graphs of all runs.

    Args:
        device: what the graphs are compiled for.
        folder: where they are kept; None: nothing is kept, every graph is compiled.
        group: the processes that compute together, of which each has graphs of its own.
    """

    def __init__(self, device: Device, folder: Path | None = None, group: Group = ALONE):
        self.device, self.folder, self.group = device, folder, group
        self._prepared = []

    @classmethod
    def of(cls, option: str, device: Device, group: Group = ALONE) -> "GraphCache":
        """What `--graph_cache` says: "auto" (the user's cache folder, if it can be written), "off", or a folder.

        "auto" keeps graphs on the CPU only: MindSpore's cache has not been tried here on other devices. In a session
        without a program's file it keeps none: the cache reads that file.

        Raises:
            UserError: a folder that cannot be written, or that others can write too.
        """
        is_kept = device.target == "CPU" and Path(sys.argv[0]).is_file()
        if option == "off" or (option == "auto" and not is_kept):
            return cls(device, None, group)
        folder = _users_folder() if option == "auto" else Path(option).absolute()
        problem = "there is no home folder ($HOME)" if folder is None else _problem_of(folder)
        if problem is None:
            return cls(device, folder, group)
        if option != "auto":
            raise UserError(f"--graph_cache {option}: {problem}; choose another folder, or off")
        log.info("compiled graphs are not kept: %s", problem if folder is None else f"{folder}: {problem}")
        return cls(device, None, group)

    def prepare(self, cell: nn.Cell, *inputs: Tensor, shaped_by: dict) -> None:
        """Load the cell's graph for inputs of these shapes, or compile and keep it; calling the cell then only runs it.

        Done once for each cell and shapes; it must not have been called with them before.

        Args:
            shaped_by: what the graph depends on beside parameters and inputs (options, constants); goes into JSON.
        """
        wanted = cell.training, [(x.shape, x.dtype) for x in inputs]
        if any(known is cell and for_what == wanted for known, for_what in self._prepared):
            return
        self._prepared.append((cell, wanted))
        if self.folder is None:
            cell.compile(*inputs)
            return
        kept, key = self.folder / self._digest(cell, inputs, shaped_by), kept_graph.user_key(self.folder)
        exchange = GraphExchange.of_process(self.folder)
        if kept.is_dir():
            problem = kept_graph.problem_of(kept, key, self.device.kernels)
            if problem is None:
                os.utime(kept)
                if not exchange.load(kept, cell, inputs):
                    shutil.rmtree(kept, ignore_errors=True)
                    self._keep(kept, key, exchange.take)
                return
            log.warning("the kept graph %s %s; compiled anew", kept, problem)
        remove_leftovers(self.folder)
        self._keep(kept, key, lambda new: exchange.compile(cell, inputs, new))
        self._forget()

    def _keep(self, kept: Path, key: bytes, fill: Callable[[Path], bool]) -> None:
        """Keep what `fill` puts into the folder that it is given, if it does."""
        with temporary_folder(kept) as new:
            if not fill(new):
                return
            kept_graph.seal(new, key)
            if kept.exists() and kept_graph.problem_of(kept, key, self.device.kernels) is not None:
                shutil.rmtree(kept, ignore_errors=True)
            if not kept.exists():  # another process may have been faster
                os.rename(new, kept)

    def _digest(self, cell: nn.Cell, inputs: tuple[Tensor, ...], shaped_by: dict) -> str:
        """A name for the graph: of the sources, the versions, the device, the cell's parameters and the inputs."""
        sources = [path for path in (Path(sys.argv[0]), *sorted((ROOT / "src").rglob("*.py"))) if path.is_file()]
        description = {
            "sources": [hashlib.sha256(path.read_bytes()).hexdigest() for path in sources],
            "program": sys.argv[0],
            "versions": versions(),
            "device": self.device.target,
            "group": asdict(self.group),
            "kernels": [str(self.device.kernels), self.device.convolution],
            "oneDNN": os.environ.get("ONEDNN_MAX_CPU_ISA"),
            "cell": type(cell).__name__,
            "training": cell.training,
            "parameters": [[p.name, p.shape, str(p.dtype), p.requires_grad] for p in cell.get_parameters()],
            "inputs": [[x.shape, str(x.dtype)] for x in inputs],
            "shaped_by": shaped_by,
        }
        return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:32]

    def _forget(self) -> None:
        """Remove all but the last used graphs. Other files stay."""
        ours = [path for path in self.folder.iterdir() if _OURS.fullmatch(path.name)]
        for path in sorted(ours, key=os.path.getmtime)[:-KEPT]:
            shutil.rmtree(path, ignore_errors=True)


def _users_folder() -> Path | None:
    """The folder in the user's cache folder; None for a user who has no home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "fastflow_mindspore"
    except RuntimeError:  # no HOME, and no entry in the list of users
        return None


def _problem_of(folder: Path) -> str | None:
    """Why graphs cannot be kept in a folder, which is made if it is missing; None if they can."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return others_who_can_write(folder)
    except OSError as error:
        return error.strerror
