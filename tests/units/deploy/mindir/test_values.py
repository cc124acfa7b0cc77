"""Attributes hold values, and give them back."""

import struct

import pytest
from mindspore.train import mind_ir_pb2 as ir

from src.deploy.mindir.values import Attribute, to_attribute, to_integers, to_number, to_python, without_sequence_info
from src.utils import UserError


@pytest.mark.parametrize("value", [True, False, 3, -1, 0.5, "NCHW", (), (1, 2), ((0, 1), (True, "a"), 0.25)])
def test_an_attribute_gives_its_value_back(value):
    found = to_python(to_attribute(value))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("value", [None, [1, 2], {}])
def test_a_value_that_no_attribute_holds(value):
    with pytest.raises(UserError, match=f"an attribute of type {type(value).__name__} has no rule"):
        to_attribute(value)


def test_a_constant_of_an_unknown_type():
    with pytest.raises(UserError, match="a constant of type COMPLEX64 has no rule for MindIR version 1"):
        to_python(Attribute(type=Attribute.COMPLEX64))


def test_sequence_info_is_left_out_at_every_level():
    attribute = to_attribute(((1, 2), 3))
    expected = attribute.SerializeToString()
    attribute.seq_info.is_dyn_len = True
    attribute.values[0].seq_info.is_dyn_len = True
    before = attribute.SerializeToString()
    assert without_sequence_info(attribute).SerializeToString() == expected
    assert attribute.SerializeToString() == before


def tensor(kind, code, *values):
    return ir.TensorProto(data_type=kind, dims=[len(values)], raw_data=struct.pack(f"<{len(values)}{code}", *values))


def test_numbers_and_integers_of_tensors():
    assert to_number(tensor(ir.TensorProto.FLOAT, "f", 0.5)) == 0.5
    assert (to_number(None), to_number(2)) == (0.0, 2.0)
    assert to_integers(tensor(ir.TensorProto.INT32, "i", 1, -2)) == (1, -2)
    assert to_integers(tensor(ir.TensorProto.INT64, "q", 1, -2)) == (1, -2)
    for wrong in (tensor(ir.TensorProto.FLOAT, "f", 1, 2), tensor(ir.TensorProto.INT32, "i", 1)):
        with pytest.raises(UserError, match="has to be one float32"):
            to_number(wrong)
