"""An exported MindIR in MindSpore. `src.runtime.device.prepare` must have run."""

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.deploy.description_file import read_description
from src.predictor.exported import network_of
from src.predictor.network import Network
from src.utils import UserError


def load_mindir(path: Path, batch_size: int, roi: str | None = None) -> Network:
    """The network of a MindIR of version 3 or 1 that export.py wrote; the JSON beside it says what it takes and gives.

    Raises:
        UserError: it or the JSON is missing, or it is not the file that the JSON describes.
    """
    description = read_description(path)
    try:
        graph = nn.GraphCell(ms.load(str(path)))
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"MindSpore {ms.__version__} cannot load {path} ({reason}); export it again") from error

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        anomaly_map, score = graph(Tensor(images))
        return anomaly_map.asnumpy(), score.asnumpy()

    # Compiled now: a picture's time shall be the network's.
    run(np.zeros(description.input.shape, description.input.type))
    return network_of(description, run, batch_size, description.file_sha256, roi)
