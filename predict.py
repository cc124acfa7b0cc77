"""Score pictures that nobody has labelled, and draw their heat maps, with a checkpoint that train.py wrote."""

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.runtime import device
    from src.utils import log

    options = config.parse("predict", __doc__)
    used = device.prepare_for(options)

    from src import inference

    for name, found in inference.predict_folder(options, used).items():
        anomaly = f" (anomaly {found['anomaly']:.3f})" if "anomaly" in found else ""
        log.info("%s: %.5f %s%s", name, found["score"], found.get("verdict", ""), anomaly)


if __name__ == "__main__":
    run_program(main)
