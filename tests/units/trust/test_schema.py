"""Checks of JSON values, and what counts as a JSON object."""

import pytest

from src.trust import schema
from src.trust.schema import parse_object


@pytest.mark.parametrize(
    ("check", "valid", "invalid"),
    [
        (schema.is_a(str), ["", "x"], [None, 1, ["x"]]),
        (schema.is_a(int), [0, -1], [True, 1.0, "1"]),
        (schema.is_a(bool), [True, False], [0, 1, None]),
        (schema.is_number, [0, -1.5, 10**9], [True, None, "1", float("inf"), float("nan"), 10**400, [1]]),
        (schema.is_text, ["", "Öse 螺母"], [None, 1, "a\nb", "\x1b[2J", "\ud800", "\u202e"]),
        (schema.is_scalar, [None, True, 1, 1.5, "x"], [[], {}, float("nan")]),
        (schema.is_digest, ["0" * 64], ["0" * 63, "G" * 64, "A" * 64, None, 0]),
        (schema.integer(1, 3), [1, 3], [0, 4, 2.0, True, "2", None]),
        (schema.one_of(1, "a", None), [1, "a", None], [True, 1.0, "b", [1]]),
        (schema.optional(schema.integer()), [None, 3], [-1, "x"]),
        (schema.list_of(schema.integer(), 2), [[1, 2]], [[1], [1, 2, 3], [1, "2"], (1, 2), None, {}]),
        (schema.list_of(schema.integer()), [[], [1, 2, 3]], [[None]]),
        (schema.mapping_of(schema.is_number), [{}, {"a": 1}], [{"a": "1"}, [], None]),
        (schema.has(a=schema.is_number), [{"a": 1}], [{}, {"a": 1, "b": 2}, {"a": "1"}, [], None]),
        (schema.has_some(a=schema.is_number), [{}, {"a": 1}], [{"b": 1}, {"a": None}, []]),
        (schema.has_at_least(a=schema.is_number), [{"a": 1}, {"a": 1, "b": 2}], [{}, {"a": "x"}, []]),
        (schema.if_given(a=schema.is_number), [{}, {"b": 1}, {"a": 1}], [{"a": "x"}, []]),
    ],
)
def test_checks(check, valid, invalid):
    assert [value for value in valid if not check(value)] == []
    assert [value for value in invalid if check(value)] == []


def test_an_object_is_parsed():
    assert parse_object('{"a": [1, 2.5, null], "b": {}}') == {"a": [1, 2.5, None], "b": {}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[1]", "no object"),
        ("3", "no object"),
        ('{"a": 1, "a": 2}', "a key stands there twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": -Infinity}', "-Infinity is no JSON"),
        ('{"a": 1e999}', "1e999 is beyond a float"),
        ('{"a": ' + "9" * 5000 + "}", "Exceeds the limit"),
        ('{"a": ' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_object(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_object(text)
