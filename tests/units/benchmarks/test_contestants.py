"""Who is compared, and what is missing for it."""

import sys

import pytest

from benchmarks import contestants
from src import ROOT
from src.kernels import library
from src.utils import UserError


@pytest.fixture
def as_if_built(monkeypatch):
    """As if the CPU kernels were built."""
    monkeypatch.setattr(library, "path", lambda: ROOT / "README.md")


@pytest.mark.parametrize(
    ("names", "python", "message"),
    [
        (["torch"], None, "--contestants torch: choose of this, "),
        (["anomalib"], None, "give --anomalib PYTHON"),
        (None, "/no/python", "--anomalib /no/python: cannot be started"),
        (["anomalib"], sys.executable, "it has no anomalib; .* -m pip install anomalib"),
    ],
)
@pytest.mark.usefixtures("as_if_built")
def test_wrong_contestants(names, python, message):
    with pytest.raises(UserError, match=message):
        contestants.choose(names, python)


@pytest.mark.usefixtures("as_if_built")
def test_a_missing_package_is_named_with_the_file_that_has_it(monkeypatch):
    monkeypatch.setattr(contestants.importlib.util, "find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(UserError, match=r"contestant pytorch needs torch: pip install -r requirements-dev\.txt"):
        contestants.choose(None, None)
    assert contestants.choose(["this"], None) == ["this"]


@pytest.mark.parametrize(("names", "first"), [(None, "this"), (["this_no_cache", "2022"], "this_no_cache")])
def test_missing_kernels_are_named_with_the_command_that_builds_them(names, first, monkeypatch, tmp_path):
    monkeypatch.setattr(library, "path", lambda: tmp_path / "missing.so")
    message = rf"^contestant {first} needs the CPU kernels: bash scripts/build_cpu_kernels\.sh, or leave it out"
    with pytest.raises(UserError, match=message):
        contestants.choose(names, None)
    without = ["this_mindspore", "this_mindir", "this_onnx"]
    assert contestants.choose(without, None) == without


def test_anomalib_takes_part_where_it_has_the_encoder():
    names = ["this", "this_onnx", "anomalib", "scikit_learn"]
    assert contestants.taking_part(names, "step", "resnet18") == ["this", "anomalib"]
    assert contestants.taking_part(names, "inference", "efficientnet_lite0") == ["this", "this_onnx"]


def test_without_a_network_this_project_is_one_contestant_with_kernels_or_not():
    assert contestants.without_network(["this_mindspore", "2022"]) == ["this", "2022"]
    assert contestants.without_network(["this", "this_mindspore", "scikit_learn"]) == ["this", "scikit_learn"]
    assert contestants.without_network(["this_no_cache", "pytorch"]) == []


@pytest.mark.usefixtures("as_if_built")
def test_the_kernels_have_a_version_where_they_are_used():
    assert contestants.kernels_version(["this", "pytorch"]) == "README"
    assert contestants.kernels_version(["this_mindspore", "pytorch"]) is None
