"""MindSpore's launcher: its options, and the error that its processes ended in. Nothing is launched here."""

import pytest

from src.runtime.msrun import complete_options, first_error, option
from src.utils import UserError


def test_an_error_of_all_processes_is_told_once(tmp_path):
    for rank in range(2):
        (tmp_path / f"worker_{rank}.log").write_text(f"rank {rank} of 2\nerror: the loss is nan; a remedy\n")
    (tmp_path / "worker_2.log").write_text("rank 2 of 3\n")
    assert first_error(tmp_path) == "the loss is nan; a remedy"


def test_msruns_options_are_completed_for_one_machine_and_passed_on_for_several(tmp_path):
    one = complete_options(["--worker_num", "4"], tmp_path)
    assert option(one, "local_worker_num") == "4"
    assert 1024 <= int(option(one, "master_port")) <= 65535
    given = ["--worker_num=16", "--local_worker_num=8", "--master_addr=10.0.0.1", "--master_port=8118", "--node_rank=1"]
    several = complete_options(given, tmp_path)
    assert several[:5] == given
    assert [option(several, name) for name in ("master_port", "cluster_time_out")] == ["8118", None]
    with pytest.raises(UserError, match="--worker_num is missing or not a number"):
        complete_options(["--worker_num", "two"], tmp_path)
