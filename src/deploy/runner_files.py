"""What happens before and after the C++ runner: test set -> its input files; its output files -> figures.

Neither needs MindSpore, so both can run on the machine that holds the device.
"""

import os
from pathlib import Path

import numpy as np

from src import evaluation
from src.config import Options
from src.data.found import read_as
from src.data.samples import Reading, Sample, files_of
from src.data.source import Source, with_split
from src.dataset import normalize
from src.deploy.description import ANOMALY_MAP, SCORE, ModelInput
from src.deploy.description_file import read_description
from src.deploy.manifest import MANIFEST, Entry, Manifest
from src.files import REPORT, SCORES_TABLE, category_folder, results_folder
from src.labelled import TestSet
from src.option import Size, sides
from src.report.console import bar
from src.report.pictures import PictureFiles
from src.trust.names import file_name
from src.trust.outputs import check_outputs
from src.trust.temporary import temporary_folder
from src.utils import UserError, check_writable, log, write_json
from src.verdict import tell

LONGEST_NAME = 100  # bytes of a picture's name that stay in the runner's files


def preprocess(options: Options) -> Path:
    """What `preprocess.py` does: a file per test picture, as the exported model takes it, and a manifest.

    Returns:
        The manifest's path.

    Raises:
        UserError: anything wrong with the input, or a folder that holds what this program did not write.
    """
    description = read_description(options.mindir_path, options.description)
    framing = description.framing(options.roi)
    if framing.tiling is not None:
        what = f"{options.mindir_path} looks at tiles, which .bin files do not hold"
        raise UserError(f"{what}; give the C++ runner the pictures themselves (--pictures), or take predict.py")
    category = options.category or description.category
    if not category:
        raise UserError(f"{options.mindir_path} does not say its category; give --category")
    options = with_split(options, description.split).resolved(
        category=category, bit_depth=options.bit_depth or description.bit_depth
    )
    file_name(category, "category")  # postprocess.py names files by it
    source = Source.of(options)
    _, found, (samples,) = source.look(source.test())
    found.tell()
    target = Path(options.img_dir).resolve()
    if target.exists() and not is_replaceable(target):
        raise UserError(f"--img_dir {target} holds what preprocess.py did not write; give a folder of its own")
    check_writable(target.parent / MANIFEST)
    test = TestSet.load(samples, framing, "nearest", None, keep=False)
    try:
        with temporary_folder(target) as temporary:
            folder = temporary / target.name
            folder.mkdir()
            entries = [
                write_picture(folder, index, sample, test.images[index], description.input)
                for index, sample in enumerate(bar(samples, "writing"))
            ]
            Manifest(category, description, entries, found.bit_depth, found.to_json()).write(folder)
            replace_folder(target, folder, temporary / "earlier")
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}; check the disk") from error
    log.info("%d pictures: %s", len(samples), target)
    return target / MANIFEST


def is_replaceable(folder: Path) -> bool:
    """Whether a folder is empty, or holds a manifest and pictures of `preprocess` and nothing else."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or (MANIFEST in names and all(name.endswith(".bin") for name in names - {MANIFEST}))


def write_picture(folder: Path, index: int, sample: Sample, image: np.ndarray, model_input: ModelInput) -> Entry:
    """Write a picture's image, uint8 [H, W, C], as the model takes it: normalised as float32 (3, H, W), or as it is.

    Returns its entry in the manifest.

    Of a long name the beginning is kept: the runner's files are named after it, with endings.
    """
    name = os.fsencode(sample.name.replace("/", "_"))[:LONGEST_NAME].decode(errors="ignore")
    file = f"{index:06d}_{name}.bin"
    taken = image if model_input.takes_pixels else normalize(image[None], model_input.mean, model_input.std)
    taken.tofile(folder / file)
    return Entry(file, sample)


def replace_folder(target: Path, new: Path, earlier: Path) -> None:
    """Put a new folder in the place of an earlier one, so that no file of an earlier run is among the new ones.

    Args:
        earlier: where the earlier folder is put, to be removed.
    """
    if target.exists():
        os.replace(target, earlier)
    os.replace(new, target)


def postprocess(options: Options) -> dict:
    """What `postprocess.py` does: the runner's maps and scores -> the same figures and panels as eval.py's.

    Returns:
        What the JSON holds.

    Raises:
        UserError: no manifest, or an output that is missing or of another size; the message names the picture.
    """
    manifest = Manifest.read(options.label_dir)
    category, framing, judge = manifest.category, manifest.model.framing(required=False), manifest.model.judge
    base = results_folder(options.output_dir, "postprocess", category)
    target = Path(options.result_path) if options.result_path else base / f"acc_{category}.json"
    folder = category_folder(options.output_dir, "postprocess", category)
    reading = Reading(manifest.bit_depth or Reading.bit_depth, options.max_megapixels)
    samples = read_as([entry.sample for entry in manifest.entries], reading)
    files, pages = PictureFiles.of(options, folder), [folder / REPORT] if options.report else []
    outputs = [target, folder / SCORES_TABLE, *pages, *files.of_names(sample.name for sample in samples)]
    check_outputs(outputs, [Path(options.label_dir) / MANIFEST, *files_of(samples)])
    maps, scores = read_outputs(Path(options.result_dir), manifest.entries, framing.size)
    drawn = bool(options.save_imgs or options.report)
    test = TestSet.load(samples, framing, options.gt_protocol, options.num_workers, keep=drawn)
    tell(judge)
    said = evaluation.of_pictures(test, maps, scores, judge, None, options.min_area)
    result = {"checkpoint": manifest.model.checkpoint, **evaluation.report(category, test, maps, scores, judge, said)}
    result["found"] = manifest.found
    write_json(target, result)
    evaluation.write_pictures(files, test, maps, said, judge)
    for page in pages:
        evaluation.write_page(page, options.program, result, test, maps, judge, None)
    return result


def read_outputs(folder: Path, entries: list[Entry], size: Size) -> tuple[np.ndarray, np.ndarray]:
    """The runner's outputs: anomaly maps, float32 (N, H, W) for a `size` of H and W, and scores, float32 (N,).

    Raises:
        UserError: an output is missing or of another size; names the picture.
    """
    height, width = sides(size)
    maps = np.empty((len(entries), height, width), np.float32)
    scores = np.empty(len(entries), np.float32)
    for i, entry in enumerate(entries):
        stem, picture = folder / Path(entry.file).stem, entry.sample.picture
        maps[i] = read_output(f"{stem}_{ANOMALY_MAP}.bin", height * width, picture).reshape(height, width)
        scores[i] = read_output(f"{stem}_{SCORE}.bin", 1, picture)[0]
    return maps, scores


def read_output(path: str, count: int, picture: Path) -> np.ndarray:
    """One output of the runner for one picture, float32 (count,).

    Raises:
        UserError: the file is missing, or holds another number of values or some that are not finite; names the
            picture.
    """
    try:
        size = os.path.getsize(path)
        if size != 4 * count:
            raise UserError(
                f"{path} holds {size / 4:g} values, not {count}, for picture {picture}; run the runner again"
            )
        values = np.fromfile(path, "<f4")
    except OSError as error:
        raise UserError(f"no output {path} for picture {picture}; run the runner again on all of --img_dir") from error
    if not np.isfinite(values).all():
        raise UserError(
            f"{path} holds values that are not finite, for picture {picture}; run the runner again, in float32"
        )
    return values
