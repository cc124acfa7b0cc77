"""Operations whose arguments are not those that the rule knows."""

import pytest

from src.deploy.mindir.version1 import read_mindir, rewrite_model
from src.utils import UserError
from tests.support import mindir_networks as networks


def test_an_unknown_argument_is_an_error(tmp_path):
    model = read_mindir(networks.export(networks.FlowStep(6, 3), tmp_path / "a.mindir", 1, 6, 4, 4))
    primitive = next(p.name for p in model.primitives if p.op_type == "Tanh")
    node = next(n for n in model.graph.node if n.op_type == f"REF::{primitive}")
    node.input.append(node.input[0])
    with pytest.raises(UserError, match=r"Tanh .* has 2 arguments where its rule knows 1"):
        rewrite_model(model)
