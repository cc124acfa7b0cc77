"""Generate a small category in the MVTec layout: woven fabric, four kinds of defects, exact masks."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the project's root in the place of scripts/

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.synthetic.category import make_category
    from src.utils import log

    options = config.parse("make_synthetic", __doc__)
    folder = make_category(**options.values)
    log.info("%d training and %d test pictures in %s", options.train, options.good + options.defects, folder)


if __name__ == "__main__":
    run_program(main)
