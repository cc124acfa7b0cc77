"""Which files are pictures: what lies in folders, what of it is read, and why the rest is passed over."""

import glob
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from src.data.roles import MASK_FOLDERS, is_named_as_mask, masks_among
from src.utils import UserError

# The formats that Pillow or OpenCV reads, except for icons, vector graphics, documents and films.
_FORMATS = (
    "apng avif avifs blp bmp bw dcx dds dib exr gif hdr im j2c j2k jfif jp2 jpc jpe jpeg jpf jpg jpx mpo pam "
    "pbm pcx pfm pgm pic png pnm ppm psd pxm qoi ras rgb rgba sgi sr tga tif tiff webp xbm xpm"
)
SUFFIXES = frozenset(f".{name}" for name in _FORMATS.split())
# Folders that systems and servers make; what looks like pictures in them are previews or what was thrown away.
_SYSTEM = frozenset(
    {"@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "lost+found", "__macosx"}
    | {"system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"}
)
STDIN = "-"  # what stands for it
_HIDDEN, _TWICE = "hidden", "link to a folder that is read already"


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted by name, without hidden ones. If `folder` is missing, the list is empty."""
    return [path for path in _entries(folder) if path.is_dir()]


def list_pictures(folder: Path, recursive: bool = False) -> list[Path]:
    """The picture files in `folder`, sorted by name. If `folder` is missing, the list is empty.

    A picture is recognised by its suffix, in upper or lower case; hidden files are left out. A link to a file that is
    missing counts as a picture, so that reading it ends in an error: to leave it out would hide the mistake.

    Args:
        recursive: also list the pictures in all folders within, each once: a link to a folder that is read by another
            path is not followed.
    """
    files = _walk(folder)[0] if recursive else [path for path in _entries(folder) if not path.is_dir()]
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def places_of_pictures(folder: Path) -> str:
    """Where under `folder` there are pictures, and how many, for an error message: at most five places."""
    counts = Counter(path.parent.relative_to(folder).as_posix() for path in list_pictures(folder, recursive=True))
    said = [f"{place} {count}" for place, count in sorted(counts.items())]
    return ", ".join(said[:5]) + (", ..." if len(said) > 5 else "") or "none"


def passed_over(folder: Path, used: Iterable[Path]) -> dict[str, int]:
    """How many files under `folder` are not among those `used`, by ending or by what they are."""
    known = set(used)
    files, counts = _walk(folder)
    for path in files:
        if path not in known:
            counts[_kind(path)] += 1
    return dict(sorted(counts.items()))


def passed_over_by(given: str, used: Iterable[Path]) -> dict[str, int]:
    """As `passed_over`, where an option names the pictures (see `pictures_under`). Of a list, and of a single file,
    nothing is passed over."""
    base = Path(given).resolve()
    if given == STDIN or base.is_file():
        return {}
    if base.is_dir():
        return passed_over(base, used)
    known = set(used)
    files = [path for path in map(Path, map(os.path.abspath, _matches(given))) if path.is_file() and path not in known]
    return dict(sorted(Counter(_kind(path) for path in files).items()))


def named(pictures: list[Path], base: Path | None, prefix: str = "") -> dict[str, Path]:
    """The pictures by name. A name is `prefix` followed by the picture's path in `base`, without suffix.

    Args:
        base: a folder that holds the pictures at any depth; None for each picture's own folder.

    Raises:
        UserError: two pictures get the same name, so the results of one would overwrite those of the other.
    """
    result: dict[str, Path] = {}
    for path in pictures:
        name = prefix + path.relative_to(base or path.parent).with_suffix("").as_posix()
        if name in result:
            raise UserError(f"{result[name]} and {path} have the same name; rename or remove one of them")
        result[name] = path
    return result


def pictures_under(given: str, option: str) -> dict[str, Path]:
    """The pictures by name that an option names: a folder with its sub-folders, one picture, a pattern such as
    "new/*.png", or a text file (.txt) of paths, one a line; relative ones start at the list's folder. "-" is such a
    list on standard input, whose relative paths start here.

    Raises:
        UserError: there are none, or two have the same name.
    """
    base = Path(given).resolve()
    if given != STDIN and base.is_dir():
        found = list_pictures(base, recursive=True)
        masks = masks_among(found, base)
        paths = named([path for path in found if path not in masks], base)
    else:
        found = _given(given, base)
        common = Path(os.path.commonpath([path.parent for path in found])) if found else base
        paths = named(found, common)
    if not paths:
        where = "standard input" if given == STDIN else base
        raise UserError(f"no pictures in {where}; give a folder of pictures as --{option}")
    return paths


def _given(given: str, base: Path) -> list[Path]:
    """The pictures of an option that is no folder."""
    if given == STDIN:
        lines = [os.fsdecode(line).strip() for line in sys.stdin.buffer]
        return [Path(os.path.abspath(line)) for line in dict.fromkeys(lines) if line]
    if base.is_file() and base.suffix.lower() == ".txt":
        try:
            lines = base.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read {base}: {error}; give a text file of paths, one a line") from error
        return [Path(os.path.abspath(base.parent / line.strip())) for line in dict.fromkeys(lines) if line.strip()]
    if base.is_file():
        return [base]
    matches = sorted(Path(os.path.abspath(path)) for path in _matches(given))
    found = [path for path in matches if path.is_file() and path.suffix.lower() in SUFFIXES]
    masks = masks_among(found, Path("/"))
    return [path for path in found if path not in masks]


def _matches(pattern: str) -> list[str]:
    """The files and folders that a pattern stands for, without those in folders that systems make."""
    found = glob.glob(str(pattern), recursive=True)
    return [path for path in found if not _SYSTEM & {part.lower() for part in Path(path).parts}]


def _kind(path: Path) -> str:
    """What a file that is not read is called: its ending; of a picture also whether it is a mask, or lies elsewhere."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        return suffix or "without ending"
    mask = is_named_as_mask(path) or MASK_FOLDERS & set(path.parts[-3:-1])
    return f"{suffix} mask" if mask else f"{suffix} elsewhere"


def _entries(folder: Path) -> list[Path]:
    """What is in `folder`, without hidden files, sorted by name: file systems give it in different orders."""
    return [path for path in _all_entries(folder) if not _is_hidden(path)]


def _is_hidden(path: Path) -> bool:
    """Whether people do not see this file or folder, or a system made it for itself."""
    return path.name.startswith(".") or path.name.lower() in _SYSTEM


def _all_entries(folder: Path) -> list[Path]:
    """What is in `folder`, sorted by name."""
    try:
        paths = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}; check its permissions") from error
    return sorted(paths, key=lambda path: path.name)


def _walk(folder: Path) -> tuple[list[Path], Counter]:
    """All files under `folder` in the order of their paths, and how many entries are hidden or linked twice.

    Folders themselves come before links to them, so that a picture keeps the path that it has without the link. No
    folder is read twice, and no link leads to a folder that holds `folder`.
    """
    files, seen, counts, links = [], {folder.resolve()}, Counter(), []
    waiting, above = [folder], set(folder.resolve().parents)
    while waiting or links:
        if not waiting:
            link = links.pop(0)
            if link.resolve() in above or link.resolve() in seen:
                counts[_TWICE] += 1
                continue
            seen.add(link.resolve())
            waiting.append(link)
        for path in _all_entries(waiting.pop()):
            if _is_hidden(path):
                counts[_HIDDEN] += 1
            elif not path.is_dir():
                files.append(path)
            elif path.is_symlink():
                links.append(path)
            elif path.resolve() not in seen:
                seen.add(path.resolve())
                waiting.append(path)
    return sorted(files, key=lambda path: path.parts), counts
