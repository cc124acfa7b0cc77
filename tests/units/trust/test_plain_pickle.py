"""Pickles of plain values: read as Python reads them; nothing else is made, and no memory is taken on a claim."""

import os
import pickle
import resource
from io import BytesIO

import pytest

from src.trust.plain_pickle import Maker, NotPlainError, load

VALUES = [
    None,
    [True, False, 0, 255, 65535, -1, 2**31, -(2**70), 10**400, 0.5, float("inf")],
    {"a": (1,), "b": (1, 2), "c": (1, 2, 3), "d": (1, 2, 3, 4), "e": ()},
    {1: "ä", None: "x" * 300, ("a", 2): [[], {}, [[1]]], 2.5: "", b"k": 2.0},
    list(range(3000)),
    {str(number): number for number in range(3000)},
]
SHARED = ["shared"]


def read(content, find=lambda name: None, stored=lambda reference: None):
    return load(BytesIO(content), find, stored)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_are_as_python_reads_them(value, protocol):
    if protocol > 2 or b"k" not in (value if isinstance(value, dict) else ()):
        found = read(pickle.dumps(value, protocol))
        assert (found, repr(found)) == (value, repr(value))


def test_a_value_that_stands_twice_is_one_object():
    first, second = read(pickle.dumps([SHARED, SHARED], 2))
    assert first is second


def test_the_position_is_behind_the_pickle():
    file = BytesIO(pickle.dumps(1, 2) + pickle.dumps("two", 2) + b"more")
    assert [load(file, lambda name: None, None), load(file, lambda name: None, None)] == [1, "two"]
    assert file.read() == b"more"


def test_makers_stand_for_names():
    content = b"\x80\x02cmodule\nname\nK\x01K\x02\x86R."
    assert read(content, {"module.name": Maker("module.name", lambda a, b: (b, a))}.get) == (2, 1)
    with pytest.raises(NotPlainError, match=r"^the name module\.name$"):
        read(content)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("value", [os.system, complex(1, 2), os.stat_result(range(10)), ValueError("x")], ids=str)
def test_other_objects_are_refused(value, protocol):
    with pytest.raises(NotPlainError, match=r"^the name "):
        read(pickle.dumps(value, protocol))


ALLOWED = {"m.n": Maker("m.n", lambda *_: [])}.get


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"cm\nn\n}X\x01\x00\x00\x00aK\x01sb.", "an object's state"),  # of a maker
        (b"cm\nn\n)R}b.", "an object's state"),  # of what it made
        (b"K\x01)R.", "a call of what is no name"),
        (b"cm\nn\n]R.", "a call of what is no name"),
        (b"cm\nn\n)\x81.", "the instruction NEWOBJ"),
        (b"(cm\nn\no.", "the instruction OBJ"),
        (b"(im\nn\n.", "the instruction INST"),
        (b"\x82\x01.", "the instruction EXT1"),
        (b"I1\n.", "the instruction INT"),
        (b"\x96\x08\x00\x00\x00\x00\x00\x00\x0012345678.", "the instruction BYTEARRAY8"),
        (b"}" + b"K\x01\x85" + b"\x85" * 10**6 + b"K\x01s.", "a key of a dict that is no plain value"),  # deep
        (b"}]K\x01s.", "a key of a dict that is no plain value"),
    ],
)
def test_instructions_that_make_other_objects_are_refused(content, problem):
    with pytest.raises(NotPlainError, match=f"^{problem}$"):
        read(b"\x80\x02" + content, ALLOWED)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02K\x01",
        b"\x80\x02.",
        b"\x80\x02t.",
        b"\x80\x02\x85.",
        b"\x80\x02K\x01e.",
        b"\x80\x02]h\x05.",
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x02](K\x01u.",
        b"\x80\x02}(K\x01u.",
        b"\x80\x02\xffnothing.",
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        b"\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.",
        b"\x80\x02X\x01\x00\x00\x00\xff.",
    ],
)
def test_damaged_pickles_are_value_errors(content):
    with pytest.raises(ValueError, match=r".") as caught:
        read(content)
    assert not isinstance(caught.value, NotPlainError)


def test_a_place_that_a_pickle_names_takes_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read(b"\x80\x02K\x07r\xff\xff\xff\x7fj\xff\xff\xff\x7f.") == 7
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB; Python's own takes gigabytes
