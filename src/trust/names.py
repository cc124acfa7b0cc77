"""Names from outside: as paths that stay in their folder, and as text of one line."""

from pathlib import Path, PurePosixPath

from src.utils import UserError, shown


def file_name(name: str, what: str) -> str:
    """The name itself, if a file or folder can be called so: one part of a path, of characters that can be shown.

    Args:
        what: whose name it is, for the message: "category".

    Raises:
        UserError: it cannot.
    """
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        raise UserError(f"{what} '{shown(name)}' cannot name a file; give it a name without / and control characters")
    return name


def path_in(folder: Path, name: str, what: str, ending: str = "") -> Path:
    """The path of an outside name in a folder; a "/" in it makes sub-folders.

    Args:
        what: whose name it is, for the message.
        ending: is put behind the name.

    Raises:
        UserError: the path would leave the folder, or name the folder itself.
    """
    path = PurePosixPath(name)
    if not name or "\0" in name or path.is_absolute() or ".." in path.parts or not path.parts:
        raise UserError(f"{what} '{shown(name)}' leads out of {folder}; give it a path in that folder")
    return folder / f"{path}{ending}"
