"""Damaged and hostile files, made of whole ones; the same seed makes the same ones."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from mindspore.train.checkpoint_pb2 import Checkpoint

from src.trust import digest

HOSTILE = [
    None, True, False, 0, -1, 3, 2**31, 2**63, 10**30, -(10**400), 1e308, 0.5, "", "x", "../../x", "/etc/passwd",
    "a\nerror: b", "\x1b[2J", "\ud800", "x" * 5000, "nan", [], [None], [[]], {}, {"a": 1}, [1, 2, 3, 4], "BGR", 1e-320,
]  # fmt: skip


def flip(content: bytes, rng: random.Random) -> bytes:
    """One bit is another."""
    place, changed = rng.randrange(len(content)), bytearray(content)
    changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(content: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return content[: rng.randrange(len(content))]


def overwrite(content: bytes, rng: random.Random) -> bytes:
    """Some bytes are others: random ones, or the largest."""
    place, count = rng.randrange(len(content)), rng.randrange(1, 24)
    other = rng.randbytes(count) if rng.random() < 0.5 else b"\xff" * count
    return content[:place] + other + content[place + count :]


def repeat(content: bytes, rng: random.Random) -> bytes:
    """A part stands there once more, or something stands behind the end."""
    start = rng.randrange(len(content))
    part = content[start : start + rng.randrange(1, 2000)]
    return content[:start] + part + content[start:] if rng.random() < 0.5 else content + part


RAW: list[Callable[[bytes, random.Random], bytes]] = [flip, truncate, overwrite, repeat]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of everything in a JSON value."""
    for key, entry in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(entry, (dict, list)):
            yield from _places(entry)


def change_json(value: dict, rng: random.Random) -> dict:
    """An object with one entry of another type or value, missing, or too much; and sealed as if it were ours."""
    changed = copy.deepcopy(value)
    container, key = rng.choice(list(_places(changed)))
    action = rng.randrange(4)
    if action == 0:
        del container[key]
    elif action == 1 and isinstance(container, dict):
        container[rng.choice(["more", "../x", "a\nb", ""])] = rng.choice(HOSTILE)
    else:
        container[key] = rng.choice(HOSTILE)
    if digest.KEY in changed and rng.random() < 0.7:
        changed[digest.KEY] = digest.of_object(changed)
    return changed


def change_json_file(content: bytes, rng: random.Random) -> bytes:
    """`change_json` of a file."""
    return json.dumps(change_json(json.loads(content), rng)).encode()


def _entry(message: Checkpoint, name: str, text: str) -> None:
    (entry,) = [entry for entry in message.value if entry.tag == name]
    entry.tensor.tensor_content = text.encode("utf-32-le", errors="surrogatepass")


def change_checkpoint(content: bytes, rng: random.Random) -> bytes:
    """A well-formed checkpoint in which one entry claims something else, or that says something else of itself."""
    message = Checkpoint.FromString(content)
    entry = rng.choice(message.value)
    action = rng.randrange(9)
    if action == 0:
        entry.tensor.dims[:] = [rng.choice([0, -1, 1, 2**31, 2**62, -(2**63), 10**9]) for _ in range(rng.randrange(6))]
    elif action == 1:
        entry.tensor.tensor_type = rng.choice(["Float64", "Int8", "str", "BFloat16", "Bool", "Int4", "", "x\n"])
    elif action == 2:
        entry.tag = rng.choice(["", "a\nb", "../x", message.value[0].tag, "x" * 10000])
    elif action == 3:
        entry.tensor.tensor_content = entry.tensor.tensor_content[: rng.randrange(40)]
    elif action == 4:
        message.value.add().CopyFrom(entry)
    elif action == 5:
        entry.ClearField("tensor")
    elif action == 6 and entry.tensor.tensor_type == "Float32":
        size = len(entry.tensor.tensor_content)
        entry.tensor.tensor_content = rng.choice([b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f"]) * (size // 4)
    else:
        texts = [entry for entry in message.value if entry.tag == "fastflow_meta"]
        if texts:
            said = json.loads(texts[0].tensor.tensor_content.decode("utf-32-le"))
            _entry(message, "fastflow_meta", json.dumps(change_json(said, rng)))
    return message.SerializePartialToString()


STRUCTURED: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "detector": change_checkpoint,
    "state": change_checkpoint,
    "foreign checkpoint": change_checkpoint,
    **dict.fromkeys(("description", "manifest", "training's result", "evaluation's result"), change_json_file),
    "result's options": change_json_file,
}
