"""Train and evaluate every category of a data set, and write their table.

Beside its own options it takes those of train.py and eval.py that are the same for every category, and passes them on.
Started again, it skips what is finished and goes on with what is not. Exit status: 0 all categories are in the table;
1 at least one failed (the others are done); 2 wrong options; 130 interrupted, and saved.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # the project's root in the place of scripts/

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.run_all import categories
    from src.utils import log

    options = config.parse("run_all", __doc__)
    table = categories.run_all(options)
    for line in ("", *table.markdown().splitlines(), "", f"table: {options.ckpt_dir}/table.{{md,csv,json}}"):
        log.info("%s", line)
    if options.report:
        log.info("report: %s", categories.index_of(options))
    if table.failed:
        sys.exit(1)


if __name__ == "__main__":
    run_program(main)
