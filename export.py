"""Export a checkpoint as MINDIR, ONNX or AIR: picture in, anomaly map and score out."""

from src import config, device
from src.utils import run


def main() -> None:
    options = config.parse("export", __doc__)
    options.device_target = device.prepare(options.device_target, options.device_id)

    from src import exporting

    exporting.export_checkpoint(options)


if __name__ == "__main__":
    run(main)
