"""Score pictures that nobody has labelled, and draw their heat maps, with a checkpoint that train.py wrote."""

from src.runtime.program import INCOMPLETE, run_program


def main() -> None:
    from src import config
    from src.runtime import device
    from src.utils import log

    options = config.parse("predict", __doc__)
    used = device.prepare_for(options)

    from src import inference

    found = inference.predict_folder(options, used)
    for name, said in found.items():
        if "score" in said:
            anomaly = f" (anomaly {said['anomaly']:.3f})" if "anomaly" in said else ""
            log.info("%s: %.5f %s%s", name, said["score"], said.get("verdict", ""), anomaly)
    unreadable = [said["error"] for said in found.values() if "error" in said]
    if unreadable:
        log.info("%d of %d pictures have no score:", len(unreadable), len(found))
        for error in unreadable:
            log.info("%s", error)
        raise SystemExit(INCOMPLETE)


if __name__ == "__main__":
    run_program(main)
