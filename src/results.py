"""The JSON results of train.py and eval.py, as other programs read them: every value that they use is checked."""

from pathlib import Path
from typing import Any

from src.data.masks import PROTOCOLS
from src.trust.json_file import read_json
from src.trust.schema import (
    has_at_least,
    if_given,
    integer,
    is_a,
    is_number,
    is_text,
    list_of,
    mapping_of,
    one_of,
    optional,
)
from src.utils import UserError, log

_ARE_FIGURES = mapping_of(optional(is_number))
_IS_RESULT = has_at_least(category=is_text, gt_protocol=one_of(*PROTOCOLS), metrics=_ARE_FIGURES)
_COUNTS = ("missed", "defective_pictures", "false_alarms", "good_pictures")
_HAS_ERRORS = if_given(errors=optional(has_at_least(**dict.fromkeys(_COUNTS, integer()))))
_OF_TRAINING = has_at_least(best_on_test=optional(has_at_least(epoch=integer())), seconds=is_number)
_ARE_BEST = if_given(best_on_test=optional(_ARE_FIGURES))
_IS_RECORD = has_at_least(epoch=integer())
_HAS_COURSE = has_at_least(
    checkpoint=is_text,
    losses=list_of(is_number),
    history=list_of(lambda value: _ARE_FIGURES(value) and _IS_RECORD(value)),
)
_HAS_OPTIONS = if_given(options=is_a(dict), options_left_open=list_of(is_text))


def read_training(path: Path) -> dict[str, Any]:
    """The result of a training.

    Raises:
        UserError: it is missing, not train.py's, or not as it was written.
    """
    return read_json(
        path,
        lambda value: _IS_RESULT(value) and _OF_TRAINING(value) and _ARE_BEST(value),
        "train.py's; remove it and its checkpoint, and train again",
    )


def read_evaluation(path: Path) -> dict[str, Any]:
    """The result of an evaluation.

    Raises:
        UserError: it is missing, not eval.py's, or not as it was written.
    """
    return read_json(
        path, lambda value: _IS_RESULT(value) and _HAS_ERRORS(value), "eval.py's; remove it and evaluate again"
    )


def read_course(checkpoint: Path) -> dict[str, Any] | None:
    """The result of the training that wrote a checkpoint, for its curves; None where none beside it is valid."""
    path = checkpoint.with_suffix(".json")
    if not path.is_file():
        return None
    try:
        result = read_json(path, _HAS_COURSE, "train.py's")
    except UserError as error:
        log.warning("no curves of the training: %s", error)
        return None
    return result if result["checkpoint"] == checkpoint.name else None


def read_given_options(path: Path) -> dict[str, Any]:
    """The options that a result of train.py or eval.py was made with, without those that were left open.

    Raises:
        UserError: the result is missing, not one of these programs', or not as it was written.
    """
    result = read_json(path, _HAS_OPTIONS, "a result of train.py or eval.py; remove it")
    left_open = result.get("options_left_open", [])
    return {name: value for name, value in result.get("options", {}).items() if name not in left_open}
