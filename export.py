"""Export a checkpoint as MINDIR, ONNX or AIR: picture in, anomaly map and score out."""

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.runtime import device

    options = config.parse("export", __doc__)
    used = device.prepare_for(options)

    from src.deploy import export

    export.export_checkpoint(options, used)


if __name__ == "__main__":
    run_program(main)
