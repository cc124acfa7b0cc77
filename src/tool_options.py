"""The options of the programs around the model: exporting, the C++ runner's files, conversion, a generated category.

They are part of `src.options.OPTIONS`, where all others are.
"""

from src import option as bounds
from src.option import BACKBONES, REQUIRED, Option, at_least, boolean, network_size, one_of, section

# fmt: off
TOOLS: tuple[Option, ...] = (
    *section("export", ("export",),
        Option("ckpt_file", str, REQUIRED, "checkpoint to export, written by train.py or src/pthtockpt.py"),
        Option("file_format", str, "MINDIR", "format of the exported file", one_of("MINDIR", "ONNX", "AIR")),
        Option("batch_size", int, 1, "pictures per call of the exported file", at_least(1, 65536)),
        Option("dynamic_batch", boolean, False, "the file takes any number of pictures per call (ONNX)"),
        Option("outputs", str, "map", "what the file gives: map (and score), or the latents", one_of("map", "latents")),
        Option("mindir_version", int, 3, "version of the MindIR: 3, or 1 for MindSpore Lite 2.0 and older runtimes",
               one_of(1, 3))),
    *section("C++ runner", ("preprocess",),
        Option("mindir_path", str, REQUIRED, "exported file; the JSON beside it says what it takes"),
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
        Option("im_resize", int, None, "input size of a whole model without LayerNorm weights (default: 256)",
               network_size)),
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
