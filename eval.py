"""Evaluate a checkpoint on a category's test set: AUROC, AP, F1-max, AUPRO, per defect type; panels too."""

from src import config
from src.runtime import device
from src.utils import log, run


def main() -> None:
    options = config.parse("eval", __doc__)
    device.prepare_for(options)

    from src import evaluation, inference

    result = inference.evaluate_checkpoint(options)
    for line in evaluation.headline(result):
        log.info(line)


if __name__ == "__main__":
    run(main)
