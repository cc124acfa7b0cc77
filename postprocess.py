"""Turn the C++ runner's output into the figures and panels of eval.py."""

from src import config, deployment, evaluation
from src.utils import log, run


def main() -> None:
    result = deployment.postprocess(config.parse("postprocess", __doc__))
    for line in evaluation.headline(result):
        log.info(line)


if __name__ == "__main__":
    run(main)
