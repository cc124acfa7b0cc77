"""The options of the programs around the model: exporting, serving, the C++ runner's files, conversion, a generated
category.

They are part of `src.options.OPTIONS`, where all others are.
"""

from src import option as bounds
from src.option import (
    BACKBONES,
    REQUIRED,
    SOFT_CLAMPS,
    Option,
    above,
    at_least,
    boolean,
    network_size,
    one_of,
    picture_size,
    section,
)

# fmt: off
TOOLS: tuple[Option, ...] = (
    *section("export", ("export",),
        Option("ckpt_file", str, REQUIRED, "checkpoint to export, written by train.py or src/pthtockpt.py"),
        Option("file_format", str, "MINDIR", "format of the exported file", one_of("MINDIR", "ONNX", "AIR")),
        Option("batch_size", int, 1, "pictures per call of the exported file", at_least(1, 65536)),
        Option("dynamic_batch", boolean, False, "the file takes any number of pictures per call (ONNX)"),
        Option("input", str, "float32", "what the file takes: float32 (normalised images), uint8 (pixels, which the "
               "graph normalises), or aipp: float32, and beside it what an Ascend device makes that from pixels by",
               one_of("float32", "uint8", "aipp")),
        Option("outputs", str, "map", "what the file gives: map (and score), or the latents", one_of("map", "latents")),
        Option("mindir_version", int, None, "version of the MindIR (default: 1, which old and new runtimes read; 3 is "
               "what MindSpore 2.10 itself writes)", one_of(1, 3))),
    *section("serving", ("serve",),
        Option("watch", str, None, "folder whose pictures, also those in its sub-folders, are judged as they come; "
               "nothing in it is changed"),
        Option("out", str, None, "folder for what is said of them: scores.csv, and scores.jsonl with a JSON a line"),
        Option("http", str, None, "HOST:PORT to answer on, such as 127.0.0.1:8080; a host that other machines reach "
               "needs --token"),
        Option("token", str, None, "what each request must bring, as `Authorization: Bearer TOKEN` (default: the "
               "environment's FASTFLOW_TOKEN, which other users do not see)"),
        Option("max_request_mb", float, 32.0, "megabytes that a picture in a request may have", above(0, 4096)),
        Option("max_waiting", int, 32, "requests that may wait; more are told to come again later", at_least(1, 1000)),
        Option("settle", float, 1.0, "seconds for which a file must have stayed the same before it counts as whole",
               at_least(0.1, 3600)),
        Option("keep", int, 50, "pictures on the page of the last ones", at_least(1, 1000))),
    *section("C++ runner", ("preprocess",),
        Option("mindir_path", str, REQUIRED, "exported file; the JSON beside it says what it takes"),
        Option("description", str, None, "that JSON where it is not beside the file, or describes the file that this "
               "one was converted from (converter_lite)"),
        Option("img_dir", str, REQUIRED, "folder to write the runner's input to")),
    *section("C++ runner", ("postprocess",),
        Option("result_dir", str, REQUIRED, "folder of the runner's output"),
        Option("label_dir", str, REQUIRED, "folder of the manifest, preprocess.py's --img_dir")),

    *section("conversion", ("pthtockpt",),
        Option("pth_path", str, None, "PyTorch file (or a MindSpore .ckpt of the 2022 original)"),
        Option("download", boolean, False, "first fetch the ImageNet weights of --arch to --pth_path (default: here, "
               "under their published name); what an interrupted call has fetched is used"),
        Option("ckpt_path", str, None, "file to write (default: beside the input, with the ending .ckpt, or "
               "_fastflow.ckpt)"),
        Option("arch", str, None, "encoder (default: found out from the names; --download needs it)",
               one_of(*BACKBONES)),
        Option("category", str, None, "category that a whole model was trained on"),
        Option("im_resize", picture_size, None, "input size of a whole model without LayerNorm weights (default: the "
               "encoder's)", network_size),
        Option("soft_clamp", str, None, "how the coupling of a whole model bounds its log-scales, which its file does "
               "not tell: plain, clamp * tanh(a), as in anomalib and gathierry/FastFlow; scaled, clamp * tanh(a / "
               "clamp), as in FrEIA since August 2023 (default: plain, and it is said)", one_of(*SOFT_CLAMPS))),
    *section("generated category", ("make_synthetic",),
        Option("output_dir", str, REQUIRED, "the folder to make the category in"),
        Option("category", str, "fabric", "its name; with the seed it chooses the fabric"),
        Option("train", int, 60, "good pictures to train on", at_least(1, 10**6)),
        Option("good", int, 16, "good pictures to test on", at_least(1, 10**6)),
        Option("defects", int, 32, "defective pictures to test on", at_least(1, 10**6)),
        Option("image_size", int, 256, "pixels per side", at_least(32, 8192)),
        Option("seed", int, 0, "the same seed gives the same pictures", at_least(0, bounds.LARGEST_SEED))),
)
# fmt: on
