"""What a kept graph may be: one that was kept by the same user, and that calls no library but our own kernels.

A graph is code: MindSpore runs what its operations name, a function of a library among them. So each kept graph is
sealed by a digest (HMAC-SHA-256) under a key that only the user can read, over the names and contents of its files.
"""

import hmac
import os
import re
import secrets
from pathlib import Path

from src.trust.temporary import temporary_folder

SEAL = "seal"  # the file in a kept graph's folder that holds its digest
_KEY, _KEY_BYTES = ".key", 32
# In a MindIR: the path that names an operation's function (`PATH:FUNCTION`, after a length), and any path of a library.
_FUNCTION = re.compile(rb"\n\tfunc_name\*[\x80-\xff]{0,4}[\x00-\x7f]([^:]{0,4096}):")
_LIBRARY = re.compile(rb"(/[\x20-\x7e]{0,4096}?\.so):")


def user_key(folder: Path) -> bytes:
    """The key of all kept graphs in a folder; made when it is first asked for, readable by the user only."""
    path = folder / _KEY
    if not _is_whole(path):
        with temporary_folder(path) as new:  # where two processes do this at once, a graph of one is compiled once more
            (new / _KEY).touch(0o600)
            (new / _KEY).write_bytes(secrets.token_bytes(_KEY_BYTES))
            os.replace(new / _KEY, path)
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
            foreign = _foreign_libraries(path.read_bytes(), kernels)
            if foreign:
                return f"calls {foreign[0]}, which is not ours"
    except (OSError, UnicodeDecodeError, TypeError) as error:
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


def _foreign_libraries(content: bytes, kernels: Path | None) -> list[str]:
    """The paths of all libraries but our kernels that a MindIR names, sorted.

    Its bytes are searched, because to parse the graph of a training step takes a second.
    """
    ours = str(kernels).encode()
    found = {match[1] for match in _FUNCTION.finditer(content) if match[1] != ours}
    found |= {match[1] for match in _LIBRARY.finditer(content) if not match[1].endswith(ours)}  # it may have a prefix
    return sorted(path.decode(errors="backslashreplace") for path in found)
