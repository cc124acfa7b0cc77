"""PyTorch's files of every format: the same values as PyTorch reads, and what is hostile or damaged refused."""

import io
import pickle
import tarfile
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch

from src.trust.plain_pickle import NotPlainError
from src.trust.torch_file import RefusedError, TorchFile, is_torch
from src.trust.torch_names import Tensor, is_tensor

BASE = torch.arange(24.0).reshape(4, 6)
TYPES = [torch.bfloat16, torch.float16, torch.float32, torch.float64, torch.bool, torch.uint8]
TYPES += [torch.int8, torch.int16, torch.int32, torch.int64]
ZIP, PICKLES = {}, {"_use_new_zipfile_serialization": False}
FORMATS = {"zip": ZIP, "before 1.6": PICKLES, "protocol 4": {"pickle_protocol": 4}}


class Marked(torch.Tensor):
    """A tensor of another class, which weights_only does not allow."""


def with_attribute(value):
    value.origin = "somewhere"
    return value


def every_kind():
    """Tensors of every type, and of every way to lie in a storage."""
    special = torch.tensor([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e-40, 3.4e38])
    return OrderedDict(
        **{str(dtype): BASE.to(dtype) for dtype in TYPES},
        special=special,
        special_bfloat16=special.to(torch.bfloat16),
        transposed=BASE.t(),
        every_second=BASE[1:3, ::2],
        tail=BASE[3],
        bfloat16_view=BASE.to(torch.bfloat16).t()[2:],
        repeated=BASE[0].expand(3, 6),
        permuted=torch.arange(120).reshape(2, 3, 4, 5).permute(3, 1, 0, 2),
        channels_last=torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
        scalar=torch.tensor(3),
        empty=torch.empty(0, 5),
        parameter=torch.nn.Parameter(BASE),
        frozen=torch.nn.Parameter(BASE, requires_grad=False),
        buffer=torch.nn.Buffer(BASE + 1),
        with_gradient=torch.ones(2, requires_grad=True),
        with_attribute=with_attribute(torch.ones(2)),
    )


def opened(tmp_path, value, **how):
    torch.save(value, tmp_path / "w.pth", **how)
    return TorchFile(tmp_path / "w.pth")


@pytest.mark.parametrize("how", FORMATS.values(), ids=FORMATS)
def test_every_kind_of_tensor_is_as_pytorch_reads_it(tmp_path, how):
    file = opened(tmp_path, every_kind(), **how)
    reference = torch.load(tmp_path / "w.pth", weights_only=True) if how.get("pickle_protocol") != 4 else every_kind()
    assert list(file.value) == list(reference)
    for name, wanted in reference.items():
        wanted = wanted.detach()
        wanted = (wanted.float() if wanted.dtype == torch.bfloat16 else wanted).numpy()
        found = file.array(file.value[name])
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), name
        if name != "channels_last" or how is not FORMATS["protocol 4"]:  # random values
            np.testing.assert_array_equal(found, wanted, err_msg=name)


@pytest.mark.parametrize("how", FORMATS.values(), ids=FORMATS)
def test_tensors_of_one_storage_share_it_and_cannot_be_written(tmp_path, how):
    file = opened(tmp_path, {"whole": BASE, "row": BASE[2]}, **how)
    whole, row = file.array(file.value["whole"]), file.array(file.value["row"])
    assert np.shares_memory(whole, row)
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 1


def test_a_training_checkpoint_with_an_optimizer(tmp_path):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    more = {
        "size": torch.Size([1, 2]),
        "type": torch.float16,
        "device": torch.device("cpu"),
        "set": {1},
        "bytes": b"\xff",
    }
    saved = {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "more": more}
    file = opened(tmp_path, saved)
    assert (file.value["epoch"], file.value["more"]["size"], file.value["more"]["set"]) == (3, (1, 2), [1])
    assert file.value["more"]["bytes"] == b"\xff"
    for name, wanted in model.state_dict().items():
        np.testing.assert_array_equal(file.array(file.value["state_dict"][name]), wanted.numpy())
    moment = file.array(file.value["optimizer"]["state"][0]["exp_avg"])
    np.testing.assert_array_equal(moment, optimizer.state_dict()["state"][0]["exp_avg"].numpy())


def test_a_file_without_checksums(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        file = opened(tmp_path, {"a": BASE})
    finally:
        torch.serialization.set_crc32_options(True)
    np.testing.assert_array_equal(file.array(file.value["a"]), BASE.numpy())


@pytest.mark.parametrize("how", [ZIP, PICKLES])
@pytest.mark.parametrize(
    "value",
    [
        BASE.to(torch.complex64),
        torch.quantize_per_tensor(BASE, 0.1, 0, torch.qint8),
        torch.quantize_per_channel(BASE, torch.ones(4), torch.zeros(4), 0, torch.quint8),
        BASE.to_sparse(),
        BASE.to_sparse_csr(),
        torch.empty(3, device="meta"),
        BASE.to(torch.float8_e4m3fn),
        torch.ones(3, dtype=torch.uint16),
    ],
    ids=lambda value: f"{value.dtype} {value.layout} {value.device}",
)
def test_other_tensors_are_refused_where_they_are_asked_for(tmp_path, how, value):
    file = opened(tmp_path, {"a": BASE, "other": value}, **how)
    np.testing.assert_array_equal(file.array(file.value["a"]), BASE.numpy())
    assert is_tensor(file.value["other"])
    with pytest.raises(RefusedError, match=r"^is not a dense tensor of real numbers; save the weights as such$"):
        file.array(file.value["other"])


def test_a_tensor_that_repeats_its_values_beyond_the_file_is_refused(tmp_path):
    file = opened(tmp_path, {"a": torch.ones(1).expand(10**15)})
    with pytest.raises(RefusedError, match=r"^is larger than the file; save model\.state_dict\(\)$"):
        file.array(file.value["a"])


@pytest.mark.parametrize("how", [ZIP, PICKLES])
@pytest.mark.parametrize("value", [Marked(BASE), torch.nn.ReLU(), np.float64(1), pytest.raises, print])
def test_other_objects_are_refused(tmp_path, how, value):
    with pytest.raises(NotPlainError):
        opened(tmp_path, {"a": BASE, "more": value}, **how)


def test_scripted_modules_are_refused(tmp_path):
    torch.jit.trace(torch.nn.ReLU(), BASE).save(tmp_path / "w.pt")
    with pytest.raises(RefusedError, match=r"^is a model in TorchScript; where it was made, save model\.state_dict"):
        TorchFile(tmp_path / "w.pt")


def rewritten(path, **members):
    """The archive with other contents of some of its members; None: without it."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in content.items():
            value = members.get(name.partition("/")[2].replace("/", "_").replace(".", "_"), value)
            if value is not None:
                archive.writestr(name, value)
    return path


@pytest.fixture
def archive(tmp_path):
    torch.save({"a": torch.ones(2, 3)}, tmp_path / "w.pth")
    return tmp_path / "w.pth"


def _plain(value):
    """The instructions that make a value, without the beginning and the end of a pickle."""
    return pickle.dumps(value, 2)[2:-1]


def pickled(storage=("storage", "FloatStorage", "0", "cpu", 6), offset=0, shape=(2, 3), strides=(3, 1)):
    """The pickle of a tensor that says this of itself."""
    first, kind, *rest = storage
    reference = b"(" + _plain(first) + f"ctorch\n{kind}\n".encode() + b"".join(map(_plain, rest)) + b"tQ"
    shape_of_it = b"".join(map(_plain, (offset, shape, strides)))
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + reference + shape_of_it + b"\x89NtR."


def test_a_pickle_made_here_is_as_pytorch_would_write_it(archive):
    rewritten(archive, data_pkl=pickled())
    file = TorchFile(archive)
    np.testing.assert_array_equal(file.array(file.value), np.ones((2, 3), np.float32))
    assert torch.equal(torch.load(archive, weights_only=True), torch.ones(2, 3))


@pytest.mark.parametrize(
    "said",
    [
        {"offset": 1},
        {"offset": -1},
        {"offset": 2**61},
        {"offset": True},
        {"shape": (2, 4)},
        {"shape": (-2, 3)},
        {"shape": (2,)},
        {"shape": (2.0, 3)},
        {"shape": [2, 3]},
        {"shape": (1,) * 40, "strides": (1,) * 40},
        {"shape": (0, 2**60, 2**60), "strides": (1, 1, 1)},
        {"strides": (3, 2)},
        {"strides": (-3, 1)},
        {"strides": (2**61, 1)},
        {"storage": ("storage", "FloatStorage", "1", "cpu", 6)},
        {"storage": ("storage", "FloatStorage", "../version", "cpu", 6)},
        {"storage": ("storage", "FloatStorage", "0", "cpu", 7)},
        {"storage": ("storage", "FloatStorage", "0", "cpu", -1)},
        {"storage": ("storage", "DoubleStorage", "0", "cpu", 6)},
        {"storage": ("storage", "FloatStorage", 0, "cpu", 6)},
        {"storage": ("module", "FloatStorage", "0", "cpu", 6)},
        {"storage": ("storage", "float32", "0", "cpu", 6)},
        {"storage": ("storage", "BoolStorage", "0", "cpu", 24)},
    ],
    ids=str,
)
def test_tensors_that_are_not_inside_their_storage_are_refused(archive, said):
    rewritten(archive, data_pkl=pickled(**said))

    def read():
        file = TorchFile(archive)
        return file.array(file.value)

    with pytest.raises(ValueError, match=r".") as caught:
        read()
    assert not isinstance(caught.value, NotPlainError)


def test_makers_inside_makers_do_not_end_the_process(archive):
    name = b"ctorch._tensor\n_rebuild_from_type_v2\n"
    rewritten(archive, data_pkl=b"\x80\x02" + name + name + b"N)tR.")
    with pytest.raises(ValueError, match=r"."):
        TorchFile(archive)
    deep = b"(" + name + b"N"
    rewritten(archive, data_pkl=b"\x80\x02" + name + deep * 5000 + b")" + b"Nt" * 5000 + b"R.")
    with pytest.raises(ValueError, match="a tensor that nothing makes"):
        TorchFile(archive)


@pytest.mark.parametrize("members", [{"data_pkl": None}, {"data_0": None}, {"data_0": b"123"}], ids=str)
def test_archives_without_a_member_or_with_a_shorter_one(archive, members):
    rewritten(archive, **members)

    def read():
        file = TorchFile(archive)
        return file.array(file.value["a"])

    with pytest.raises(ValueError, match=r"not one value|missing|length"):
        read()


def test_archives_of_the_other_order_of_bytes(archive):
    rewritten(archive, byteorder=b"big")
    with pytest.raises(RefusedError, match=r"^is of a machine with the other order of bytes; save it again "):
        TorchFile(archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_with_a_member_twice(archive):
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("w/data/0", bytes(24))
    with pytest.raises(ValueError, match="a member stands there twice"):
        TorchFile(archive)


def test_compressed_archives(archive):
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("w/more", bytes(10**6))
    with pytest.raises(
        RefusedError, match=r"^is a compressed archive, which PyTorch does not write; get the file again$"
    ):
        TorchFile(archive)


@pytest.mark.parametrize("how", [ZIP, PICKLES])
def test_every_truncation_is_refused(tmp_path, how):
    torch.save({"a": torch.ones(2, 3)}, tmp_path / "w.pth", **how)
    content = (tmp_path / "w.pth").read_bytes()
    for length in range(0, len(content), 3):
        (tmp_path / "w.pth").write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"."):
            TorchFile(tmp_path / "w.pth")


def test_formats_that_are_older_are_refused_with_advice(tmp_path):
    with tarfile.open(tmp_path / "w.pth", "w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"), io.BytesIO())
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": [1.0]}, 2))
    for name in ("w.pth", "plain.pth"):
        assert is_torch(tmp_path / name)
        with pytest.raises(
            RefusedError, match=r"^is not a PyTorch file of version 0\.1\.10 or newer; .* save it again"
        ):
            TorchFile(tmp_path / name)


def test_names_stay_as_they_are(tmp_path):
    file = opened(tmp_path, {"a.b": BASE, 3: BASE, "ä": 1})
    assert [isinstance(value, Tensor) for value in file.value.values()] == [True, True, False]
    assert list(file.value) == ["a.b", 3, "ä"]
