"""PyTorch weights -> MindSpore checkpoints: ImageNet encoders, and whole FastFlow models trained elsewhere.

    python src/pthtockpt.py --pth_path resnet18-f37072fd.pth
    python src/pthtockpt.py --pth_path anomalib.ckpt --category bottle     # -> anomalib_fastflow.ckpt

Whole models: anomalib's FastFlow (checkpoint or state dict), gathierry/FastFlow's, and checkpoints of the 2022
MindSpore original. Their batch norms are folded into convolutions, their dense permutations become indices.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # src/ itself must not be on the path

import argparse

from src import config
from src.options import BACKBONES, picture_size
from src.runtime import device
from src.utils import UserError, run


def main() -> None:
    parser = config.Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--pth_path", required=True, help="PyTorch file (or a MindSpore .ckpt of the 2022 original)")
    parser.add_argument(
        "--ckpt_path", help="file to write (default: beside the input, with the ending .ckpt, or _fastflow.ckpt)"
    )
    parser.add_argument("--arch", choices=BACKBONES, help="encoder (default: found out from the names)")
    parser.add_argument("--category", help="category that a whole model was trained on")
    parser.add_argument(
        "--im_resize", type=int, help="input size of a whole model without LayerNorm weights (default: 256)"
    )
    options = parser.parse_args()
    if options.im_resize is not None and (wrong := picture_size(options.im_resize)):
        raise UserError(f"--im_resize {options.im_resize}: {wrong}")

    source = Path(options.pth_path)
    if not source.is_file():
        raise UserError(f"no file {source}; check --pth_path")
    stem = f"{source.stem}_fastflow" if source.suffix == ".ckpt" else source.stem
    target = Path(options.ckpt_path) if options.ckpt_path else source.with_name(f"{stem}.ckpt")
    if target.suffix != ".ckpt":
        raise UserError(f"--ckpt_path {target}: the name must end in .ckpt")
    if target.resolve() == source.resolve():
        raise UserError(f"{source} would be overwritten; give --ckpt_path another name")
    device.prepare("CPU")
    from src.convert.convert import convert

    print(convert(source, target, options.arch, options.category, options.im_resize))


if __name__ == "__main__":
    run(main)
