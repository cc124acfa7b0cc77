"""A program's options: the command line over a file (`--config`) over the defaults, checked."""

import argparse
import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from src import __version__
from src.option import REQUIRED, SWITCHES, Option, Role, boolean, drawing, picture_size
from src.option_file import read_options
from src.options import OPTIONS, file_of, options_of
from src.utils import UserError, versions


@dataclass(frozen=True)
class Options:
    """The options of one call of a program: `options.lr` is the value of `--lr`. They do not change any more.

    Attributes:
        program: its name without the ending ".py".
        values: by name, also those that the command line left to their defaults.
        left_open: the names that had no value, before `resolved` gave them one.
    """

    program: str
    values: Mapping[str, Any]
    left_open: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self.values:  # copy and pickle ask for names before there are values
            raise AttributeError(f"{file_of(self.program)} has no option {name}")
        return self.values[name]

    def resolved(self, **values: Any) -> "Options":
        """A copy in which what was left open has a value: the device, the split of the data set and the like."""
        return replace(self, values={**self.values, **values})

    def of_role(self, role: Role) -> dict[str, Any]:
        """The options of a role, by name."""
        return {name: self.values[name] for name, option in options_of(self.program).items() if role in option.roles}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are this project's: one line and exit status 2."""

    def error(self, message: str) -> None:
        raise UserError(f"{message}; see {self.prog} --help")


def parse(program: str, description: str, argv: Sequence[str] | None = None) -> Options:
    """The options of a program: the command line over `--config` over the defaults, checked.

    Args:
        program: its name without the ending ".py", as in `Option.programs`.
        description: the first lines of `--help`.
        argv: arguments; the process's own by default.

    Raises:
        UserError: an unknown option or value, or a required option that is missing.
    """
    parser, known = _parser(program, description), options_of(program)
    given, unknown = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    if unknown:
        parser.error(_unknown(program, unknown[0]))
    from_file = read_options(given.config, known) if given.config else {}
    values = {name: _first(getattr(given, name), from_file.get(name), option.default) for name, option in known.items()}
    _check(program, known, values)
    return Options(program, values, tuple(name for name, value in values.items() if value is None))


def _first(*values: Any) -> Any:
    """The first value that is given; null in a file counts as not given."""
    return next((value for value in values if value is not None), None)


def _check(program: str, known: Mapping[str, Option], values: Mapping[str, Any]) -> None:
    missing = [name for name, value in values.items() if value is REQUIRED]
    if missing:
        text = ", ".join(f"--{name}" for name in missing) + (" is" if len(missing) == 1 else " are") + " missing"
        told = f": {known[missing[0]].help}" if len(missing) == 1 else ""
        raise UserError(f"{text}{told}; see {file_of(program)} --help")
    for name, value in values.items():
        problem = None if value is None else known[name].check.problem(value)
        if problem:
            raise UserError(f"--{name} {value}: {problem}")


def _parser(program: str, description: str) -> Parser:
    """The parser of a program's command line, its options under their headings."""
    parser = Parser(
        prog=file_of(program),
        usage=" ".join([file_of(program), *_needed(program), "[OPTIONS]"]),
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=None,
    )
    parser.add_argument("--version", action="version", version=_version(), help="show the versions in use, and end")
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="defaults for these options: a YAML file of lines `option: value`, or the JSON that an earlier run wrote, "
        "which repeats that run; what the command line gives comes first",
    )
    headings = {option.heading: None for option in options_of(program).values()}
    groups = {heading: parser.add_argument_group(heading) for heading in headings}
    for option in options_of(program).values():
        _add(groups[option.heading], option)
    return parser


def _needed(program: str) -> Iterator[str]:
    """The options without which a program does not start, as `--help` shows them first."""
    for option in options_of(program).values():
        if option.default is REQUIRED:
            yield f"--{option.name} {_value_name(option)}"


def _value_name(option: Option) -> str:
    """What `--help` calls an option's value."""
    if option.check.choices:
        return f"{{{','.join(map(str, option.check.choices))}}}"
    if option.type in SWITCHES:
        return {boolean: "BOOL", drawing: "{panel,full}"}[option.type]
    if option.type in (int, float, picture_size):
        return {int: "N", float: "X", picture_size: "N[,N]"}[option.type]
    return (
        "PATH"
        if option.name.endswith((*("_path", "_dir", "_file", "_list"), "model", "input", "watch", "out", "roi"))
        else "TEXT"
    )


def _version() -> str:
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    return f"fastflow_mindspore {__version__} ({used})"


def _add(group: argparse._ArgumentGroup, option: Option) -> None:
    text = option.help.replace("%", "%%")
    if option.default is REQUIRED:
        text += " (required)"
    elif option.type in SWITCHES and option.default is not None:
        text += f" (default: {str(option.default).lower()}; --no-{option.name}: false)"
    elif option.default is not None:
        text += f" (default: {option.default})"
    flags, name = [f"--{name}" for name in (option.name, *option.aliases)], _value_name(option)
    if option.type in SWITCHES:
        alone, taken_back = SWITCHES[option.type]
        group.add_argument(*flags, dest=option.name, type=option.type, nargs="?", const=alone, metavar=name, help=text)
        group.add_argument(
            f"--no-{option.name}", dest=option.name, action="store_const", const=taken_back, help=argparse.SUPPRESS
        )
    else:  # choices are checked in `_check`, in the same words for a YAML file's values
        group.add_argument(*flags, dest=option.name, type=option.type, metavar=name, help=text)


def _unknown(program: str, word: str) -> str:
    """What to say of the first argument that the program does not know."""
    if not word.startswith("-"):
        return f"unexpected argument {word!r}"
    flag = word.partition("=")[0]
    others = [file_of(name) for option in OPTIONS if flag in _flags(option) for name in option.programs]
    text = f"{flag} is not an option of {file_of(program)} but of {', '.join(others)}"
    known = [name for option in options_of(program).values() for name in _flags(option)]
    near = difflib.get_close_matches(flag, ["--config", "--version", "--help", *known], 1, 0.8 if others else 0.7)
    return (text if others else f"unknown option {flag}") + (f" (did you mean {near[0]}?)" if near else "")


def _flags(option: Option) -> tuple[str, ...]:
    """How an option is written: by its names and, where it may stand without a value, taken back."""
    taken_back = (f"--no-{option.name}",) if option.type in SWITCHES else ()
    return (*(f"--{name}" for name in (option.name, *option.aliases)), *taken_back)
