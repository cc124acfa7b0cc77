"""Train FastFlow on one category's good pictures, evaluate it on the category's test set, and save it."""

from src import config, device
from src.utils import log, run


def main() -> None:
    options = config.parse("train", __doc__)
    options.device_target = device.prepare(options.device_target, options.device_id)

    from src import evaluation, training

    result = training.train(options)
    log.info("masks: %s", result["gt_protocol"])
    for line in evaluation.headline(result["category"], result["metrics"]):
        log.info(line)
    best = result["best_on_test"]
    if best:
        log.info("best_pixel_auc (chosen on the test set): %s at epoch %d", best.get("pixel_auc"), best["epoch"])


if __name__ == "__main__":
    run(main)
