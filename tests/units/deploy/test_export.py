"""Every encoder through every exported format, with random weights: written, loaded again, and the same to 1e-4."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from mindspore import Tensor, nn

from src import checkpoint, scoring
from src.dataset import normalize
from src.deploy import comparison, onnx_file
from src.deploy import export as exporting
from src.deploy.description_file import is_description, read_description
from src.deploy.mindir.version1 import read_mindir
from src.deploy.trial import random_images
from src.encoder import ENCODERS
from src.predictor.load import load_network
from src.utils import UserError
from tests.support.exported_files import export_random
from tests.support.programs import files

JUDGEMENT = {"map_sigma": 1.5, "map_temperature": 2.0, "score": "deviation"}
FORMATS = {"MindIR 3": ("MINDIR", 3), "MindIR 1": ("MINDIR", None), "ONNX": ("ONNX", None)}  # 1 is the default


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("backbone", ENCODERS)
def test_every_encoder_in_every_format(backbone, name, tmp_path):
    file_format, version = FORMATS[name]
    description, file = export_random(tmp_path, file_format, version, backbone=backbone, flow_step=2)
    assert description.largest_difference <= comparison.LIMIT
    assert description.architecture["backbone"] == backbone
    assert [output.shape for output in description.outputs] == [[2, 1, 32, 32], [2]]
    assert description.file == file.name
    assert read_description(file) == description
    assert files(file.parent) == [file.name, file.name + ".json"]
    assert description.mindir_version == {"MindIR 3": 3, "MindIR 1": 1, "ONNX": None}[name]
    if name == "MindIR 1":
        assert read_mindir(file).mind_ir_version == 1


OPTIONS = [{"conv3x3_only": True}, {"norm_affine": False}, {"hidden_ratio": 0.5}, {"soft_clamp": "scaled"}, JUDGEMENT]


@pytest.mark.parametrize("option", OPTIONS)
def test_the_flows_options(option, tmp_path):
    description, _ = export_random(tmp_path, "MINDIR", backbone="resnet18", flow_step=1, **option)
    assert description.largest_difference <= comparison.LIMIT
    assert option.items() <= description.architecture.items()


@pytest.mark.parametrize("name", ["MindIR 1", "ONNX"])
def test_a_file_of_pixels_says_the_same_of_them(name, tmp_path):
    """Its input has a quarter of the bytes, and whoever predicts gives it pictures as they are."""
    dynamic = name == "ONNX"
    network = {"backbone": "efficientnet_lite0", "flow_step": 1, "dynamic": dynamic, "batch_size": 2 - dynamic}
    description, file = export_random(tmp_path, FORMATS[name][0], takes="uint8", **network)
    assert (description.input.type, description.input.shape[1:]) == ("uint8", [32, 32, 3])
    assert description.largest_difference <= comparison.LIMIT
    assert read_description(file) == description
    pixels = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 3), np.uint8)
    detector, _ = checkpoint.load_detector(file.parent.parent / "random.ckpt")
    images = normalize(pixels, description.input.mean, description.input.std)
    wanted = [output.asnumpy() for output in detector.set_train(False)(Tensor(images))]
    found = load_network(file)(pixels)
    assert np.ptp(wanted[0]) > 1e-3
    np.testing.assert_allclose(found[0], wanted[0][:, 0], atol=1e-5)
    np.testing.assert_allclose(found[1], wanted[1], atol=1e-5)


def test_an_ascend_devices_preprocessing_normalises_as_the_encoder_wants_it(tmp_path):
    description, file = export_random(tmp_path, takes="aipp", backbone="resnet18", flow_step=1)
    assert files(file.parent) == ["fastflow_nut.aipp.cfg", file.name, f"{file.name}.json"]
    assert (description.input.type, description.input.shape) == ("float32", [2, 3, 32, 32])
    lines = file.with_suffix(".aipp.cfg").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("aipp_op {", "}")
    values = dict(line.strip().split(": ") for line in lines[1:-1])
    assert (values["aipp_mode"], values["input_format"]) == ("static", "RGB888_U8")
    assert values["src_image_size_w"] == values["src_image_size_h"] == "32"
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    wanted = normalize(pixels, description.input.mean, description.input.std)
    for channel in range(3):
        mean, least, factor = (float(values[f"{name}_{channel}"]) for name in ("mean_chn", "min_chn", "var_reci_chn"))
        found = (pixels[..., channel].astype(float) - mean - least) * factor
        np.testing.assert_allclose(found, wanted[:, channel], atol=1e-4)
    with pytest.raises(UserError, match="--input aipp is for MINDIR, not ONNX"):
        export_random(tmp_path, "ONNX", takes="aipp", backbone="resnet18", flow_step=1)


def test_outputs_that_differ_are_refused():
    wanted = [np.zeros((2, 1, 4, 4)), np.zeros(2)]
    assert comparison.compare([wanted[0] + 5e-5, wanted[1]], wanted, "m.onnx") == pytest.approx(5e-5)
    for difference in (1e-3, np.nan):
        with pytest.raises(UserError, match=r"m\.onnx differs from the network by .*, more than 1e-04; report this"):
            comparison.compare([wanted[0] + difference, wanted[1]], wanted, "m.onnx")
    with pytest.raises(UserError, match=r"m\.onnx has outputs \[\(2, 1, 4, 4\)\] where the network has"):
        comparison.compare(wanted[:1], wanted, "m.onnx")


class Steep(nn.Cell):
    """Makes 10,000 of a difference of 1."""

    def construct(self, x):
        return ((x - 1) * 1e4,)


def test_a_network_that_makes_much_of_rounding_may_differ_by_what_it_makes_of_it():
    amplified = comparison.amplification(Steep(), np.ones((1, 3, 4, 4), np.float32))
    assert amplified == pytest.approx(1e-6 * 1e4, rel=0.1)  # 1.000001 is not a float32
    wanted = [np.zeros(3, np.float32)]
    assert comparison.compare([wanted[0] + 0.1], wanted, "m.onnx", lambda: amplified) == pytest.approx(0.1)
    for difference in (0.5, np.nan):
        with pytest.raises(UserError, match=r"m\.onnx differs from the network by"):
            comparison.compare([wanted[0] + difference], wanted, "m.onnx", lambda: amplified)


@pytest.mark.parametrize(("batch_size", "outputs"), [(1, "map"), (2, "latents"), (5, "map")])
def test_onnx_is_asked_by_name_and_describes_itself(tmp_path, batch_size, outputs):
    """As users run it: without the JSON beside the file, by the names of its input and outputs, in any order."""
    description, file = export_random(
        tmp_path, "ONNX", batch_size=batch_size, outputs=outputs, backbone="efficientnet_lite0", flow_step=1
    )
    names = ["anomaly_map", "score"] if outputs == "map" else ["latent_0", "latent_1", "latent_2"]
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert [(value.name, value.shape) for value in session.get_inputs()] == [("image", [batch_size, 3, 32, 32])]
    assert [value.name for value in session.get_outputs()] == names
    assert onnx.load(file).opset_import[0].version >= 13

    image = random_images(batch_size, 32)
    detector, _ = checkpoint.load_detector(file.parent.parent / "random.ckpt")
    network, _ = exporting.choose_outputs(detector, outputs)
    wanted = [output.asnumpy() for output in network.set_train(False)(Tensor(image))]
    for found, right in zip(session.run(names[::-1], {"image": image}), wanted[::-1], strict=True):
        np.testing.assert_allclose(found, right, atol=1e-4)

    within = json.loads(session.get_modelmeta().custom_metadata_map["fastflow"])
    assert is_description(within)
    assert within == description.to_json() | {"file_sha256": None}


DYNAMIC = [
    {"backbone": "wide_resnet50_2", "feature_pooling": 3, "whitening": True, "position_mean": True}
    | {"gaussian_weight": 0.5, "map_sigma": 0.5, "score": "log_deviation", "norm_affine": False},
    {"backbone": "resnet18", **JUDGEMENT},
    {"backbone": "resnet18", "outputs": "latents"},
    {"backbone": "efficientnet_lite0", "score": "weighted_log_deviation"},
    {"backbone": "deit_base_distilled_patch16_384", "norm_affine": False},
    {
        "backbone": "cait_m48_448",
        "feature_pooling": 3,
        "whitening": True,
        "gaussian_weight": 0.5,
        "score": "log_deviation",
    },
]


@pytest.mark.parametrize("options", DYNAMIC, ids=lambda options: " ".join(map(str, options.values())))
def test_onnx_takes_any_number_of_pictures_on_request(tmp_path, options):
    """In onnxruntime and in OpenVINO, by the names of inputs and outputs."""
    description, file = export_random(tmp_path, "ONNX", batch_size=1, dynamic=True, flow_step=2, **options)
    assert description.dynamic_batch
    assert description.largest_difference <= comparison.LIMIT
    detector, _ = checkpoint.load_detector(file.parent.parent / "random.ckpt")
    network, names = exporting.choose_outputs(detector, options.get("outputs", "map"))
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["N", 3, 32, 32]
    openvino_model = openvino.compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    images = random_images(5, 32)
    single = [network.set_train(False)(Tensor(image[None])) for image in images]
    wanted = [np.concatenate([output.asnumpy() for output in each]) for each in zip(*single)]
    for count in (1, 2, 5):
        found = openvino_model({"image": images[:count]})
        for name, one, right in zip(names, session.run(names, {"image": images[:count]}), wanted, strict=True):
            np.testing.assert_allclose(one, right[:count], atol=1e-4)
            np.testing.assert_allclose(found[name], right[:count], atol=1e-3)
    if names[-1] == "score":
        pictures = np.random.default_rng(3).integers(0, 256, (5, 32, 32, 3), np.uint8)
        _, scores = load_network(file, batch_size=2)(pictures)  # two calls of two, and one of one
        np.testing.assert_allclose(scores, scoring.predict(detector, pictures, 1)[1], atol=1e-4)


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
def test_weights_beyond_what_a_file_holds_are_one_line(tmp_path, monkeypatch, file_format):
    monkeypatch.setitem(exporting.LARGEST, file_format, (10**6, "do something else"))
    message = (
        rf"^--file_format {file_format}: the weights have 0.0\d GB, and such a file holds 0.00 GB; do something else$"
    )
    with pytest.raises(UserError, match=message):
        export_random(tmp_path, file_format, backbone="resnet18", flow_step=1)
    assert files(tmp_path) == ["a folder/random.ckpt"]


def test_a_batch_that_is_not_free_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "free_batch", lambda file: None)
    with pytest.raises(UserError, match=r"fastflow_nut.onnx does not take 2 images per call \(.*\); report this"):
        export_random(tmp_path, "ONNX", batch_size=1, dynamic=True, backbone="efficientnet_lite0", flow_step=1)
    assert files(tmp_path) == ["a folder/random.ckpt"]


def test_onnx_files_of_another_form_are_refused(tmp_path):
    """The number of outputs is another, or a name is taken by what is neither input nor output."""
    _, file = export_random(tmp_path, "ONNX", backbone="efficientnet_lite0", flow_step=1)
    before = file.read_bytes()
    with pytest.raises(UserError, match="3 inputs and outputs where 2 were expected"):
        onnx_file.improve_onnx(file, "image", ["anomaly_map"])
    taken = onnx.load(file).graph.initializer[0].name
    with pytest.raises(UserError, match="is another tensor's"):
        onnx_file.improve_onnx(file, "image", ["anomaly_map", taken])
    assert file.read_bytes() == before


def test_onnx_without_onnxruntime_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match="compared in onnxruntime; pip install onnxruntime"):
        comparison.load(tmp_path / "m.onnx", "ONNX")
