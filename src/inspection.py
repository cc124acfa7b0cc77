"""Judge pictures that nobody has labelled: what predict.py does, with a model of any kind. No MindSpore here."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.config import Options
from src.data.listing import pictures_under
from src.data.samples import Sample, files_of
from src.files import REPORT, description_of, results_folder
from src.judging import CHUNK, choose_judge, look_at
from src.picture_results import Scores, score_files
from src.prediction import Prediction
from src.predictor.load import load_network
from src.predictor.network import Network
from src.predictor.viewing import views_of_samples
from src.report.colours import ColourScale, Scale, scale_of
from src.report.gallery import Gallery
from src.report.pictures import PictureFiles
from src.trust.outputs import check_outputs
from src.utils import UserError, log, versions
from src.verdict import DEFECTIVE, Judge, constants

SOON = 16  # pictures after which results are written, or one batch if that is more


@dataclass(frozen=True)
class Inspection:
    """What was found: by picture's name what is said of it (see `Prediction.to_json`), or `file` and `error`."""

    pictures: dict[str, dict]

    @property
    def errors(self) -> list[str]:
        """Why pictures cannot be read."""
        return [said["error"] for said in self.pictures.values() if "error" in said]

    def headline(self) -> str:
        """The line that the program ends with."""
        read = [said for said in self.pictures.values() if "error" not in said]
        judged = [said["verdict"] for said in read if said["verdict"] is not None]
        verdicts = f"{judged.count(DEFECTIVE)} defective" if judged or not read else "no verdicts"
        each = sum(said["milliseconds"] for said in read) / max(1, len(read))
        return f"{len(self.pictures)} pictures, {verdicts}, {len(self.errors)} unreadable, {each:.1f} ms each"


def inspect(options: Options) -> Inspection:
    """What `predict.py` does: a score, a verdict, regions and, if asked, a panel for every picture of `--input`.

    Verdicts and colours are by constants of the model (see `choose_judge`), so that they mean the same in every
    folder. Where it has none, there are no verdicts, and the colours are those of the first pictures. Memory holds
    `CHUNK` pictures at a time. Results are written as they come, so that whatever ends the program costs the last few
    only.

    Raises:
        UserError: no pictures, results that would be written among the pictures, or, with `--strict`, an unreadable
            picture.
    """
    model, paths = Path(options.model), pictures_under(options.input, "input")
    network = load_network(
        model,
        device_target=options.device_target,
        device_id=options.device_id,
        batch_size=options.test_batch_size,
        pictures=len(paths),
        cpu_kernels=options.cpu_kernels,
        convolution=options.convolution,
        graph_cache=options.graph_cache,
        roi=options.roi,
    )
    folder = results_folder(options.output_dir, "predict", network.category or model.stem).resolve()
    base = Path(options.input).resolve()
    if base.is_dir() and (folder == base or base in folder.parents):
        raise UserError(f"--output_dir {folder} is among the pictures of --input; give a folder outside of it")
    samples, seen = look_at(options.input, paths, options.bit_depth or network.bit_depth, options.max_megapixels)
    files = PictureFiles.of(options, folder)
    pages = [folder / REPORT] if options.report else []
    outputs = [*score_files(folder), *pages, *files.of_names(sample.name for sample in samples)]
    check_outputs(outputs, [model, description_of(model), *files_of(samples)])
    known = (network.good, network.judge, network.bit_depth)
    judge = choose_judge(options, options.model, network, network.framing, *known)
    scale = scale_of(judge, network.colour_scale)
    said = {"model": model.name, "model_sha256": network.sha256, **constants(judge, network.thresholds)}
    scores = Scores(folder, {**said, "found": seen.to_json()}, len(samples))
    gallery = Gallery(scale, judge) if options.report else None
    # Without a scale of the model's, the colours are those of the first chunk, which has to be a large one.
    step = CHUNK if scale is None else network.batch_size * max(1, SOON // network.batch_size)
    if network.framing.tiling is not None:
        step = 1  # what is kept of each is as large as the picture
    for start in range(0, len(samples), step):
        part = samples[start : start + step]
        found, scale = _inspect_some(part, network, judge, scale, files, gallery, options)
        tell(found)
        scores.add({sample.name: found[sample.name] for sample in part})
    log.info("scores: %s, %s", scores.json, scores.table.name)
    for page in pages:
        from src.report.page import write_report  # here: it takes a while, and few ask for it

        known = {"category": network.category, "checkpoint": model.name, "versions": versions()}
        write_report(page, options.program, known | {"options": options.values}, gallery)
        log.info("report: %s", page)
    return Inspection(scores.pictures)


def _inspect_some(
    samples: Sequence[Sample],
    network: Network,
    judge: Judge | None,
    scale: Scale | None,
    files: PictureFiles,
    gallery: Gallery | None,
    options: Options,
) -> tuple[dict[str, dict], Scale | None]:
    """What is said of some pictures, by name, and the colours, which are chosen here where they are not known."""
    started = time.perf_counter()
    readable, views, unreadable = views_of_samples(network, samples, options.num_workers)
    if unreadable and options.strict:
        raise UserError(next(iter(unreadable.values())))
    of_file = {sample.name: str(sample.picture) for sample in samples}
    found = {name: {"file": of_file[name], "error": text} for name, text in unreadable.items()}
    if gallery is not None:
        for name, text in found.items():
            gallery.add({"name": name, **text})
    if not readable:
        return found, scale
    each = 1000 * (time.perf_counter() - started) / len(samples)
    scale = scale or ColourScale.of([view.anomaly_map for view in views], np.ones(len(views), bool))
    if gallery is not None:
        gallery.scale = scale
    for sample, view in zip(readable, views):
        seen = (view.size, view.anomaly_map, view.score)
        said = Prediction.of(sample.name, of_file[sample.name], *seen, judge, each, options.min_area)
        files.write(said, sample, view.image, scale, judge)
        found[sample.name] = said.to_json()
        if gallery is not None:
            gallery.add({"name": sample.name, **found[sample.name]}, view.image, view.anomaly_map)
    return found, scale


def tell(found: dict[str, dict]) -> None:
    """Say a line for each picture that could be read."""
    for name, said in found.items():
        if "score" in said:
            anomaly = "" if said["anomaly"] is None else f" (anomaly {said['anomaly']:.3f})"
            log.info("%s: %.5f %s%s", name, said["score"], said["verdict"] or "", anomaly)
