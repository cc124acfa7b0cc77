"""A file of options (`--config`): YAML lines `option: value`, or the JSON that an earlier run wrote."""

import argparse
import reprlib
from collections.abc import Mapping
from typing import Any

import yaml

from src.option import Option, Role
from src.options import OPTIONS
from src.trust import digest
from src.trust.json_file import check_digest
from src.trust.schema import parse_object
from src.trust.text_file import read_text
from src.utils import UserError


def read_options(path: str, known: Mapping[str, Option]) -> dict[str, Any]:
    """The options that a file gives, with their types.

    The values are read as text, as on the command line: to YAML itself, `category: 01` would be the number 1. The
    file may also have options of other programs.

    Args:
        known: the options of the program that reads it.

    Raises:
        UserError: the file cannot be read, has an unknown option or a wrong value, or is a result that was changed.
    """
    every = {option.name: option for option in OPTIONS} | known
    given = _load(path)
    if isinstance(given, dict) and isinstance(given.get("options"), dict):  # a result: repeat it, but not its files
        result = given["options"]
        given = {k: v for k, v in result.items() if k not in every or Role.NOT_REPEATED not in every[k].roles}
    if not isinstance(given, dict):
        raise UserError(f"{path} must hold lines of the form `option: value`")
    names = {alias: option.name for option in known.values() for alias in option.aliases}
    given = {name: value for name, value in given.items() if names.get(name) not in given}  # the newer name comes first
    given = {names.get(name, name): value for name, value in given.items()}
    for name, value in given.items():
        if name not in every:
            raise UserError(f"{path} has the unknown option {reprlib.repr(name)}; see --help for the options")
        if not isinstance(value, str):
            raise UserError(f"{path}: {name} must have one value, not {reprlib.repr(value)[:100]}")
        try:
            given[name] = None if value in ("", "null", "~") else every[name].type(value)
        except (ValueError, argparse.ArgumentTypeError) as error:
            shown = reprlib.repr(value)
            raise UserError(f"{path}: {name}: {shown} is not valid ({_first_line(error)}); see --help") from error
    return given


def _load(path: str) -> Any:
    """What the file holds, all values as text; a sealed result only as it was written."""
    try:
        text = read_text(path)
        given = yaml.load(text, yaml.BaseLoader) or {}
        if isinstance(given, dict) and digest.KEY in given:
            check_digest(path, parse_object(text))
    except OSError as error:
        raise UserError(f"cannot read --config {path}: {error.strerror}; check the path") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not YAML ({_first_line(error)}); mend it") from error
    return given


def _first_line(error: Exception) -> str:
    """An error's text in one line, without its end if it is long."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:200]} ..."
