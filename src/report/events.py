"""The course of a training for TensorBoard, while it runs. Its package is needed only where it is asked for."""

import contextlib
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from src.utils import UserError

LOGS = ("tensorboard",)  # what --log_to may name
Record = Callable[[int, str, Mapping[str, float]], None]  # so many steps are finished; of what; numbers by name
FLUSH_SECONDS = 10  # what a killed training loses


def not_recorded(step: int, of: str, numbers: Mapping[str, float]) -> None:
    """A `Record` that is kept nowhere."""


def check_available(log_to: str | None) -> None:
    """Check that what writes the log is installed.

    Raises:
        UserError: it is not.
    """
    if log_to is not None and importlib.util.find_spec("tensorboard") is None:
        raise UserError(f"--log_to {log_to}: the package tensorboard is not installed; pip install tensorboard")


@contextlib.contextmanager
def recorded(log_to: str | None, folder: Path, step: int) -> Iterator[Record]:
    """Gives a `Record` that writes to a folder, for TensorBoard; one that is kept nowhere if `log_to` is None.

    Args:
        step: so many steps are finished. What the folder has of later ones, of an earlier or interrupted training, is
            not shown any more.
    """
    if log_to is None:
        yield not_recorded
        return
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder), flush_secs=FLUSH_SECONDS)

    def record(step: int, of: str, numbers: Mapping[str, float]) -> None:
        values = [Summary.Value(tag=f"{of}/{name}", simple_value=value) for name, value in numbers.items()]
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    try:
        restart = SessionLog(status=SessionLog.START)  # TensorBoard forgets what it knew from this step on
        writer.add_event(Event(wall_time=time.time(), step=step + 1, session_log=restart))
        yield record
    finally:
        writer.close()
