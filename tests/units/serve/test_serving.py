"""Options of serve.py that do not fit together, or name what is not its own, are refused before anything is made."""

import pytest

from src.config import parse
from src.serve.serving import serve
from src.utils import UserError
from tests.support.programs import files
from tests.support.small_onnx import bright_is_defective


@pytest.fixture
def refused(tmp_path, monkeypatch):
    monkeypatch.delenv("FASTFLOW_TOKEN", raising=False)
    model = bright_is_defective(tmp_path / "bright.onnx")
    (tmp_path / "in").mkdir()

    def message(*arguments):
        with pytest.raises(UserError) as caught:
            serve(parse("serve", "", ["--model", str(model), *map(str, arguments)]))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "nothing to serve; give --watch IN --out OUT, --http HOST:PORT, or both"),
        (("--http", "0.0.0.0:0"), "--http 0.0.0.0:0 is open to other machines; give --token, or set FASTFLOW_TOKEN"),
        (("--http", "[::]:0"), "--http [::]:0 is open to other machines"),
        (("--http", "127.0.0.1:0", "--token", ""), "--token or FASTFLOW_TOKEN: give ASCII letters"),
        (("--http", "127.0.0.1:0", "--token", "a\nb"), "--token or FASTFLOW_TOKEN: give ASCII letters"),
        (("--http", "8080"), "--http 8080: give HOST:PORT, such as 127.0.0.1:8080"),
        (("--http", ":8080"), "--http :8080: give HOST:PORT"),
        (("--http", "127.0.0.1:99999"), "--http 127.0.0.1:99999: give HOST:PORT"),
        (("--http", "no.such.host.invalid:80"), "--http no.such.host.invalid:80: "),
        (("--http", "127.0.0.1:0", "--save_imgs"), "--save_imgs and --save_maps write to --out; give --watch and"),
        (("--watch", "."), "--watch and --out belong together"),
        (("--http", "127.0.0.1:0", "--out", "x"), "--watch and --out belong together"),
    ],
)
def test_options_that_do_not_fit(refused, arguments, text, tmp_path):
    assert refused(*arguments).startswith(text)
    assert files(tmp_path) == ["bright.onnx"]


def test_folders_that_would_mix(refused, tmp_path):
    watched = ("--watch", tmp_path / "in", "--out")
    for out in ("in", "in/results"):
        assert "among the pictures of --watch" in refused(*watched, tmp_path / out)
    assert "among the pictures of --watch" in refused(*watched, tmp_path, "--save_imgs")
    assert f"no folder {tmp_path}/none to watch" in refused("--watch", tmp_path / "none", "--out", tmp_path / "out")
    assert files(tmp_path) == ["bright.onnx"]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("scores.jsonl", "notes\n", "is there and is not what would be written"),
        ("scores.jsonl", '{"name": 3}\n', "line 1 of "),
        ("scores.jsonl", '{"name": "a", "bytes": 1}\n', "line 1 of "),
        ("scores.csv", "my,own\n", "is there and is not what would be written"),
        ("scores.csv", "file,score\n", "is not serve.py's: scores.jsonl is missing; give another --out"),
    ],
)
def test_files_that_are_not_its_own_stay(refused, tmp_path, name, content, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(content)
    assert text in refused("--watch", tmp_path / "in", "--out", tmp_path / "out")
    assert (tmp_path / "out" / name).read_text() == content


def test_a_model_that_cannot_be_loaded(refused, tmp_path):
    (tmp_path / "bright.onnx").write_bytes(b"no model")
    assert "bright.onnx" in refused("--http", "127.0.0.1:0")
