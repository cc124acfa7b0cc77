"""Export a checkpoint as MINDIR, ONNX or AIR: picture in, anomaly map and score out."""

from src import config
from src.runtime import device
from src.utils import run


def main() -> None:
    options = config.parse("export", __doc__)
    device.prepare_for(options)

    from src.deploy import export

    export.export_checkpoint(options)


if __name__ == "__main__":
    run(main)
