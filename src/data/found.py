"""What a program has found before it begins: pictures, their types, sizes and bits, masks, and files passed over."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from src.data.decoding import depth_of, highest_value, read_header
from src.data.roles import is_named_as_mask
from src.data.samples import MAX_MEGAPIXELS, Reading, Sample
from src.utils import UserError, log


@dataclass(frozen=True)
class _Look:
    """What is known of a picture before it is decoded; of a 16-bit file also its highest value."""

    size: str
    highest: int | None


@dataclass(frozen=True)
class Found:
    """What was found. The attributes' names are keys of results.

    Attributes:
        pictures, masks: how many.
        unreadable: how many of the pictures have no header that can be read; the reason comes when they are decoded.
        types: the pictures by ending.
        sizes: the readable pictures by width and height as they are stored, the largest area last.
        bits: the readable pictures by the bits of a stored value, "8" (and fewer) or "16".
        bit_depth: the bits that values of 16-bit files are taken to use; None where there are no such files.
        highest: their highest value; None likewise.
        passed_over: files that are not read, by ending or by what they are.
        named_as_masks: the pictures whose names end as those of masks do, and beside which there is no picture of the
            name without that: whether they are masks cannot be known.
    """

    pictures: int
    masks: int
    unreadable: int
    types: dict[str, int]
    sizes: dict[str, int]
    bits: dict[str, int]
    bit_depth: int | None
    highest: int | None
    passed_over: dict[str, int]
    named_as_masks: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        samples: Sequence[Sample],
        passed_over: Mapping[str, int],
        bit_depth: int | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> "Found":
        """From the headers of the samples' pictures. Those of 16 bits are decoded, for their highest value.

        Args:
            passed_over: see `Found`.
            bit_depth: of 16-bit files; None: the least of `DEPTHS` that holds the values of all of them.
            max_megapixels: see `Reading`.
        """
        reading = Reading(max_megapixels=max_megapixels)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            looks = [look for look in pool.map(lambda sample: _look(sample, reading), samples) if look is not None]
        deep = [look.highest for look in looks if look.highest is not None]
        sizes = Counter(look.size for look in looks)
        return cls(
            pictures=len(samples),
            masks=sum(sample.mask is not None for sample in samples),
            unreadable=len(samples) - len(looks),
            types=dict(Counter(sample.picture.suffix.lower() or "without ending" for sample in samples).most_common()),
            sizes={size: sizes[size] for size in sorted(sizes, key=_area)},
            bits={bits: count for bits, count in (("8", len(looks) - len(deep)), ("16", len(deep))) if count},
            bit_depth=(bit_depth or depth_of(max(deep))) if deep else None,
            highest=max(deep) if deep else None,
            passed_over=dict(passed_over),
            named_as_masks=[sample.name for sample in samples if is_named_as_mask(sample.picture)],
        )

    def lines(self) -> list[str]:
        """What users are told at the start: a line, and more on the bits of 16-bit files and on what may be masks."""
        parts = [_counted(self.types), *_range(list(self.sizes)), *_in_bits(self.bits)]
        parts += [_number(self.masks, "mask")] if self.masks else []
        parts += [f"{self.unreadable} unreadable"] if self.unreadable else []
        if self.passed_over:
            files = _number(sum(self.passed_over.values()), "file")
            parts.append(f"{files} passed over: {_counted(self.passed_over)}")
        said = [f"found {_number(self.pictures, 'picture')}: {'; '.join(part for part in parts if part)}"]
        if self.bit_depth is not None:
            most = (1 << self.bit_depth) - 1
            text = (
                f"values of 16-bit files are read as {self.bit_depth} bits, 0 to {most}: the highest is {self.highest}"
            )
            said.append(text + (", and what is above becomes white" if self.highest > most else ""))
        if self.named_as_masks:
            count = _number(len(self.named_as_masks), "picture")
            said.append(
                f"warning: {count} named as a mask, with no picture of the rest of the name beside it, and read as a"
                f" picture; the first: {self.named_as_masks[0]}"
            )
        return said if self.pictures else [said[0].replace(": ", ", ", 1) if self.passed_over else "found 0 pictures"]

    def tell(self) -> None:
        """Say the lines."""
        for line in self.lines():
            log.info("%s", line)

    def to_json(self) -> dict[str, Any]:
        """For a result."""
        return asdict(self)


def read_as(samples: Sequence[Sample], reading: Reading) -> list[Sample]:
    """The samples, to be read in this way."""
    return [replace(sample, reading=reading) for sample in samples]


def _look(sample: Sample, reading: Reading) -> _Look | None:
    """A picture's size and, of 16 bits, its highest value; None where it cannot be read."""
    try:
        header = read_header(sample.picture, reading, upright=False)
        highest = highest_value(sample.picture, reading) if header.deep else None
    except UserError:
        return None
    return _Look(f"{header.width}x{header.height}", highest)


def _area(size: str) -> tuple[int, str]:
    width, height = map(int, size.split("x"))
    return width * height, size


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _range(sizes: Sequence[str]) -> list[str]:
    """The one size, or the smallest and the largest of several."""
    if len(sizes) < 2:
        return list(sizes)
    return [f"{sizes[0]} to {sizes[-1]} ({len(sizes)} sizes)"]


def _in_bits(bits: Mapping[str, int]) -> list[str]:
    if len(bits) < 2:
        return [f"{name} bits" for name in bits]
    return [", ".join(f"{count} of {name} bits" for name, count in bits.items())]
