"""Evaluation without a network: from maps to figures. No MindSpore and no PyTorch here."""

from pathlib import Path

from benchmarks import scoring, testset
from benchmarks.workers.serve import Worker, seconds_of, serve


class Measuring(Worker):
    """Variants: `this` (every figure of eval.py), `this_two` (AUROC and AP), `scikit_learn`, `lists`."""

    packages = ("scikit-learn", "numpy")

    def open(self, file: str) -> None:
        """The masks and maps of a file that `testset.make` wrote."""
        self.test, self.maps = testset.load(Path(file)), testset.load_maps(Path(file))

    def measure(self, variant: str) -> float:
        """Seconds of measuring once."""
        if variant in ("scikit_learn", "lists"):
            import sklearn.metrics  # noqa: F401 - before the clock runs
        ways = {
            "this": lambda: scoring.every_figure(self.test, self.maps),
            "this_two": lambda: scoring.two_figures(self.test, self.maps),
            "scikit_learn": lambda: scoring.scikit_learn(self.test, self.maps),
            "lists": lambda: scoring.python_lists(self.test.masks, self.maps),
        }
        return seconds_of(ways[variant])


if __name__ == "__main__":
    serve(Measuring())
