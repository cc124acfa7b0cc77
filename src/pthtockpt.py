"""PyTorch weights -> MindSpore checkpoints: ImageNet encoders, and whole FastFlow models trained elsewhere.

    python src/pthtockpt.py --arch wide_resnet50_2 --download              # fetches the ImageNet weights, and converts
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
    from src.options import options_of
    from src.runtime import device
    from src.trust.outputs import check_outputs
    from src.utils import UserError, log

    options = config.parse("pthtockpt", __doc__)
    for needed in ("arch",) if options.download else ("pth_path",):
        if getattr(options, needed) is None:
            text = options_of(options.program)[needed].help
            raise UserError(f"--{needed} is missing: {text}; see src/pthtockpt.py --help")
    if not options.download and not Path(options.pth_path).is_file():
        raise UserError(f"no file {options.pth_path}; check --pth_path")
    source = Path(options.pth_path) if options.pth_path else _published(options.arch)
    stem = f"{source.stem}_fastflow" if source.suffix == ".ckpt" else source.stem
    target = Path(options.ckpt_path) if options.ckpt_path else source.with_name(f"{stem}.ckpt")
    if target.suffix != ".ckpt":
        raise UserError(f"--ckpt_path {target}: the name must end in .ckpt")
    check_outputs([target], [source])
    device.prepare("CPU")
    if options.download:
        from src.convert.download import fetch
        from src.encoder import ENCODERS

        fetch(ENCODERS[options.arch].weights[0], source)
    from src.convert.convert import convert

    log.info(convert(source, target, options.arch, options.category, options.im_resize, options.soft_clamp))


def _published(arch: str) -> Path:
    """The published name of an encoder's weights, in the current folder."""
    from src.runtime import device

    device.prepare("CPU")
    from src.encoder import ENCODERS

    return Path(ENCODERS[arch].weights[0].name)


if __name__ == "__main__":
    run_program(main)
