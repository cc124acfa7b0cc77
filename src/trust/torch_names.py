"""What PyTorch's names in a pickle stand for: tensors are described, not made, and nothing of PyTorch is imported.

The names are those that `torch.load(weights_only=True)` allows, as far as weights need them. What describes no dense
tensor of real numbers becomes `Other`, which has no value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.trust.plain_pickle import Maker

_LARGEST_RANK = 32  # NumPy's
BFLOAT16 = "bfloat16"  # NumPy has no such type
_DTYPES: Mapping[str, str] = {
    **{"Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": BFLOAT16, "Bool": "bool"},
    **{"Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8"},
}
_OTHER_STORAGES: Mapping[str, int] = {  # bytes per element
    **{"ComplexDouble": 16, "ComplexFloat": 8, "QInt32": 4, "QInt8": 1, "QUInt8": 1, "QUInt4x2": 1, "QUInt2x4": 1},
    "Untyped": 1,
}
_OTHER_DTYPES = (
    *("complex32", "complex64", "complex128", "qint8", "qint32", "quint8", "quint4x2", "quint2x4"),
    *("uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"),
    *("float8_e8m0fnu", "float4_e2m1fn_x2"),
)
_OTHER_TENSORS = ("sparse_tensor", "qtensor", "meta_tensor_no_storage", "nested_tensor")
_OTHER_NAMES = (
    *("torch.Tensor", "torch.device", "torch.serialization._get_layout", "torch.nn.parameter.Parameter"),
    *("torch.per_tensor_affine", "torch.per_tensor_symmetric", "torch.per_channel_affine"),
    *("torch.per_channel_symmetric", "torch.per_channel_affine_float_qparams"),
    *("builtins.complex", "builtins.bytearray", "__builtin__.complex", "__builtin__.bytearray", "collections.Counter"),
)


@dataclass(frozen=True)
class Storage:
    """Values that are stored outside the pickle: their key, number, bytes each, and type (None: not supported)."""

    key: str
    count: int
    item_size: int
    dtype: str | None

    @property
    def nbytes(self) -> int:
        """The bytes of all values."""
        return self.count * self.item_size


@dataclass(frozen=True)
class Tensor:
    """A tensor: its storage, where in it the first element is, its shape, and its strides; in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str | None

    @property
    def nbytes(self) -> int:
        """The bytes of its elements, also where several are the same place in the storage."""
        size = item_size(self.dtype)
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class Other:
    """A value that weights do not need; `is_tensor`: it is a tensor, but not a dense one of real numbers."""

    is_tensor: bool = False


def is_tensor(value: Any) -> bool:
    """Whether a value of a file is a tensor, of whatever kind."""
    return isinstance(value, Tensor) or (isinstance(value, Other) and value.is_tensor)


def item_size(dtype: str) -> int:
    """Bytes per element."""
    return 2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize


def find(name: str) -> Maker | None:
    """What a name stands for; None: it is not allowed."""
    return _MAKERS.get(name)


def stored(reference: Any) -> Storage:
    """The storage that a pickle refers to: ("storage", its type, its key, the device, its length).

    Raises:
        ValueError: it refers to something else.
    """
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
        raise ValueError("a reference to no storage")
    _, kind, key, _, count, *view = reference
    name = kind.name.removesuffix("Storage").rpartition(".")[2] if isinstance(kind, Maker) else ""
    known = name in _DTYPES or name in _OTHER_STORAGES
    if not known or not isinstance(key, str) or not _is_size(count) or view not in ([], [None]):
        raise ValueError("a reference to a storage that is not valid")
    dtype = _DTYPES.get(name)
    return Storage(key, count, item_size(dtype) if dtype else _OTHER_STORAGES[name], dtype)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def _tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, *more: Any, dtype: str | None = None
) -> Tensor | Other:
    """What torch._utils._rebuild_tensor makes; `more`: whether it has a gradient, its hooks, and its flags."""
    flags = more[2] if len(more) > 2 else None
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise ValueError("a tensor of no storage")
    if not all(map(_is_size, (offset, *shape, *strides))) or not len(shape) == len(strides) <= _LARGEST_RANK:
        raise ValueError("a tensor's shape is not valid")
    dtype = dtype or storage.dtype
    if dtype is None or flags:  # flags: its values are the negative or the conjugate of the stored ones
        return Other(is_tensor=True)
    return Tensor(storage, offset, shape, strides, dtype)


def _tensor_of_type(storage: Any, offset: Any, shape: Any, strides: Any, *more: Any) -> Tensor | Other:
    """torch._utils._rebuild_tensor_v3: the storage is of bytes, and a type follows the hooks."""
    dtype = more[2].name.removeprefix("torch.") if len(more) > 2 and isinstance(more[2], Maker) else ""
    if dtype not in _DTYPES.values():
        return Other(is_tensor=True)
    return _tensor(storage, offset, shape, strides, *more[:2], *more[3:], dtype=dtype)


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _subclass(maker: Any, _: Any, arguments: Any, *__: Any) -> Any:
    """A tensor with attributes of its own, which are left out."""
    if not isinstance(maker, Maker) or maker.make is _subclass or not isinstance(arguments, tuple):
        raise ValueError("a tensor that nothing makes")
    return maker.make(*arguments)


def _mapping(items: Any = ()) -> dict:
    if items:
        raise ValueError("an OrderedDict that is not made empty")
    return {}


def _bytes(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError("bytes in another encoding than latin1")
    return text.encode("latin1")


def _makers() -> dict[str, Maker]:
    found = {f"torch.{kind}Storage": _other for kind in (*_DTYPES, *_OTHER_STORAGES)}
    found |= dict.fromkeys(("torch.storage.UntypedStorage", *_OTHER_NAMES), _other)
    found |= {f"torch.{dtype}": _other for dtype in (*_DTYPES.values(), *_OTHER_DTYPES)}
    found |= {f"torch._utils._rebuild_{kind}": _other_tensor for kind in _OTHER_TENSORS}
    found |= {f"torch._utils._rebuild_tensor{version}": _tensor for version in ("", "_v2")}
    found |= {f"torch._utils._rebuild_parameter{kind}": _parameter for kind in ("", "_with_state")}
    found |= {f"{module}.set": list for module in ("builtins", "__builtin__")}
    found |= {
        "torch._utils._rebuild_tensor_v3": _tensor_of_type,
        "torch._tensor._rebuild_from_type_v2": _subclass,
        "torch.Size": tuple,
        "collections.OrderedDict": _mapping,
        "_codecs.encode": _bytes,
    }
    return {name: Maker(name, make) for name, make in found.items()}


def _other(*_: Any) -> Other:
    return Other()


def _other_tensor(*_: Any) -> Other:
    return Other(is_tensor=True)


_MAKERS: Mapping[str, Maker] = _makers()
