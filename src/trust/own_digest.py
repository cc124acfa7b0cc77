"""A protobuf file that holds its own SHA-256, as an entry of its metadata: it is checked before anything parses it.

The digest is that of the file with zeros in the digest's place.
"""

import hashlib
from pathlib import Path

KEY = "fastflow_sha256"  # of the metadata's entry
EMPTY = "0" * 64  # its value before the file is sealed
_BEFORE = KEY.encode() + b"\x12\x40"  # what stands before the value: the key, and the value's field and length


def _place(content: bytes) -> int:
    """Where the digest begins; it is the last entry of that name."""
    return content.rfind(_BEFORE) + len(_BEFORE)


def _digest(content: bytes, place: int) -> bytes:
    rest = content[place + len(EMPTY) :]
    return hashlib.sha256(content[:place] + EMPTY.encode() + rest).hexdigest().encode()


def seal(path: Path) -> None:
    """Put its digest into a file that has `EMPTY` under `KEY` in its metadata."""
    content = path.read_bytes()
    if content.count(_BEFORE + EMPTY.encode()) != 1:
        raise ValueError(f"{path} has no place for its digest")
    place = _place(content)
    path.write_bytes(content[:place] + _digest(content, place) + content[place + len(EMPTY) :])


def is_whole(content: bytes) -> bool:
    """Whether a file's content is as it was sealed; false also for one that was not."""
    if _BEFORE not in content:
        return False
    place = _place(content)
    return content[place : place + len(EMPTY)] == _digest(content, place)
