"""Regions of interest (`--roi`): which part of a picture is looked at. A mask for all pictures, or one for each."""

import base64
import binascii
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from src.data.content import Content
from src.data.decoding import decode
from src.data.listing import list_pictures
from src.data.marks import marked_pixels
from src.utils import UserError

ONE, EACH = "one", "each"  # the kinds: a mask for all pictures, or one for each picture


@dataclass(frozen=True)
class Roi:
    """Where pictures are looked at. A mask is stretched to its picture, by nearest neighbour.

    Attributes:
        text: of one mask for all pictures: it, as base64 of a PNG of one bit per pixel; else the SHA-256 of all masks.
        files: of a mask for each picture: by their paths in the folder, without endings.
    """

    text: str
    files: Mapping[str, Path] | None = field(default=None, compare=False)

    @classmethod
    def given(cls, given: str) -> "Roi":
        """What `--roi` names: a mask, or a folder of masks.

        Raises:
            UserError: it is missing, no picture, empty, or marks nothing.
        """
        path = Path(given)
        if not path.is_dir():
            return cls(_text_of(_marked(path)))
        files = {file.relative_to(path).with_suffix("").as_posix(): file for file in list_pictures(path, True)}
        if not files:
            raise UserError(f"--roi {given}: no masks in this folder; give a mask, or a folder of one per picture")
        digest = hashlib.sha256()
        for name, file in sorted(files.items()):
            digest.update(name.encode(errors="surrogateescape") + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return cls(digest.hexdigest(), files)

    @property
    def kind(self) -> str:
        """`ONE` or `EACH`."""
        return ONE if self.files is None else EACH

    def of(self, picture_size: Sequence[int], file: Path | None) -> np.ndarray:
        """Where a picture is looked at, bool [H, W] of its own size.

        Args:
            picture_size: its width and height.
            file: where it is; None for one that is in no file.

        Raises:
            UserError: there is no mask for it, or it marks nothing.
        """
        marked = self._whole if self.files is None else _marked(self._file_for(file))
        if marked.shape[::-1] == tuple(picture_size):
            return marked
        resized = np.array(Image.fromarray(marked).resize(tuple(picture_size), Image.Resampling.NEAREST), dtype=bool)
        if not resized.any():
            raise UserError(f"--roi: the mask marks nothing of {file or 'the picture'} at its size; mark more")
        return resized

    @cached_property
    def _whole(self) -> np.ndarray:
        return _of_text(self.text)

    def _file_for(self, picture: Path | None) -> Path:
        """The mask whose path in the folder is the end of the picture's, as long an end as there is."""
        parts = picture.absolute().with_suffix("").parts if picture is not None else ()
        for start in range(len(parts)):
            name = "/".join(parts[start:])
            if name in self.files:
                return self.files[name]
        raise UserError(f"--roi: no mask for {picture or 'a picture without a file'}; add one that is named as it is")


def roi_for(kind: str | None, text: str | None, given: str | None, model: object) -> Roi | None:
    """The region of interest of a model's pictures.

    Args:
        kind: of the model's; None: it was trained without.
        text: that the model holds (see `Roi`).
        given: the value of `--roi`, which comes first.
        model: for messages.

    Raises:
        UserError: the model was trained without one; or with one per picture, and none is given.
    """
    if given is not None and kind is None:
        raise UserError(f"--roi: {model} was trained on whole pictures; train with --roi, or leave it out")
    if given is not None:
        return Roi.given(given)
    if kind == EACH:
        raise UserError(f"{model} was trained with a mask for each picture; give those of these pictures: --roi FOLDER")
    if kind is not None and text is None:
        raise UserError(f"{model} does not say where it looks; train or export it again")
    return None if kind is None else Roi(text)


def is_roi(value: object) -> bool:
    """Whether a value is the `text` of a `Roi`: of a digest's length, or a mask that can be read."""
    if not isinstance(value, str) or not value.isascii():
        return False
    if len(value) == 64 and set(value) <= set("0123456789abcdef"):
        return True
    try:
        return bool(_of_text(value).any())
    except UserError:
        return False


def _text_of(marked: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(marked).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _of_text(text: str) -> np.ndarray:
    try:
        content = Content(base64.b64decode(text, validate=True), "the model's region of interest")
    except binascii.Error as error:
        raise UserError("the model's region of interest is damaged; train or export it again") from error
    return marked_pixels(decode(content))


def _marked(path: Path) -> np.ndarray:
    marked = marked_pixels(decode(path))
    if not marked.any():
        raise UserError(f"--roi {path} marks no pixel; what is looked at must be white, or any colour but black")
    return marked
