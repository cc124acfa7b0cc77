"""Work on several files at once, in threads; all that cannot be used are named in one error."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from src.utils import UserError

_Loaded = TypeVar("_Loaded")
_LONGEST = 1500  # letters of an error that says of each file what is wrong with it


class UnusableFiles(UserError):
    """Files that cannot be used. `problems` says for each what is wrong, in a line."""

    def __init__(self, problems: Mapping[Path, str]):
        self.problems = dict(problems)
        super().__init__(_in_words(self.problems))


def together(*loads: Callable[[], _Loaded]) -> list[_Loaded]:
    """What each of several functions loads. The files that any of them cannot use are named in one error.

    Raises:
        UnusableFiles: there are such files.
    """
    results, problems = [], {}
    for load in loads:
        try:
            results.append(load())
        except UnusableFiles as error:
            problems |= error.problems
    if problems:
        raise UnusableFiles(problems)
    return results


def problems_of(work: Callable[[int], None], count: int, workers: int | None) -> dict[int, str]:
    """Call `work` for 0 .. count - 1 in threads (the decoders release the interpreter's lock).

    All are called, so that the user learns at once of every file that cannot be used. Another kind of error, and
    Ctrl-C, ends the work after the calls under way.

    Returns:
        What is wrong, by number, in their order.
    """
    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(work, index) for index in range(count)]
        problems = {}
        try:
            for index, future in enumerate(futures):
                try:
                    future.result()
                except UserError as error:
                    problems[index] = str(error)
        except BaseException:  # Ctrl-C too
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return problems


def _in_words(problems: Mapping[Path, str]) -> str:
    """What is wrong with each file; where that is too long, with the first, and the names of all."""
    said = list(dict.fromkeys(problems.values()))  # a picture may be unreadable for itself and for its mask
    if len(said) == 1:
        return said[0]
    text = f"{len(said)} files cannot be used: {'; '.join(said)}"
    if len(text) <= _LONGEST:
        return text
    common = os.path.commonpath([path.parent for path in problems])
    names = ", ".join(os.path.relpath(path, common) for path in problems)
    return f"{len(said)} files under {common} cannot be used: {names}. The first: {said[0]}"
