"""PyTorch weights -> MindSpore checkpoints: ImageNet encoders, and whole FastFlow models trained elsewhere.

    python src/pthtockpt.py --pth_path resnet18-f37072fd.pth
    python src/pthtockpt.py --pth_path anomalib.ckpt --category bottle     # -> anomalib_fastflow.ckpt

Whole models: anomalib's FastFlow (checkpoint or state dict), gathierry/FastFlow's, and checkpoints of the 2022
MindSpore original. Their batch norms are folded into convolutions, their dense permutations become indices.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # src/ itself must not be on the path

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.runtime import device
    from src.trust.outputs import check_outputs
    from src.utils import UserError, log

    options = config.parse("pthtockpt", __doc__)
    source = Path(options.pth_path)
    if not source.is_file():
        raise UserError(f"no file {source}; check --pth_path")
    stem = f"{source.stem}_fastflow" if source.suffix == ".ckpt" else source.stem
    target = Path(options.ckpt_path) if options.ckpt_path else source.with_name(f"{stem}.ckpt")
    if target.suffix != ".ckpt":
        raise UserError(f"--ckpt_path {target}: the name must end in .ckpt")
    check_outputs([target], [source])
    device.prepare("CPU")
    from src.convert.convert import convert

    log.info(convert(source, target, options.arch, options.category, options.im_resize))


if __name__ == "__main__":
    run_program(main)
