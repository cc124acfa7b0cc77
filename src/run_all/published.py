"""The pixel AUROC that the 2022 README publishes for MVTec AD, and when it may stand beside one's own."""

from src.config import Options
from src.data.source import SPLIT_DEFAULTS

SOURCE = "2022 README, Ascend 910"
PROTOCOL = (
    "WideResNet-50-2, 256 px, the best of 50 evaluations on the test set, masks resized bilinearly and truncated: "
    "to be compared with the best on the test set, not with the last epoch"
)
CONDITIONS = {"dataset": "mvtec", "backbone": "wide_resnet50_2", "im_resize": 256, "gt_protocol": "original"}
PIXEL_AUC = {
    "bottle": 0.9900,
    "cable": 0.9796,
    "capsule": 0.9912,
    "carpet": 0.9918,
    "grid": 0.9929,
    "hazelnut": 0.9804,
    "leather": 0.9971,
    "metal_nut": 0.9855,
    "pill": 0.9802,
    "screw": 0.9874,
    "tile": 0.9736,
    "toothbrush": 0.9816,
    "transistor": 0.9804,
    "wood": 0.9624,
    "zipper": 0.9894,
}


def differences(options: Options) -> list[str]:
    """What keeps the published figures from standing beside a run with these options; none: they may.

    A picture size that is left open is the encoder's own, as it is for the published figures.
    """
    given = {**options.values, "dataset": options.dataset or SPLIT_DEFAULTS["dataset"]}
    return [
        f"{name} {given[name]} (published: {value})"
        for name, value in CONDITIONS.items()
        if given[name] not in (value, None)
    ]
