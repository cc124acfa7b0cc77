"""Judge pictures as they come: those that appear in a folder, those that are sent over HTTP, or both."""

from src.runtime.program import run_program


def main() -> None:
    from src import config
    from src.serve.serving import serve

    serve(config.parse("serve", __doc__))


if __name__ == "__main__":
    run_program(main)
