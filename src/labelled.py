"""A category's test pictures with their labels and masks: what a model is judged by. No MindSpore here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from src.data.decoding import read_header
from src.data.framing import Framing, framing_of
from src.data.masks import missing_mask, read_mask, told
from src.data.pictures import open_rgb, reduced_to
from src.data.samples import Sample, has_masks
from src.data.several import UnusableFiles, problems_of, together
from src.dataset import AnyImages, Images
from src.full_masks import FullMasks
from src.option import Size
from src.tiles import SHOWN, TiledPictures
from src.utils import log


@dataclass(frozen=True)
class TestSet:
    """A category's test pictures.

    Attributes:
        samples: what is known of each.
        images: [N, H, W, C] uint8, RGB or RGBA, or `Images` like that; or the pictures, which are looked at in tiles.
        masks: [N, H, W] bool; of pictures in tiles, of their own sizes; None where the category has none.
        labels: [N] bool, true for defective.
        protocol: how the masks were resized.
        sizes: width and height of pictures that have been decoded, by index; see `size_of`.
        doubtful_masks: what may be wrong with the masks (see `told`).
        framing: how pictures became images; None: they were stretched.
    """

    __test__ = False  # pytest takes a class of this name for tests

    samples: list[Sample]
    images: AnyImages
    masks: np.ndarray | FullMasks | None
    labels: np.ndarray
    protocol: str
    sizes: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    doubtful_masks: dict[str, Any] = field(default_factory=dict)
    framing: Framing | None = None

    @classmethod
    def load(
        cls, samples: list[Sample], framing: Framing | Size, protocol: str, workers: int | None, keep: bool
    ) -> "TestSet":
        """Decode and resize pictures and masks in `workers` threads; says what is doubtful in the masks.

        Args:
            framing: how pictures become images, or the size to which they are stretched.
            protocol: how masks are resized (see `read_mask`).
            keep: decode the pictures now and keep them. Otherwise each is decoded when it is asked for, which needs
                less memory and is right for one pass over them.

        Raises:
            UnusableFiles: masks, or pictures that are decoded now, cannot be used.
        """
        labels = np.array([sample.label for sample in samples], bool)
        framing, masks, doubtful = framing_of(framing), None, {}
        if framing.tiling is not None:
            return cls._of_tiles(samples, labels, framing, protocol, workers)
        images = Images(samples, framing, workers)
        if has_masks(samples):
            load = partial(load_masks, samples, framing, protocol, workers)
            try:
                masks, doubts = load()
            except UnusableFiles:  # then those of the pictures are named, too
                together(load, images.check)
                raise
            doubtful = _tell(doubts, labels)
        kept = images[range(len(samples))] if keep else images
        return cls(samples, kept, masks, labels, protocol, images.sizes, doubtful, framing)

    @classmethod
    def _of_tiles(
        cls, samples: list[Sample], labels: np.ndarray, framing: Framing, protocol: str, workers: int | None
    ) -> "TestSet":
        """Pictures that are looked at in tiles: pictures and masks stay at their own sizes, and on the disk."""
        masks, doubtful = None, {}
        if has_masks(samples):
            masks = FullMasks(samples, protocol)
            doubtful = _tell(masks.check(workers), labels)
        return cls(samples, TiledPictures(samples, framing), masks, labels, protocol, {}, doubtful, framing)

    def size_of(self, index: int) -> tuple[int, int]:
        """Width and height of a picture's file, upright."""
        if index in self.sizes:
            return self.sizes[index]
        header = read_header(self.samples[index].picture, self.samples[index].reading)
        return header.width, header.height

    def of_picture(self, array: np.ndarray, index: int) -> np.ndarray:
        """The part of a picture's image, map or mask, [H, W, ...], that covers the picture."""
        if self.framing is None or self.framing.tiling is not None:
            return array  # it covers the picture
        return self.framing.of_picture(array, self.size_of(index))

    def image(self, index: int) -> np.ndarray:
        """A picture as people see it: uint8 RGB [h, w, 3], of the network's size, or in tiles of `SHOWN`, or less."""
        if isinstance(self.images, TiledPictures):
            return reduced_to(open_rgb(self.samples[index].picture, self.samples[index].reading), SHOWN)
        return self.of_picture(self.images[index], index)[..., :3]

    def mask(self, index: int) -> np.ndarray | None:
        """A picture's mask, bool [h, w], which covers what `image` does; None where the category has none."""
        return None if self.masks is None else self.of_picture(self.masks[index], index)


def load_masks(
    samples: Sequence[Sample], framing: Framing | Size, protocol: str = "nearest", workers: int | None = None
) -> tuple[np.ndarray, dict[str, str]]:
    """The samples' masks in their order: bool [N, H, W] (see `read_mask`); a good picture's is empty. And by name
    of a sample what is doubtful in its mask.

    Raises:
        UnusableFiles: a defective picture has no mask (ask `has_masks` first), a mask cannot be read, or its size
            is not its picture's.
    """
    framing = framing_of(framing)
    result = np.zeros((len(samples), *framing.size), bool)
    doubts: dict[int, str | None] = {}

    def load(index: int) -> None:
        sample = samples[index]
        if sample.mask is not None:
            mask = read_mask(sample.mask, framing, protocol, sample.picture, sample.reading)
            result[index], doubts[index] = mask.marked, mask.doubt
        elif sample.label:
            raise missing_mask(sample.picture)

    problems = problems_of(load, len(samples), workers)
    if problems:
        raise UnusableFiles({samples[index].mask or samples[index].picture: text for index, text in problems.items()})
    return result, {samples[index].name: doubt for index, doubt in sorted(doubts.items()) if doubt}


def _tell(doubts: Mapping[str, str], labels: np.ndarray) -> dict[str, Any]:
    """Say what is doubtful in masks, by name of a sample; what results say of it."""
    doubtful, lines = told(doubts, int(labels.sum()))
    for line in lines:
        log.warning(line)
    return doubtful
