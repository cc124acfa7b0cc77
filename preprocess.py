"""Turn a category's test set into the C++ runner's input: a .bin per picture and a manifest."""

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.deploy import runner_files

    runner_files.preprocess(config.parse("preprocess", __doc__))


if __name__ == "__main__":
    run_program(main)
