"""Being somebody else: a folder that others can reach, and a user without rights in it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everybody can reach; pytest's own belong to one user."""
    folder = Path(tempfile.mkdtemp(prefix="transferlab-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(folder)


@contextmanager
def powerless() -> Iterator[None]:
    """Be a user whom permissions bind: nobody, if this is root. What a test forbids it must forbid to its owner too."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """New files lack the permissions of `mask`."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
