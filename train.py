"""Train FastFlow on one category's good pictures, evaluate it on the category's test set, and save it."""

from src import config
from src.runtime import device, processes
from src.utils import log, run


def main() -> None:
    options = config.parse("train", __doc__)
    options.device_id = processes.local_device(options.distribute, options.device_target, options.device_id)
    device.prepare_for(options)
    group = processes.Group.join(options.distribute)

    from src import evaluation, training

    result = training.train(options, group)
    if result is None:  # the leading process has it
        return
    for line in evaluation.headline(result):
        log.info(line)
    best = result["best_on_test"]
    for name in ("pixel_auc", "image_auc"):
        if best and best.get(name) is not None:
            log.info("best_%s (chosen on the test set): %.5f at epoch %d", name, best[name], best["epoch"])
            break


if __name__ == "__main__":
    run(main)
