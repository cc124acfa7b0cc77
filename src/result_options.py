"""The options that say what programs write about pictures, and where. They are part of `src.options.OPTIONS`."""

from src.option import Option, Role, at_least, boolean, drawing, json_file, one_of, section

PICTURES = ("eval", "run_all", "predict", "postprocess")  # programs that say something of each picture

# fmt: off
RESULTS: tuple[Option, ...] = (
    *section("results", (*PICTURES, "serve"),
        Option("save_imgs", drawing, False, "draw each picture: panel (also without a value): picture, mask, heat map "
               "and overlay side by side; full: the overlay at the picture's own size"),
        Option("save_maps", str, None, "write each picture's anomaly map, the network's own values in float32, as npy "
               "or tiff", one_of("npy", "tiff")),
        Option("min_area", int, 0, "pixels of the original picture; smaller regions are left out of the results. It "
               "changes no verdict", at_least(0))),
    *section("results", PICTURES,
        Option("report", boolean, False, "write report.html to --output_dir: figures and all pictures with their heat "
               "maps as one page for a browser")),
    *section("results", (*PICTURES, "export"),
        Option("output_dir", str, None, "folder for what is written of pictures, and for exported files (default: "
               "results/PROGRAM/CATEGORY)")),
    *section("results", ("train", "eval", "postprocess"),
        Option("result_path", str, None, "JSON file for the figures (default: beside the checkpoint)",
               json_file, Role.NOT_REPEATED)),
)
# fmt: on
