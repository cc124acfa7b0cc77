"""The documents: every command, option, link and figure of theirs, and their pictures."""

import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from src import ROOT
from src.encoder import ENCODERS
from src.option import REQUIRED
from src.options import OPTIONS
from src.run_all import published
from tests.support import documents
from tests.support.documents import ALL, OURS, READMES
from tests.support.programs import error_of, succeed


@pytest.fixture(autouse=True)
def in_the_clone(monkeypatch, elsewhere):
    """Commands are given in the project's folder: they name its files."""
    monkeypatch.chdir(ROOT)


FORMER = {"--mean", "--std", "--mode", "--device_num"}  # which docs/version_2022.md names as gone
HEADINGS_OF_2022 = (  # of its Chinese README, in its order
    *(
        "目录",
        "FastFlow描述",
        "模型架构",
        "数据集",
        "特性",
        "混合精度",
        "环境要求",
        "快速入门",
        "脚本说明",
        "脚本及样例代码",
    ),
    *(
        "脚本参数",
        "训练过程",
        "加载预训练权重",
        "训练",
        "评估过程",
        "评估",
        "导出过程",
        "导出",
        "推理过程",
        "模型描述",
        "性能",
    ),
    *("训练性能", "评估性能", "推理性能", "随机情况说明", "ModelZoo主页"),
)

DRAW = "scripts/draw_architecture.py"


def test_the_networks_picture_is_drawn_for_light_and_dark_pages(trained, data, tmp_path):
    picture = next((data / "fabric/test").glob("[!g]*/*.png"))
    given = ("--ckpt_path", trained[0] / "fastflow_fabric.ckpt", "--picture", picture, "--output_dir", tmp_path)
    assert succeed(DRAW, *given) == f"{tmp_path}/fastflow.png\n{tmp_path}/fastflow_dark.png\n"
    light, dark = (
        np.asarray(Image.open(tmp_path / name).convert("L"), float) for name in ("fastflow.png", "fastflow_dark.png")
    )
    assert light.shape == dark.shape == (1012, 1760)
    assert np.median(light) > 240  # paper
    assert np.median(dark) < 30
    # The picture itself is in both, at its place.
    place = np.s_[140:310, 40:210]
    assert np.abs(light[place] - dark[place]).mean() < 8
    assert light[place].std() > 5


def test_a_picture_of_the_network_needs_a_network(tmp_path):
    message = error_of(DRAW, "--ckpt_path", tmp_path / "none.ckpt", "--output_dir", tmp_path)
    assert message.startswith(f"error: no file {tmp_path}/none.ckpt; run scripts/quickstart.sh")
    assert list(tmp_path.iterdir()) == []


# Commands


def all_commands():
    return [
        pytest.param(command, whole, id=f"{document}: {command.text}")
        for document in OURS
        for found, whole in ((documents.commands(document), True), (documents.inline_commands(document), False))
        for command in found
    ]


@pytest.mark.parametrize(("command", "whole"), all_commands())
def test_a_command_can_be_given(command, whole):
    documents.check(command, whole)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("python evaluate.py", False),
        ("python eval.py --dataset_path DATA", True),  # without the checkpoint
        ("python eval.py --lr 1", False),
        ("python benchmarks/run.py --colour", True),
        ("python -m pytest tests/test_nothing.py", True),
        ("bash scripts/run_nothing.sh", True),
        ("bash scripts/run_eval_cpu.sh DATA CKPT_PATH", True),  # without the category
        ("bash scripts/run_eval_cpu.sh [-f] DATASET_PATH CKPT_PATH CATEGORY [DEVICES]", True),
        ("bash scripts/run_eval_cpu.sh DATA a.ckpt bottle --lr 1", True),
        ("bash scripts/run_tests.sh --colour", True),
        ("pip install -r requirements-nothing.txt", True),
        ("fastflow train", True),
    ],
)
def test_a_wrong_command_would_be_found(text, whole):
    with pytest.raises((AssertionError, documents.UserError)):
        documents.check(documents.Command(text), whole)


def test_commands_are_found():
    assert [len(documents.commands(document)) > 10 for document in READMES] == [True, True]
    command = documents.commands("docs/measurements.md")[0]
    assert command.text.endswith("--num_epochs 10 --eval_interval 5 --seed 1 --config configs/original.yaml")


@pytest.mark.parametrize("document", OURS)
def test_a_command_that_takes_long_says_so(document):
    for command in filter(documents.is_long, documents.commands(document)):
        assert documents.MARKED_LONG.search(command.comment), command


@pytest.mark.parametrize("document", ALL)
def test_an_option_that_is_named_exists(document):
    named = {option for span in documents.code_spans(document) for option in documents.OPTION.findall(span)}
    former = FORMER if document == "docs/version_2022.md" else set()
    assert former <= named
    assert named - former <= documents.known_options()


# Links


@pytest.mark.parametrize("document", ALL)
def test_a_link_leads_somewhere(document):
    for link in documents.links(document):
        if not link.startswith("http"):
            file, anchor = documents.target_of(document, link)
            assert file.exists(), link
            assert not anchor or anchor in documents.anchors(str(file.resolve().relative_to(documents.ROOT))), link


@pytest.mark.parametrize("document", READMES)
def test_the_table_of_contents_has_every_chapter(document):
    chapters = re.findall(r"^## (.*)$", documents.prose(document), flags=re.M)
    named = re.findall(r"\[([^\]]+)\]\(#", documents.prose(document).partition("\n## " + chapters[1])[0])
    assert [chapter for chapter in chapters if chapter not in ("目录", *named)] == []


# Two languages


def test_the_readmes_link_each_other():
    assert "README_CN.md" in documents.links("README.md")
    assert "README.md" in documents.links("README_CN.md")


def test_the_chinese_readme_has_the_headings_of_2022_in_their_order():
    found = re.findall(r"^#+ (.*)$", documents.prose("README_CN.md"), flags=re.M)
    assert [heading for heading in found if heading in HEADINGS_OF_2022] == list(HEADINGS_OF_2022)


def test_the_readmes_say_the_same():
    """The same commands, output, code spans, links, and figures."""
    english, chinese = READMES
    assert Counter(c.text for c in documents.commands(english)) == Counter(c.text for c in documents.commands(chinese))
    # Data sets' layouts have comments.
    shown = [[re.sub(r"   +.*", "", block) for block in documents.blocks(name, "")] for name in READMES]
    assert len(shown[0]) == 3
    assert Counter(shown[0]) == Counter(shown[1])
    assert documents.code_spans(english) == documents.code_spans(chinese)
    links = [{link for link in documents.links(name) if not link.startswith("#")} - set(READMES) for name in READMES]
    assert links[0] == links[1]
    figures = [
        set(re.findall(r"\d+[.,]\d+|\d{3,}", re.sub(r"`[^`\n]+`|\]\([^)]*\)", "", documents.prose(name))))
        for name in READMES
    ]
    assert figures[0] == figures[1]
    assert len(figures[0]) > 30


# Tables


@pytest.mark.parametrize(
    ("document", "headings"),
    [
        ("README.md", ("Option", "Default")),
        ("README_CN.md", ("参数", "默认值")),
        ("docs/options.md", ("Option", "Default")),
    ],
)
def test_defaults_are_those_of_the_programs(document, headings):
    known = {}  # of options of one name, all defaults
    for option in OPTIONS:
        known.setdefault(option.name, []).append(option.default)
    compared = 0
    for names, defaults, *_ in documents.rows(document, *headings):
        names = re.findall(r"`--(\w+)", names)
        values = defaults.split(", ") if len(names) > 1 else [defaults]
        for name, value in zip(names, values, strict=bool(defaults)):
            wanted = known.get(name, [None])  # --config is none of OPTIONS
            if value == "none":
                assert None in wanted or REQUIRED in wanted, name
            elif set(wanted) - {None, REQUIRED} and name != "num_workers":  # whose default depends on the machine
                assert any(_is_default(value, each) for each in wanted), name
                compared += 1
    assert compared >= 7


def _is_default(said, default):
    if isinstance(default, bool):
        return said == str(default).lower()
    if isinstance(default, str):
        return said == default
    return re.fullmatch(r"[\d.e-]+", said) is not None and float(said) == default


def test_every_option_is_explained():
    first, *_ = re.split(r"^## The other options$", documents.read("docs/options.md"), flags=re.M)
    elsewhere = set(re.findall(r"`--(\w+)", first))
    programs = {}
    for names, _, of, _ in documents.rows("docs/options.md", "Option", "Default", "Of"):
        for name in re.findall(r"`--(\w+)", names):
            programs.setdefault(name, set()).update(of.split(", "))
    wanted = {}
    for option in OPTIONS:
        wanted.setdefault(option.name, set()).update(option.programs)
    assert programs == {name: of for name, of in wanted.items() if name in programs}
    assert set(wanted) - set(programs) - elsewhere == set()


@pytest.mark.parametrize(("document", "heading"), [("README.md", "Channels at strides"), ("README_CN.md", "步长")])
def test_channels_are_those_of_the_encoders(document, heading):
    table = re.search(rf"^\| `--backbone` \| ({heading}.*?) \|", documents.read(document), flags=re.M)
    said = {
        name.strip("`"): (tuple(map(int, channels.split(", "))), int(size))
        for name, channels, size in documents.rows(document, "`--backbone`", table[1])
    }
    assert said == {name: (spec.channels, spec.im_resize) for name, spec in ENCODERS.items()}


def test_weights_are_those_that_are_fetched():
    page = documents.read("docs/data_and_weights.md")
    table = documents.rows("docs/data_and_weights.md", "`--backbone`", "File")
    said = [(backbone, file, size, digest) for backbone, file, _, _, size, digest in table]
    wanted = []
    for name, spec in ENCODERS.items():
        for weights in spec.weights:
            size = "not published" if weights.size is None else str(weights.size)
            whole = len(weights.sha256) == 64
            digest = f"`{weights.sha256}`" if whole else f"begins with `{weights.sha256}` (more is not published)"
            digest = digest if weights.sha256 else "none is known"
            wanted.append((f"`{name}`", f"`{weights.name}`", size, digest))
            assert (weights.address or weights.package) in page
    assert sorted(said) == sorted(wanted)


def test_the_figures_of_2022_are_those_of_the_program():
    table = documents.rows("docs/version_2022.md", "Category", "Ascend 910")
    columns = {row[0]: [float(cell) for cell in row[1:]] for row in table}
    means = columns.pop("mean")
    assert {category: row[0] for category, row in columns.items()} == published.PIXEL_AUC
    assert np.round(np.mean(list(columns.values()), 0), 4).tolist() == means


@pytest.mark.parametrize("document", READMES)
def test_figures_are_those_of_the_measurements(document):
    chapter = re.search(r"^#+ (Performance|模型描述)\n(.*?)^## ", documents.read(document), flags=re.S | re.M)[2]
    measured = documents.read("docs/measurements.md") + documents.read("docs/version_2022.md")
    figures = re.findall(r"\d+\.\d{2,}|\d+\.\d+(?= s)|\d+(?= ms)", chapter)
    assert len(figures) > 12
    assert [figure for figure in figures if figure not in measured] == []
