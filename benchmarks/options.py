"""The options of `benchmarks/run.py`, checked."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants import CONTESTANTS
from src.config import Parser
from src.options import BACKBONES, picture_size
from src.utils import UserError

MEASURES = ("convolution", "step", "epoch", "inference", "evaluation", "memory")


def parse(description: str, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options.

    Raises:
        UserError: an unknown option or value.
    """
    parser = Parser(
        prog="benchmarks/run.py",
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--backbones", nargs="+", choices=BACKBONES, default=list(BACKBONES), help="encoders (default: all)")
    add("--measure", nargs="+", choices=MEASURES, default=list(MEASURES), help="measurements (default: all)")
    add("--contestants", nargs="+", metavar="NAME", help=f"of {', '.join(CONTESTANTS)} (default: all)")
    add("--rounds", type=int, default=5, help="measurements of each contestant, in turn (default: 5)")
    add("--im_resize", type=int, default=256, help="picture size (default: 256)")
    add("--batch", type=int, default=8, help="pictures per training step and per evaluation batch (default: 8)")
    add("--pictures", type=int, default=209, help="training pictures of an epoch (default: 209, as MVTec AD's bottle)")
    add("--test_pictures", type=int, default=83, help="test pictures of an evaluation (default: 83, as bottle)")
    add("--conv_size", type=int, default=64, help="pixels per side of the single convolution's input (default: 64)")
    add("--anomalib", metavar="PYTHON", help="an interpreter that has anomalib; without it anomalib is left out")
    add("--output", type=Path, default=Path("results/benchmarks"), help="folder (default: results/benchmarks)")
    options = parser.parse_args(argv)
    for name, low in (("rounds", 1), ("batch", 1), ("pictures", 1), ("test_pictures", 8), ("conv_size", 1)):
        if getattr(options, name) < low:
            raise UserError(f"--{name} {getattr(options, name)}: must be {low} or more")
    if options.pictures < options.batch:
        raise UserError(f"--pictures {options.pictures}: must be at least --batch {options.batch}")
    if wrong := picture_size(options.im_resize):
        raise UserError(f"--im_resize {options.im_resize}: {wrong}")
    return options
