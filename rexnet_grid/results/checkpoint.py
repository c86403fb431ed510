"""The checkpoint of a run: a state that is opaque here, and how many parts of each table belong to it."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

from rexnet_grid.errors import OutputError
from rexnet_grid.results.parts import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHECKPOINT = "checkpoint.bin"

_MAGIC = b"REXNET01"
_LENGTH = struct.Struct("<Q")


def write_checkpoint(folder: Path, parts: Mapping[str, int], state: bytes) -> None:
    """Replace the checkpoint of the run in ``folder``.

    Parameters
    ----------
    folder
        The run folder.
    parts
        Table to the number of parts written before the checkpoint.
    state
        What the run needs to go on.
    """
    counts = json.dumps(dict(parts), sort_keys=True).encode()
    write_atomically(folder / CHECKPOINT, _MAGIC + _LENGTH.pack(len(counts)) + counts + state)


def read_checkpoint(folder: Path) -> tuple[dict[str, int], bytes]:
    """Return the numbers of parts and the state that :func:`write_checkpoint` was given last.

    Raises
    ------
    OutputError
        When there is no checkpoint, or it is of another version.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise OutputError(f"{folder} holds no checkpoint; the run cannot be resumed")
    content = path.read_bytes()
    start = len(_MAGIC) + _LENGTH.size
    if content[: len(_MAGIC)] != _MAGIC or len(content) < start:
        raise OutputError(f"{path} is not a checkpoint of this version")
    (length,) = _LENGTH.unpack(content[len(_MAGIC) : start])
    counts: dict[str, int] = json.loads(content[start : start + length])
    return counts, content[start + length :]
