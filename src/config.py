"""A program's options: the command line over a file (`--config`) over the defaults, checked."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from src.options import OPTIONS, PROGRAMS, REQUIRED, boolean
from src.utils import UserError

NOT_REPEATED = ("resume", "result_path", "distribute")  # of a run's options: its own files are not to be written again


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are this project's: one line and exit status 2."""

    def error(self, message: str) -> None:
        raise UserError(f"{message}; see {self.prog} --help")


def _add(parser: argparse.ArgumentParser, name: str) -> None:
    option = OPTIONS[name]
    text = option.help.replace("%", "%%")
    if option.default is not None:
        text += f" (default: {option.default})"
    if option.type is boolean:
        parser.add_argument(f"--{name}", type=boolean, nargs="?", const=True, default=None, metavar="BOOL", help=text)
        parser.add_argument(f"--no-{name}", dest=name, action="store_false", default=None, help=argparse.SUPPRESS)
    else:  # choices are checked in `_check`, in the same words for a YAML file's values
        metavar = f"{{{','.join(map(str, option.choices))}}}" if option.choices else None
        parser.add_argument(f"--{name}", type=option.type, metavar=metavar, help=text)


def _from_file(path: str) -> dict[str, Any]:
    """The options that a YAML file, or the JSON of an earlier run, gives, with their types.

    The values are read as text, as on the command line: to YAML itself, `category: 01` would be the number 1.
    """
    try:
        given = yaml.load(Path(path).read_text(encoding="utf-8"), yaml.BaseLoader) or {}
    except OSError as error:
        raise UserError(f"cannot read --config {path}: {error.strerror}; check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML ({' '.join(str(error).split())}); mend it") from error
    if isinstance(given, dict) and isinstance(given.get("options"), dict):  # a result
        given = {name: value for name, value in given["options"].items() if name not in NOT_REPEATED}
    if not isinstance(given, dict):
        raise UserError(f"{path} must hold lines of the form `option: value`")
    for name, value in given.items():
        if name not in OPTIONS:
            raise UserError(f"{path} has the unknown option {name!r}; see --help for the options")
        if not isinstance(value, str):
            raise UserError(f"{path}: {name} must have one value, not {value}")
        try:
            given[name] = None if value in ("", "null", "~") else OPTIONS[name].type(value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            raise UserError(f"{path}: {name}: {value!r} is not valid ({error}); see --help") from error
    return given


def parse(program: str, description: str, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a program: the command line over `--config` over the defaults, checked.

    Args:
        program: a key of `PROGRAMS`.
        description: the first lines of `--help`.
        argv: arguments; the process's own by default.

    Raises:
        UserError: an unknown option or value, or a required option that is missing.
    """
    parser = Parser(prog=f"{program}.py", description=description, allow_abbrev=False, argument_default=None)
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="defaults for these options: a YAML file (see configs/), or the JSON that an earlier run wrote, "
        "which repeats that run; what the command line gives comes first",
    )
    for name in PROGRAMS[program]:
        _add(parser, name)
    given = parser.parse_args(sys.argv[1:] if argv is None else argv)
    defaults = _from_file(given.config) if given.config else {}
    values = {}
    for name in PROGRAMS[program]:
        value = getattr(given, name)
        for fallback in (defaults.get(name), OPTIONS[name].default):  # null in a file: not given
            value = fallback if value is None else value
        values[name] = value
        _check(program, name, values[name])
    return argparse.Namespace(**values)


def _check(program: str, name: str, value: Any) -> None:
    option = OPTIONS[name]
    if value is None:
        if name in REQUIRED[program]:
            raise UserError(f"--{name} is missing: {option.help}; see {program}.py --help")
        return
    if option.choices and value not in option.choices:
        raise UserError(f"--{name} {value}: choose one of {', '.join(map(str, option.choices))}")
    wrong = option.check(value)
    if wrong:
        raise UserError(f"--{name} {value}: {wrong}")
