"""manifest.json, which preprocess.py writes beside the C++ runner's input files and postprocess.py reads."""

from dataclasses import dataclass
from pathlib import Path

from src.data.samples import Sample
from src.deploy.description import Description
from src.deploy.description_file import is_description
from src.options import is_option
from src.trust.json_file import read_json, write_sealed_json
from src.trust.names import file_name
from src.trust.schema import has, has_at_least, if_given, is_a, is_text, list_of, one_of, optional

MANIFEST = "manifest.json"
_IS_ENTRY = has(file=is_text, name=is_text, image=is_text, label=one_of(0, 1), defect=is_text, mask=optional(is_text))
_IS_MANIFEST = has_at_least(category=is_text, model=is_description, samples=list_of(_IS_ENTRY))
_NEWER = if_given(bit_depth=optional(is_option("eval", "bit_depth")), found=optional(is_a(dict)))


@dataclass(frozen=True)
class Entry:
    """A test picture (`sample`), and the name of the input file (`file`) that was made of it."""

    file: str
    sample: Sample

    def to_json(self) -> dict:
        """The JSON object; its paths are absolute."""
        return {
            "file": self.file,
            "name": self.sample.name,
            "image": str(self.sample.picture.resolve()),
            "label": self.sample.label,
            "defect": self.sample.defect,
            "mask": str(self.sample.mask.resolve()) if self.sample.mask else None,
        }

    @classmethod
    def from_json(cls, value: dict) -> "Entry":
        """From a JSON object of these keys."""
        sample = Sample(
            picture=Path(value["image"]),
            label=value["label"],
            defect=value["defect"],
            mask=Path(value["mask"]) if value["mask"] else None,
            name=value["name"],
        )
        return cls(value["file"], sample)


@dataclass(frozen=True)
class Manifest:
    """What the input files are: the category, the model that they are made for, an entry per test picture, the bits
    that 16-bit files were read with (None: there are none), and what was found (see `Found`)."""

    category: str
    model: Description
    entries: list[Entry]
    bit_depth: int | None = None
    found: dict | None = None

    def write(self, folder: Path) -> None:
        """Write it to `folder`."""
        samples = [entry.to_json() for entry in self.entries]
        said = {"category": self.category, "model": self.model.to_json()}
        said |= {"bit_depth": self.bit_depth, "found": self.found, "samples": samples}
        write_sealed_json(folder / MANIFEST, said)

    @classmethod
    def read(cls, folder: str | Path) -> "Manifest":
        """Read it from `folder`.

        Raises:
            UserError: it is missing, not preprocess.py's, or not as it was written.
        """
        value = read_json(
            Path(folder) / MANIFEST,
            lambda value: _IS_MANIFEST(value) and _NEWER(value),
            "preprocess.py's; run it again",
        )
        for entry in value["samples"]:
            file_name(entry["file"], "manifest.json: input file")
        entries = [Entry.from_json(entry) for entry in value["samples"]]
        category, model = file_name(value["category"], "manifest.json: category"), Description.from_json(value["model"])
        return cls(category, model, entries, value.get("bit_depth"), value.get("found"))
