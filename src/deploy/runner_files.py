"""The two ends of the C++ runner: a test set -> its input files and a manifest; its output files -> figures.

Neither needs MindSpore: they can run on the machine that holds the device.
"""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from src import evaluation
from src.config import Options
from src.data.pictures import load_image
from src.data.samples import Sample
from src.data.source import Source, with_split
from src.dataset import TestSet, normalize
from src.report.console import bar
from src.utils import UserError, check_writable, log, read_json, write_json

MANIFEST = "manifest.json"


def read_description(mindir: str) -> dict:
    """The JSON that export.py writes beside an exported file.

    Raises:
        UserError: it is missing or not export.py's.
    """
    path = Path(f"{mindir}.json")
    if not Path(mindir).is_file() or not path.is_file():
        raise UserError(f"{mindir} or {path.name} beside it is missing; export both with export.py")
    description = read_json(path)
    try:
        outputs = {output["name"] for output in description["outputs"]}
        complete = len(description["input"]["shape"]) == 4 and "category" in description
    except (KeyError, TypeError):
        complete = False
    if not complete:
        raise UserError(f"{path} is not export.py's; export the model again")
    if not {"anomaly_map", "score"} <= outputs:
        raise UserError(f"{mindir} gives no anomaly map; export it with --outputs map")
    return description


def read_manifest(folder: str) -> dict:
    """What `preprocess` wrote beside the pictures.

    Raises:
        UserError: it is missing or not preprocess.py's.
    """
    path = Path(folder) / MANIFEST
    manifest = read_json(path)
    if not {"category", "model", "samples"} <= set(manifest):
        raise UserError(f"{path} is not preprocess.py's; run it again")
    return manifest


def preprocess(options: Options) -> Path:
    """What `preprocess.py` does: a float32 `.bin` (3, S, S) per test picture, and a manifest; returns its path.

    The folder is written beside and renamed, so that no file of an earlier run is among the new ones.

    Raises:
        UserError: anything wrong with the input, or a folder that holds what this program did not write.
    """
    description = read_description(options.mindir_path)
    category = options.category or description["category"]
    if not category:
        raise UserError(f"{options.mindir_path} does not say its category; give --category")
    spec = description["input"]
    options = with_split(options, description.get("split")).resolved(category=category)
    samples = Source.of(options).test()
    target = Path(options.img_dir).resolve()
    if target.exists() and not is_replaceable(target):
        raise UserError(f"--img_dir {target} holds what preprocess.py did not write; give a folder of its own")
    check_writable(target / MANIFEST if target.exists() else target)
    try:
        with tempfile.TemporaryDirectory(prefix=".preprocess.", dir=target.parent) as temporary:
            folder = Path(temporary) / target.name
            folder.mkdir()
            entries = [write_picture(folder, i, sample, spec) for i, sample in enumerate(bar(samples, "writing"))]
            write_json(folder / MANIFEST, {"category": category, "model": description, "samples": entries})
            if target.exists():
                shutil.rmtree(target)
            os.replace(folder, target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}; check the disk") from error
    log.info("%d pictures: %s", len(samples), target)
    return target / MANIFEST


def write_picture(folder: Path, index: int, sample: Sample, spec: dict) -> dict:
    """Write a picture as the model of `spec` (the description's input) takes it; its entry in the manifest."""
    file = f"{index:06d}_{sample.name.replace('/', '_')}.bin"
    image = load_image(sample.picture, spec["shape"][2])
    normalize(image[None], spec["mean"], spec["std"]).tofile(folder / file)
    return {
        "file": file,
        "name": sample.name,
        "image": str(sample.picture.resolve()),
        "label": sample.label,
        "defect": sample.defect,
        "mask": str(sample.mask.resolve()) if sample.mask else None,
    }


def postprocess(options: Options) -> dict:
    """What `postprocess.py` does: the runner's maps and scores -> the same figures and panels as eval.py.

    Returns:
        What the JSON holds.

    Raises:
        UserError: no manifest, or an output that is missing or of another size; the message names the picture.
    """
    manifest = read_manifest(options.label_dir)
    category, size = manifest["category"], manifest["model"]["input"]["shape"][2]
    samples = [
        Sample(Path(e["image"]), e["label"], e["defect"], Path(e["mask"]) if e["mask"] else None, e["name"])
        for e in manifest["samples"]
    ]
    target = Path(options.result_path or Path(options.output_dir) / f"acc_{category}.json")
    folder = Path(options.output_dir) / category
    check_writable(target, *([folder / "panel.png"] if options.save_imgs else []))
    maps = np.empty((len(samples), size, size), np.float32)
    scores = np.empty(len(samples), np.float32)
    for i, entry in enumerate(manifest["samples"]):
        stem = Path(options.result_dir) / Path(entry["file"]).stem
        maps[i] = read_output(f"{stem}_anomaly_map.bin", size * size, entry["image"]).reshape(size, size)
        scores[i] = read_output(f"{stem}_score.bin", 1, entry["image"])[0]
    test = TestSet.load(samples, size, options.gt_protocol, options.num_workers, keep=False)
    result = {"checkpoint": manifest["model"]["checkpoint"], **evaluation.report(category, test, maps, scores)}
    write_json(target, result)
    if options.save_imgs:
        evaluation.draw(folder, test, maps, scores, result["metrics"])
    return result


def is_replaceable(folder: Path) -> bool:
    """Whether a folder is empty, or holds a manifest and pictures of `preprocess` and nothing else."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or (MANIFEST in names and all(name.endswith(".bin") for name in names - {MANIFEST}))


def read_output(path: str, count: int, picture: str) -> np.ndarray:
    """One output of the runner, float32 [count].

    Raises:
        UserError: the file is missing or holds another number of values; names the picture.
    """
    try:
        values = np.fromfile(path, "<f4")
    except OSError as error:
        raise UserError(f"no output {path} for picture {picture}; run the runner again on all of --img_dir") from error
    if values.size != count:
        raise UserError(f"{path} holds {values.size} values, not {count}, for picture {picture}; run the runner again")
    return values
