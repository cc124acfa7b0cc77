"""The names of the files that the programs write, and which of them belong together."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from src.trust.lock import locked
from src.trust.names import file_name
from src.trust.outputs import check_outputs

SCORES, SCORES_TABLE = "scores.json", "scores.csv"  # what is said of each picture
SCORES_JOURNAL = "scores.jsonl"  # the same where there is no last one: a JSON per picture and line
RESULTS = Path("results")  # where results go by default
REPORT = "report.html"  # beside panels and scores
INDEX = "index.html"  # run_all's, which leads to the reports


def results_folder(output_dir: str | None, program: str, name: str) -> Path:
    """Where a program writes what it finds for a category or model of this name, unless `--output_dir` says where."""
    return Path(output_dir) if output_dir else RESULTS / program / file_name(name, "category")


def category_folder(output_dir: str | None, program: str, category: str) -> Path:
    """The same for what is of a test set, of which each category has a folder in `--output_dir`."""
    name = file_name(category, "category")
    return Path(output_dir) / name if output_dir else results_folder(None, program, name)


def model_name(category: str | None) -> str:
    """What the files of a category's model are called, without their endings."""
    return f"fastflow_{file_name(category or 'model', 'category')}"


def evaluation_result(checkpoint: Path) -> Path:
    """The JSON of eval.py for a checkpoint: beside it, unless `--result_path` says otherwise."""
    return checkpoint.with_name(f"{checkpoint.stem}_eval.json")


def exported_file(folder: Path, category: str | None, file_format: str) -> Path:
    """The file that export.py writes; its description is `description_of` it."""
    return folder / f"{model_name(category)}.{file_format.lower()}"


def description_of(exported: Path) -> Path:
    """The JSON beside an exported file."""
    return exported.with_name(f"{exported.name}.json")


def aipp_of(exported: Path) -> Path:
    """The configuration of an Ascend device's picture preprocessing beside an exported file."""
    return exported.with_suffix(".aipp.cfg")


@dataclass(frozen=True)
class RunFiles:
    """The files of one run of train.py, in `folder` (`--ckpt_dir`), and of the evaluation of what it trained.

    Attributes:
        folder: where they are.
        category: what is trained.
        result_path: where the result goes instead of its usual place.
    """

    folder: Path
    category: str
    result_path: Path | None = None

    def _file(self, ending: str) -> Path:
        return self.folder / f"{model_name(self.category)}{ending}"

    @property
    def checkpoint(self) -> Path:
        """The finished network: the last epoch's."""
        return self._file(".ckpt")

    @property
    def state(self) -> Path:
        """The unfinished training; it is there as long as the training is not finished."""
        return self._file(".state.ckpt")

    @property
    def best(self) -> Path:
        """The network that was best on the test set, of a finished training."""
        return self._file("_best.ckpt")

    @property
    def best_so_far(self) -> Path:
        """The same of an unfinished training."""
        return self._file("_best.state.ckpt")

    @property
    def result(self) -> Path:
        """The figures, options and history of a finished training (JSON)."""
        return self.result_path or self._file(".json")

    @property
    def curves(self) -> Path:
        """Loss and figures over the epochs, as a picture."""
        return self._file(".png")

    @property
    def events(self) -> Path:
        """The folder of what --log_to tensorboard writes."""
        return self.folder / "tensorboard" / file_name(self.category, "category")

    @property
    def evaluation(self) -> Path:
        """The result of eval.py for the finished network (JSON)."""
        return evaluation_result(self.checkpoint)

    @property
    def log(self) -> Path:
        """What the programs printed when run_all started them."""
        return self.folder / "logs" / f"{self.category}.log"

    def features(self, rank: int) -> Path:
        """A process's features that did not fit into memory: a temporary folder beside this name."""
        return self._file(f".rank{rank}.features")

    def check(self, inputs: Iterable[str | Path]) -> None:
        """`check_outputs` on all files that train.py writes; what a killed one has left is removed."""
        written = [self.checkpoint, self.state, self.best, self.best_so_far, self.result, self.curves]
        check_outputs(written, inputs)

    def locked(self, leads: bool = True) -> AbstractContextManager[int | None]:
        """The lock of a training: there is one at a time per folder and category.

        Args:
            leads: whether this process leads those that train together; the others need no lock.

        Raises:
            UserError: there is another one; or the lock file cannot be made.
        """
        busy = f"another train.py trains {self.category} in {self.folder}; wait for it, or give another --ckpt_dir"
        return nullcontext() if not leads else locked(self.folder / f".{model_name(self.category)}.lock", busy)
