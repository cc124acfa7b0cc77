"""Folders that nobody but the user can write: what lies there was put there by the user's own programs."""

import os
import stat
from pathlib import Path


def others_who_can_write(folder: Path) -> str | None:
    """Who but the user could write a folder, or put another in its place, in words; None: nobody.

    On the way to it, a folder that others can write is allowed only with the sticky bit, as /tmp has it: there nobody
    can rename what is another's.
    """
    folder, user = folder.resolve(), os.geteuid()
    for place in (folder, *folder.parents):
        status = place.stat()
        sticky = place != folder and status.st_mode & stat.S_ISVTX
        if status.st_uid != user and (place == folder or status.st_uid != 0):
            return f"{place} belongs to another user"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
            return f"{place} can be written by other users (chmod go-w)"
    return None
