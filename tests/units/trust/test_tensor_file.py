"""MindSpore's checkpoint format: read as MindSpore writes it, and every wrong length refused before an array exists."""

import resource

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor
from mindspore.train.checkpoint_pb2 import Checkpoint

from src.trust import tensor_file
from src.trust.tensor_file import read_entries

ARRAYS = {
    "floats": np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3),
    "halves": np.float16([0.5, 2]),
    "doubles": np.float64([[1 / 3]]),
    "ints": np.int32([-5, 7]),
    "longs": np.int64([2**40]),
    "bytes": np.uint8([200]),
    "truths": np.array([True, False]),
    "scalar": np.array(3.5, np.float32),
}


def save(path, arrays, **more):
    ms.save_checkpoint([{"name": n, "data": Tensor(a)} for n, a in arrays.items()], str(path), **more)
    path.chmod(0o600)
    return path


def write(path, *entries):
    """A file of (name, type, shape, content)."""
    message = Checkpoint()
    for name, kind, shape, content in entries:
        entry = message.value.add(tag=name)
        entry.tensor.tensor_type, entry.tensor.tensor_content = kind, content
        entry.tensor.dims.extend(shape)
    path.write_bytes(message.SerializeToString())
    return path


@pytest.mark.parametrize("more", [{}, {"crc_check": True}])
def test_what_mindspore_writes_is_read(tmp_path, more):
    found = read_entries(save(tmp_path / "a.ckpt", ARRAYS, append_dict={"words": "Öse 螺母", "step": 3}, **more))
    assert found.pop("words") == "Öse 螺母"
    assert found.pop("step") == 3
    assert set(found) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape), name
        np.testing.assert_array_equal(found[name], array)


def test_bfloat16_becomes_float32(tmp_path):
    values = np.float32([1.5, -0.15625, 3e38])
    high = (values.view(np.uint32) >> 16).astype("<u2")
    found = read_entries(write(tmp_path / "a.ckpt", ("x", "BFloat16", [3], high.tobytes())))["x"]
    np.testing.assert_array_equal(found, (high.astype(np.uint32) << 16).view(np.float32))
    np.testing.assert_allclose(found, values, rtol=1e-2)


def test_a_tensor_in_several_parts_is_one(tmp_path):
    content = np.arange(6, dtype="<i4").tobytes()
    parts = [
        ("x", "Int32", [2, 3], content[:10]),
        ("x", "Int32", [2, 3], content[10:]),
        ("y", "Int32", [0], content[:4]),
    ]
    found = read_entries(write(tmp_path / "a.ckpt", *parts))
    np.testing.assert_array_equal(found["x"], np.arange(6).reshape(2, 3))
    assert found["y"].shape == ()


LENGTH = "a tensor's length is not that of its shape and type"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("x", "Float32", [2], bytes(7))], LENGTH),
        ([("x", "Float32", [2], bytes(12))], LENGTH),
        ([("x", "Float64", [2], bytes(8))], LENGTH),  # float64 declared over float32 data
        ([("x", "Float32", [2**40, 2**40], bytes(8))], LENGTH),
        ([("x", "Float32", [2**62, 4], b"")], LENGTH),  # 2^66 bytes: 0 in 64 bits
        ([("x", "Float32", [0, 5], bytes(4))], LENGTH),
        ([("x", "Float32", [-1, -2], bytes(8))], "a dimension is negative"),
        ([("x", "Int4", [2], bytes(1))], "a type is not known"),
        ([("x", "", [2], bytes(1))], "a type is not known"),
        ([("x", "Bool", [2], b"\x01\x02")], "a truth value is neither 0 nor 1"),
        ([("", "Bool", [1], b"\x01")], "a name is not valid"),
        ([("a\nb", "Bool", [1], b"\x01")], "a name is not valid"),
        ([("x", "Bool", [1], b"\x01"), ("y", "Bool", [1], b"\x01"), ("x", "Bool", [1], b"\x01")], "twice"),
        ([("x", "Int8", [2], b"\x01"), ("x", "Int8", [1, 2], b"\x01")], "differ in type or shape"),
        ([("x", "str", [0], b"abc")], "codec can't decode"),
        ([], "no entry"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, entries, reason):
    with pytest.raises(ValueError, match=reason):
        read_entries(write(tmp_path / "a.ckpt", *entries))


def test_a_wrong_checksum_and_a_map_are_refused(tmp_path):
    path = save(tmp_path / "a.ckpt", ARRAYS, crc_check=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="the checksum is another"):
        read_entries(path)
    message = Checkpoint()
    message.value.add(tag="x").maptensor.SetInParent()
    path.write_bytes(message.SerializeToString())
    with pytest.raises(ValueError, match="an entry holds no tensor"):
        read_entries(path)


def test_a_file_beyond_the_format_is_not_read(tmp_path):
    with (tmp_path / "a.ckpt").open("wb") as file:
        file.truncate(1 << 40)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=f"more than {tensor_file.LARGEST} bytes"):
        read_entries(tmp_path / "a.ckpt")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000
