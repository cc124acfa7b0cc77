"""What the values of a JSON must be: checks that combine, and a parser that answers nothing but whole objects.

A check is a function of a value that says whether it is valid. JSON's true and false are not numbers here.
"""

import json
import math
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]
LARGEST = 2**53  # integers up to here are the same in every program that reads JSON


def is_a(*types: type) -> Check:
    """A check for values of these types."""
    return lambda value: isinstance(value, types) and (bool in types or not isinstance(value, bool))


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return is_a(int, float)(value) and abs(value) <= 1e300 and math.isfinite(value)


def is_text(value: Any) -> bool:
    """Whether a value is a text of one line, without control characters."""
    return isinstance(value, str) and value.isprintable()


def is_scalar(value: Any) -> bool:
    """Whether a value can be an option's: a text, a number, true, false or null."""
    return value is None or isinstance(value, (bool, str)) or is_number(value)


def is_digest(value: Any) -> bool:
    """Whether a value is a SHA-256 digest in hexadecimal digits."""
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def integer(low: int = 0, high: int = LARGEST) -> Check:
    """A check for a whole number from `low` to `high`."""
    return lambda value: is_a(int)(value) and low <= value <= high


def one_of(*choices: Any) -> Check:
    """A check for one of these values, of the same type."""
    return lambda value: any(type(value) is type(choice) and value == choice for choice in choices)


def optional(check: Check) -> Check:
    """A check for null, or what `check` allows."""
    return lambda value: value is None or check(value)


def list_of(check: Check, length: int | None = None) -> Check:
    """A check for a list of valid values, of this length if one is given."""
    return lambda value: isinstance(value, list) and length in (None, len(value)) and all(map(check, value))


def mapping_of(check: Check) -> Check:
    """A check for an object whose values are valid, under any keys."""
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def has(**checks: Check) -> Check:
    """A check for an object with these keys, each with a valid value, and no other."""
    return lambda value: isinstance(value, dict) and set(value) == set(checks) and has_some(**checks)(value)


def has_some(**checks: Check) -> Check:
    """A check for an object with some of these keys and no other: older files lack the newer ones."""
    return lambda value: (
        isinstance(value, dict) and all(name in checks and checks[name](entry) for name, entry in value.items())
    )


def has_at_least(**checks: Check) -> Check:
    """A check for an object with these keys, each with a valid value; others may be a later version's."""
    return lambda value: (
        isinstance(value, dict) and all(name in value and check(value[name]) for name, check in checks.items())
    )


def if_given(**checks: Check) -> Check:
    """A check for an object in which these keys have valid values if they are there: older files lack them."""
    return lambda value: (
        isinstance(value, dict) and all(check(value[name]) for name, check in checks.items() if name in value)
    )


def parse_object(text: str) -> dict[str, Any]:
    """A JSON object; one with a key twice, or with a number that no float holds, is none.

    Raises:
        ValueError: it is not one.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands there twice")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:20]} is beyond a float")
    return value
