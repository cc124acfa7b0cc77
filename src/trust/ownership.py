"""Folders that nobody but the user can write: what lies there was put there by the user's own programs."""

import os
import stat
from pathlib import Path

from src.utils import UserError


def check_private(folder: Path) -> None:
    """Check that a folder is the user's own, and that no other user can write it or put another in its place.

    On the way to it, a folder that others can write is allowed only with the sticky bit, as /tmp has it: there nobody
    can rename what is another's.

    Raises:
        UserError: somebody else can; the message says where.
    """
    folder, user = folder.resolve(), os.geteuid()
    for place in (folder, *folder.parents):
        status = place.stat()
        sticky = place != folder and status.st_mode & stat.S_ISVTX
        if status.st_uid not in ((user,) if place == folder else (user, 0)):
            raise UserError(f"{place} belongs to another user, who could change what {folder} holds; choose another")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
            raise UserError(f"{place} can be written by other users; chmod go-w it, or choose another folder")
