"""Evaluate a checkpoint on a category's test set: AUROC, AP, F1-max, AUPRO, per defect type; panels too."""

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.runtime import device
    from src.utils import log

    options = config.parse("eval", __doc__)
    used = device.prepare_for(options)

    from src import evaluation, inference

    for line in evaluation.headline(inference.evaluate_checkpoint(options, used)):
        log.info(line)


if __name__ == "__main__":
    run_program(main)
