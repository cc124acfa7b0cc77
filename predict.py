"""Judge pictures that nobody has labelled, with a checkpoint or an exported model: verdicts, regions, panels."""

from src.runtime.program import INCOMPLETE, run_program


def main() -> None:
    from src import config, inspection
    from src.utils import log

    found = inspection.inspect(config.parse("predict", __doc__))
    if found.errors:
        log.info("%d of %d pictures have no score:", len(found.errors), len(found.pictures))
        for error in found.errors:
            log.info("%s", error)
    log.info(found.headline())
    if found.errors:
        raise SystemExit(INCOMPLETE)


if __name__ == "__main__":
    run_program(main)
