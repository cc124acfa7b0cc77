"""PyTorch's files, read without PyTorch: no code in them is run, and every length is checked before an array exists.

Since PyTorch 1.6 a file is a zip archive: `data.pkl` describes the tensors, and each `data/KEY` holds a storage. Older
files, which many published weights are, have five pickles (a magic number, a version, the machine, the value, the keys
of the storages) and behind them the storages, each with its length before it.
"""

import math
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from src.trust import plain_pickle
from src.trust.torch_names import BFLOAT16, Other, Storage, Tensor, find, item_size, stored

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001  # of the files before PyTorch 1.6
_TAR = slice(257, 262), b"ustar"  # of the files before PyTorch 0.1.10
_DAMAGED = (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, RuntimeError, OSError)

Storages = Callable[[str], memoryview]  # the content of the storage with a key; a ValueError if there is none


class RefusedError(ValueError):
    """A whole file, or a tensor in it, that is not read; the text goes on after its name, and says what to do."""


class TorchFile:
    """A PyTorch file: `value` is what was saved, with `Tensor` and `Other` in it; `array` gives a tensor's values.

    Raises:
        plain_pickle.NotPlainError: it holds more than tensors and plain values.
        RefusedError: it is of a format that is not read.
        ValueError: it is damaged, or not PyTorch's.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self._size = len(content)
        read = _read_archive if content.startswith(b"PK") else _read_pickles
        self.value, self._storages = read(content)

    def array(self, tensor: Tensor | Other) -> np.ndarray:
        """A tensor's values; bfloat16 as float32. Arrays of one storage share its memory and cannot be written to.

        Raises:
            RefusedError: the tensor is not dense, not of real numbers, or larger than the file.
            ValueError: it is not inside its storage, or the storage is not as long as it says.
        """
        if not isinstance(tensor, Tensor):
            raise RefusedError("is not a dense tensor of real numbers; save the weights as such")
        if tensor.nbytes > self._size:  # a view that repeats a few values
            raise RefusedError("is larger than the file; save model.state_dict()")
        content = self._storages(tensor.storage.key)
        if len(content) != tensor.storage.nbytes:
            raise ValueError("a storage's length is not that of its type")
        return _view(content, tensor)


def is_torch(path: Path) -> bool:
    """Whether a file begins as a zip archive or a pickle, or is a tar archive, as PyTorch's are or were."""
    with path.open("rb") as file:
        head = file.read(512)
    return head[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or head[_TAR[0]] == _TAR[1]


def _view(content: memoryview, tensor: Tensor) -> np.ndarray:
    """The elements of a storage that a tensor consists of."""
    is_bfloat16, size = tensor.dtype == BFLOAT16, item_size(tensor.dtype)
    dtype = np.dtype("<u2" if is_bfloat16 else tensor.dtype).newbyteorder("<")
    if math.prod(filter(None, tensor.shape)) > 1 << 40:  # of an empty one
        raise ValueError("a tensor has too long dimensions")
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, np.float32 if is_bfloat16 else dtype)
    last = tensor.offset + sum((length - 1) * stride for length, stride in zip(tensor.shape, tensor.strides))
    if (last + 1) * size > len(content):
        raise ValueError("a tensor is not inside its storage")
    flat = np.frombuffer(content[tensor.offset * size : (last + 1) * size], dtype)
    strides = [stride * size if length > 1 else 0 for length, stride in zip(tensor.shape, tensor.strides)]
    array = np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False)
    if dtype == np.bool_ and flat.view(np.uint8).max() > 1:
        raise ValueError("a truth value is neither 0 nor 1")
    return (array.astype(np.uint32) << 16).view(np.float32) if is_bfloat16 else array


def _read_archive(content: bytes) -> tuple[Any, Storages]:
    """The value and the storages of a zip archive, all of whose members are compared with their checksums."""
    try:
        archive = zipfile.ZipFile(BytesIO(content))
        members = {member.filename: member for member in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise ValueError("a member stands there twice")
        if any(name.endswith("/constants.pkl") for name in members):
            raise RefusedError("is a model in TorchScript; where it was made, save model.state_dict()")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise RefusedError("is a compressed archive, which PyTorch does not write; get the file again")
        if sum(member.file_size for member in members.values()) > len(content):
            raise ValueError("members that overlap")
        for member in members.values():
            member.CRC = member.CRC or None  # PyTorch can be told to write none
            with archive.open(member) as file:
                while file.read(1 << 20):
                    pass
    except _DAMAGED as error:
        raise ValueError(str(error)) from error
    described = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(described) != 1:
        raise ValueError("not one value in the archive")
    folder = described[0].partition("/")[0]
    order = members.get(f"{folder}/byteorder")
    if order and archive.read(order) != b"little":
        raise RefusedError("is of a machine with the other order of bytes; save it again on a common PC")

    @cache
    def storage(key: str) -> memoryview:
        if f"{folder}/data/{key}" not in members:
            raise ValueError("a storage is missing")
        return memoryview(archive.read(members[f"{folder}/data/{key}"]))

    return plain_pickle.load(BytesIO(archive.read(described[0])), find, stored), storage


def _read_pickles(content: bytes) -> tuple[Any, Storages]:
    """The value and the storages of a file as PyTorch wrote it before 1.6."""
    found: dict[str, Storage] = {}

    def noted(reference: Any) -> Storage:
        storage = stored(reference)
        if found.setdefault(storage.key, storage) != storage:
            raise ValueError("a storage has two types or lengths")
        return storage

    file = BytesIO(content)
    if content[_TAR[0]] == _TAR[1] or plain_pickle.load(file, find, stored) != _MAGIC:
        raise RefusedError(
            "is not a PyTorch file of version 0.1.10 or newer; where PyTorch can read it, save it again with "
            "torch.save(model.state_dict(), FILE)"
        )
    version, machine = (plain_pickle.load(file, find, stored) for _ in range(2))
    if version != _VERSION or not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise RefusedError("is of another machine or version of PyTorch; save it again with a new one on a common PC")
    value, keys = plain_pickle.load(file, find, noted), plain_pickle.load(file, find, stored)
    if not isinstance(keys, list) or len(keys) != len(found) or not all(isinstance(key, str) for key in keys):
        raise ValueError("not the keys of the storages")
    view, place = memoryview(content), file.tell()
    storages: dict[str, memoryview] = {}
    for key in keys:
        storage = found.get(key)
        start, place = place + 8, place + 8 + (storage.nbytes if storage else 0)
        if storage is None or place > len(content) or key in storages:
            raise ValueError("a storage is missing")
        if int.from_bytes(content[start - 8 : start], "little") != storage.count:
            raise ValueError("a storage's length is not that of the value")
        storages[key] = view[start:place]
    return value, storages.__getitem__
