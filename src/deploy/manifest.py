"""manifest.json, which preprocess.py writes beside the C++ runner's input files and postprocess.py reads."""

from dataclasses import dataclass
from pathlib import Path

from src.data.samples import Sample
from src.deploy.description import Description
from src.utils import UserError, read_json, write_json

MANIFEST = "manifest.json"


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
        """From a JSON object.

        Raises:
            KeyError, TypeError: a key is missing, or a value has another type.
        """
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
    """What the input files are: the category, the model that they are made for, and an entry per test picture."""

    category: str
    model: Description
    entries: list[Entry]

    def write(self, folder: Path) -> None:
        """Write it to `folder`."""
        samples = [entry.to_json() for entry in self.entries]
        write_json(folder / MANIFEST, {"category": self.category, "model": self.model.to_json(), "samples": samples})

    @classmethod
    def read(cls, folder: str | Path) -> "Manifest":
        """Read it from `folder`.

        Raises:
            UserError: it is missing or not preprocess.py's.
        """
        path = Path(folder) / MANIFEST
        value = read_json(path)
        try:
            entries = [Entry.from_json(entry) for entry in value["samples"]]
            return cls(value["category"], Description.from_json(value["model"]), entries)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is not preprocess.py's; run it again") from error
