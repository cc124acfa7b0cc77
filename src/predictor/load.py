"""Which runtime a model's file is for, by its ending."""

from pathlib import Path

from src.kernels.convolution import DEFAULT
from src.option import TEST_BATCH_SIZE
from src.predictor.network import Network, images_per_call
from src.utils import UserError

ENDINGS = (".ckpt", ".onnx", ".mindir")


def load_network(
    path: Path,
    *,
    device_target: str | None = None,
    device_id: int = 0,
    threads: int | None = None,
    batch_size: int | None = 1,
    pictures: int | None = None,
    cpu_kernels: str = "auto",
    convolution: str = DEFAULT,
    graph_cache: str = "auto",
    roi: str | None = None,
) -> Network:
    """The network of a .ckpt, .onnx or .mindir file. MindSpore is imported where the file needs it, and only then.

    Args:
        device_target, device_id, cpu_kernels, convolution, graph_cache, roi: see the options; ONNX runs on the CPU.
        threads: that compute; None: the runtime's own number.
        batch_size: images per call, where the file leaves that open; None: as many as suit the model, but no more
            than there are `pictures`.

    Raises:
        UserError: the file is missing, damaged, of another kind, or not as it was written; or there is no such device.
    """
    if path.suffix not in ENDINGS:
        raise UserError(f"{path} is not a model; give a file that ends in {', '.join(ENDINGS)}")
    if not path.is_file():
        raise UserError(f"no model {path}; check the path")
    if threads is not None and threads < 1:
        raise UserError(f"{threads} threads: must be 1 or more")
    exported_batch = images_per_call(batch_size, TEST_BATCH_SIZE, pictures)
    if path.suffix == ".onnx":
        from src.predictor.onnx import load_onnx

        return load_onnx(path, device_target, threads, exported_batch, roi)

    from src.runtime import device

    # A MindIR is MindSpore's own operations, and our kernels, which it lacks, have a thread per core.
    kernels = cpu_kernels if path.suffix == ".ckpt" and threads is None else "off"
    used = device.prepare(device_target, device_id, kernels, convolution)
    if threads is not None:
        device.limit_threads(threads)
    if path.suffix == ".mindir":
        from src.predictor.mindir import load_mindir

        return load_mindir(path, exported_batch, roi)

    from src.predictor.checkpoint import load_checkpoint

    return load_checkpoint(path, used, batch_size, pictures, graph_cache, roi)
