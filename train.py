"""Train FastFlow on one category's good pictures, evaluate it on the category's test set, and save it."""

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.runtime import device, processes
    from src.utils import log

    options = config.parse("train", __doc__)
    used = device.prepare_for(options)
    group = processes.Group.join(options.distribute)

    from src import evaluation, training

    result = training.train(options, used, group)
    if result is None:  # the leading process has it
        return
    for line in (*evaluation.headline(result), *evaluation.best_on_test(result)):
        log.info(line)


if __name__ == "__main__":
    run_program(main)
