"""The names in a MindIR, by which its nodes refer to each other: checked before anything relies on them."""

from mindspore.train import mind_ir_pb2 as ir


def check_references(graph: ir.GraphProto) -> None:
    """Check that every name is given once, and that nodes and outputs name what comes before them.

    Args:
        graph: one that calls no others: their names would be references, too.

    Raises:
        ValueError: it is not so.
    """
    known = [entry.name for entry in (*graph.parameter, *graph.input)]
    names = set(known)
    if len(names) < len(known):
        raise ValueError("two parameters or inputs have the same name")
    for node in graph.node:
        if not names.issuperset(node.input):
            raise ValueError("a node takes what no node before it gives")
        if names.intersection(node.output):
            raise ValueError("two nodes have the same name")
        names.update(node.output)
    if not names.issuperset(entry.name for entry in graph.output):
        raise ValueError("an output is no node's")
