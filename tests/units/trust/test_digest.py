"""Digests: the same for the same, another for any other name, type, shape or byte."""

import hashlib

import numpy as np

from src.trust import digest

VALUE = {"a": 1, "b": [0.1, None]}
ARRAYS = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "y": np.array(3, np.int32)}


def test_order_and_the_digest_itself_do_not_count():
    wanted = digest.of_object(VALUE, ARRAYS)
    assert len(wanted) == 64
    assert digest.of_object(dict(reversed(VALUE.items())), dict(reversed(ARRAYS.items()))) == wanted
    assert digest.of_object(VALUE | {digest.KEY: "x"}, ARRAYS) == wanted
    assert digest.of_object(VALUE, ARRAYS | {"x": np.asfortranarray(ARRAYS["x"])}) == wanted


def test_everything_else_counts():
    x, y = ARRAYS.values()
    changed = x.copy()
    changed.view(np.uint8)[1, 2] ^= 1
    others = [
        (VALUE, {}),
        (VALUE | {"a": 2}, ARRAYS),
        (VALUE, {"x": x}),
        (VALUE, {"x": changed, "y": y}),
        (VALUE, {"x": x.reshape(3, 2), "y": y}),
        (VALUE, {"x": x.view(np.int32), "y": y}),
        (VALUE, {"x": x, "y": y.reshape(1)}),
        (VALUE, {"x": x, "z": y}),
        (VALUE, {"x": y, "y": x}),
    ]
    found = {digest.of_object(*other) for other in others}
    assert len(found) == len(others)
    assert digest.of_object(VALUE, ARRAYS) not in found


def test_a_file(tmp_path):
    content = bytes(range(256)) * 8192  # more than is read at a time
    (tmp_path / "x").write_bytes(content)
    assert digest.of_file(tmp_path / "x") == hashlib.sha256(content).hexdigest()
