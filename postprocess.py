"""Turn the C++ runner's output into the figures and panels of eval.py."""

from src.runtime.program import run_program


def main() -> None:
    from src import config, evaluation
    from src.deploy import runner_files
    from src.utils import log

    result = runner_files.postprocess(config.parse("postprocess", __doc__))
    for line in evaluation.headline(result):
        log.info(line)


if __name__ == "__main__":
    run_program(main)
