"""Generate a small category in the MVTec layout: woven fabric, four kinds of defects, exact masks."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that the program runs from any folder

from src.config import Parser
from src.synthetic.category import make_category
from src.utils import log, run


def main() -> None:
    """Read the options, write the category, and say what was written."""
    parser = Parser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--output_dir", required=True, help="the folder to make the category in")
    parser.add_argument("--category", default="fabric", help="its name; with the seed it chooses the fabric")
    parser.add_argument("--train", type=int, default=60, help="good pictures to train on")
    parser.add_argument("--good", type=int, default=16, help="good pictures to test on")
    parser.add_argument("--defects", type=int, default=32, help="defective pictures to test on")
    parser.add_argument("--image_size", type=int, default=256, help="pixels per side")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same pictures")
    args = parser.parse_args()
    folder = make_category(**vars(args))
    log.info(f"{args.train} training and {args.good + args.defects} test pictures in {folder}")


if __name__ == "__main__":
    run(main)
