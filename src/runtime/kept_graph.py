"""What a kept graph may be: one that was kept by the same user, and that calls no library but our own kernels.

A graph is code: MindSpore runs what its operations name, a function of a library among them. So each kept graph is
sealed by a digest (HMAC-SHA-256) under a key that only the user can read, over the names and contents of its files.
"""

import hmac
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError, Message
from mindspore.train import mind_ir_pb2 as ir

SEAL = "seal"  # the file in a kept graph's folder that holds its digest
_KEY, _KEY_BYTES = ".key", 32


def user_key(folder: Path) -> bytes:
    """The key of all kept graphs in a folder; made when it is first asked for, readable by the user only."""
    path = folder / _KEY
    if not _is_whole(path):
        handle, name = tempfile.mkstemp(prefix=_KEY, dir=folder)  # readable by the user only
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        os.replace(name, path)  # where two processes do this at once, a graph of one is compiled once more
    return path.read_bytes()


def _is_whole(path: Path) -> bool:
    """Whether a key is there, of its length, and nobody else's to read."""
    if not path.is_file() or path.is_symlink():
        return False
    status = path.stat()
    return status.st_size == _KEY_BYTES and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def seal(graph: Path, key: bytes) -> None:
    """Write the digest of a kept graph's files."""
    (graph / SEAL).write_text(_digest(graph, key))


def problem_of(graph: Path, key: bytes, kernels: Path | None) -> str | None:
    """Why a kept graph must not be run, or None if it may be.

    Args:
        kernels: the library that its operations may call; None: none.
    """
    try:
        found = (graph / SEAL).read_text(encoding="ascii")
        if not hmac.compare_digest(found, _digest(graph, key)):
            return "is not as it was kept"
        for path in sorted(graph.rglob("*.mindir")):
            model = ir.ModelProto()
            model.ParseFromString(path.read_bytes())
            foreign = sorted({text for text in _libraries(model) if text != str(kernels)})
            if foreign:
                return f"calls {foreign[0]}, which is not ours"
    except (OSError, UnicodeDecodeError, TypeError, DecodeError) as error:
        return f"is damaged ({error})"
    return None


def _digest(graph: Path, key: bytes) -> str:
    """The keyed digest of the names and contents of a folder's files, without the seal."""
    digest = hmac.new(key, digestmod="sha256")
    for path in sorted(graph.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise OSError(f"{path.name} is neither a file nor a folder")
        if path.is_file() and path != graph / SEAL:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(graph)}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _libraries(model: Message) -> Iterator[str]:
    """The paths of all libraries that operations of a model name: `PATH:FUNCTION`, as MindSpore's Custom takes them."""
    attributes = [attribute for primitive in model.primitives for attribute in primitive.attribute]
    for graph in (model.graph, *model.functions):
        attributes += [a for node in graph.node for a in (*node.attribute, *node.node_attr, *node.primal_attr)]
    while attributes:
        attribute = attributes.pop()
        attributes.extend(attribute.values)
        for content in (attribute.s, *attribute.strings):
            text = content.decode(errors="replace")
            path, colon, _ = text.rpartition(":")
            if attribute.name == "func_name" and colon:
                yield path
            elif ".so:" in text or text.endswith(".so"):
                yield path.removeprefix("Custom__") if colon else text
