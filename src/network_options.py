"""The options that shape the network: the fields of `src.detector.Architecture`, which checkpoints carry.

Picture size and the flow's shape, where they are left open, are the encoder's: the attributes of the same names of its
`EncoderSpec`.

They are part of `src.options.OPTIONS`, where all others are.
"""

from src.option import (
    BACKBONES,
    REQUIRED,
    SOFT_CLAMPS,
    Option,
    Role,
    above,
    at_least,
    boolean,
    each_side,
    network_size,
    one_of,
    picture_size,
    section,
)

TRAIN = ("train", "run_all")  # the programs that take them; run_all passes them on
SCORES = ("maximum", "deviation", "log_deviation", "weighted_log_deviation")  # the rules of src.anomaly_map.ImageScore

# fmt: off
NETWORK: tuple[Option, ...] = section("network", TRAIN,
    Option("backbone", str, "wide_resnet50_2", "frozen ImageNet encoder", one_of(*BACKBONES), Role.NETWORK),
    Option("pre_ckpt_path", str, REQUIRED, "the encoder's ImageNet weights (.ckpt, made by src/pthtockpt.py)"),
    Option("im_resize", picture_size, None, "pixels per side that pictures are resized to, or H,W: height and width "
           "(default: the encoder's; 256, of transformers 384 or 448)", network_size, Role.NETWORK),
    Option("keep_aspect", boolean, False, "keep the pictures' aspect: fill the rest of the network's image up, and "
           "look at nothing there", roles=Role.NETWORK),
    Option("tile", picture_size, None, "look at large pictures in tiles of so many of their pixels, a number or "
           "height,width, each resized to --im_resize (default: at the whole picture)",
           each_side(at_least(16, 65536)), Role.NETWORK),
    Option("overlap", int, 0, "pixels by which neighbouring tiles overlap, at least; their maps are blended there",
           at_least(0, 65535), Role.NETWORK),
    Option("roi", str, None, "mask of what is looked at in pictures, white where it is: one for all, or a folder "
           "of one for each, named as they are; nothing else is trained on, scored or counted", roles=Role.NETWORK),
    Option("flow_step", int, None, "flow steps per scale (default: the encoder's; 8, of transformers 20)",
           at_least(1, 1000), Role.NETWORK),
    Option("hidden_ratio", float, None, "hidden channels of a subnet per input channel (default: the encoder's; 1, of "
           "transformers 0.16)", above(0, 1000), Role.NETWORK),
    Option("conv3x3_only", boolean, None, "3x3 convolutions in every flow step (default: the encoder's)",
           roles=Role.NETWORK),
    Option("norm_affine", boolean, False, "learn LayerNorm's elementwise scale and offset", roles=Role.NETWORK),
    Option("soft_clamp", str, "plain", "how the coupling bounds its log-scales by the clamp of 2: plain, "
           "clamp * tanh(a); scaled, clamp * tanh(a / clamp), as FrEIA does since August 2023", one_of(*SOFT_CLAMPS),
           Role.NETWORK),
    Option("feature_pooling", int, 3, "pixels of each feature map, per side, that are averaged before the flow; "
           "1: not", one_of(1, 3, 5, 7), Role.NETWORK),
    Option("whitening", boolean, True, "whiten the features, so that the flow starts from their Gaussian",
           roles=Role.NETWORK),
    Option("position_mean", boolean, None, "before whitening, subtract the mean that good features have at each "
           "position: for products that lie alike (default: as --whitening)", roles=Role.NETWORK),
    Option("gaussian_weight", float, None, "share of the whitened features' own likelihood in the anomaly map; the "
           "rest is the flow's (default: 0.5, without --whitening 0)", at_least(0, 1), Role.NETWORK),
    Option("map_sigma", float, None, "smooths the map with a Gaussian of so many pixels; 0: not (default: "
           "the shorter side of --im_resize / 64)", at_least(0, 1000), Role.NETWORK),
    Option("map_temperature", float, 1.0, "contrast of the anomaly map: above 1, weaker anomalies stand out more",
           above(0), Role.NETWORK),
    Option("score", str, "weighted_log_deviation", "a picture's score: maximum: of the map; deviation: the map's "
           "standard deviation (or how far it all lies above good pictures', if that is more); log_deviation: the same "
           "of the logarithm of the flow's energies, weighted_log_deviation: with less weight for feature scales where "
           "it varies more in held-out good pictures", one_of(*SCORES), Role.NETWORK))
# fmt: on
