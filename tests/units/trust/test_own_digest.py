"""A file that holds its own digest: every change is found."""

import numpy as np
import onnx
import pytest

from src.trust import own_digest


def sealed(path, value):
    tensor = onnx.numpy_helper.from_array(np.full(8, value, np.float32), "w")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [tensor]))
    onnx.helper.set_model_props(model, {"other": "text", own_digest.KEY: own_digest.EMPTY})
    onnx.save(model, path)
    own_digest.seal(path)
    return path.read_bytes()


def test_a_file_is_whole_until_a_byte_changes(tmp_path):
    content = sealed(tmp_path / "a.onnx", 1)
    assert own_digest.is_whole(content)
    within = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert within["other"] == "text"
    assert within[own_digest.KEY] != own_digest.EMPTY
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        assert not own_digest.is_whole(bytes(changed))
    assert not any(own_digest.is_whole(part) for part in (b"", content[:-1], content + b"x", content[1:]))


def test_only_a_file_with_a_place_for_it_is_sealed(tmp_path):
    content = sealed(tmp_path / "a.onnx", 1)
    with pytest.raises(ValueError, match="has no place for its digest"):
        own_digest.seal(tmp_path / "a.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == content
    assert content != sealed(tmp_path / "b.onnx", 2)
