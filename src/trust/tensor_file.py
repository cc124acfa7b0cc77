"""MindSpore's checkpoint format, read with every length checked before an array exists.

MindSpore's own reader (2.10) copies the bytes of a tensor into memory of the shape that the file declares and compares
neither, so a damaged or crafted file overwrites memory. The format is a protobuf message, and no code in it is run: a
list of entries, each with a name, a type, a shape and bytes. A large tensor is several entries of one name, one after
another. A text is an entry of the type "str", as UTF-32.
"""

import zlib
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from mindspore.train.checkpoint_pb2 import Checkpoint

LARGEST = (1 << 31) - 1  # bytes: a protobuf message has no more
_TEXT = "str"
_TYPES = {name: np.dtype(name.lower()) for name in ("Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Int64")}
_TYPES |= {name: np.dtype(name.lower()) for name in ("UInt64", "Float16", "Float32", "Float64", "Bool")}
_TYPES |= {"BFloat16": np.dtype(np.uint16)}  # widened to float32 below: NumPy has no such type
_CHECKSUM, _CHECKSUM_SIZE = b"crc_num", 10  # what `save_checkpoint(crc_check=True)` ends a file with


def read_entries(path: Path) -> dict[str, np.ndarray | str]:
    """The arrays and texts of a file by name. The arrays share the file's bytes and cannot be written to.

    Raises:
        ValueError: the file is no such message, or an entry's name, type, shape or length is not valid.
        OSError: it cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    message = Checkpoint()
    try:
        message.ParseFromString(_without_checksum(path.read_bytes()))
        found: dict[str, list] = {}
        for entry in message.value:
            if not entry.HasField("tensor"):
                raise ValueError("an entry holds no tensor")
            if entry.tag in found and next(reversed(found)) != entry.tag:
                raise ValueError("a name stands there twice")
            found.setdefault(entry.tag, []).append(entry.tensor)
        if not found:
            raise ValueError("no entry")
        return {_checked(name): _value(parts) for name, parts in found.items()}
    except (DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error


def _without_checksum(content: bytes) -> bytes:
    """The message without MindSpore's CRC-32 behind it, which is compared if it is there."""
    size = len(_CHECKSUM) + _CHECKSUM_SIZE
    if content[-size:-_CHECKSUM_SIZE] != _CHECKSUM:
        return content
    message = content[:-size]
    if zlib.crc32(message) != int.from_bytes(content[-_CHECKSUM_SIZE:], "big"):
        raise ValueError("the checksum is another")
    return message


def _checked(name: str) -> str:
    if not name or not name.isprintable():
        raise ValueError("a name is not valid")
    return name


def _value(parts: list) -> np.ndarray | str:
    """The array or text that an entry's parts hold together."""
    kinds = {(part.tensor_type, tuple(part.dims)) for part in parts}
    if len(kinds) > 1:
        raise ValueError("the parts of a tensor differ in type or shape")
    kind, shape = kinds.pop()
    content = b"".join(part.tensor_content for part in parts) if len(parts) > 1 else parts[0].tensor_content
    if kind == _TEXT:
        return content.decode("utf-32-le")
    if kind not in _TYPES:
        raise ValueError("a type is not known")
    return _array(content, _TYPES[kind], shape, kind == "BFloat16")


def _array(content: bytes, dtype: np.dtype, shape: tuple[int, ...], is_bfloat16: bool) -> np.ndarray:
    """The bytes as an array, once their length is that of the shape and type."""
    shape = () if shape == (0,) else shape  # MindSpore's scalars
    count = 1
    for size in shape:  # not NumPy's product, which overflows
        if size < 0:
            raise ValueError("a dimension is negative")
        count *= size
    if count * dtype.itemsize != len(content):
        raise ValueError("a tensor's length is not that of its shape and type")
    array = np.frombuffer(content, dtype.newbyteorder("<")).reshape(shape)
    if dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError("a truth value is neither 0 nor 1")
    return (array.astype(np.uint32) << 16).view(np.float32) if is_bfloat16 else array
