"""Read a checkpoint's pickle through all checks: the one way in for everything that looks into a `.pt`."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from yolow.checkpoint.archive import Archive
from yolow.checkpoint.formats import refuse_unless_zip
from yolow.checkpoint.network import attributes, mapping
from yolow.checkpoint.network_table import NetworkTable, OddNetworkError, tabulate
from yolow.checkpoint.plain import TooManyValuesError
from yolow.checkpoint.stand_ins import Found, Made, Named
from yolow.checkpoint.tensors import check_tensors
from yolow.checkpoint.unpickle import follow
from yolow.checkpoint.verdict import refuse_activation, refuse_unexpected
from yolow.errors import WeightsError, WeightsNotFoundError

# Real ones have up to half a megabyte; the tensors' values lie outside.
MAX_PICKLE_BYTES = 16 * 1024**2
HEAD_BYTES = 512

Identity: TypeAlias = tuple[int, int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A checkpoint that passed all checks, its file closed again.

    Attributes:
        path: the file.
        size_bytes: its size.
        identity: tells whether the file is still the one that was checked; see `identity_of`.
        archive: the members and where they are.
        found: all that the pickle says.
        checkpoint: the entries at its top.
        source: `ema` or `model`: the entry that holds the network.
        network: the network that Ultralytics would load.
        table: its modules and tensors.
    """

    path: Path
    size_bytes: int
    identity: Identity
    archive: Archive
    found: Found
    checkpoint: dict[Any, Any]
    source: str
    network: Made
    table: NetworkTable


def read_verified(path: Path) -> Verified:
    """Read a checkpoint with inert stand-ins and check all of it.

    The archive's structure, the checksums of the pickle and of every tensor's storage, every global and its use, that
    each tensor lies within its storage, and that the network is one.

    Raises:
        WeightsNotFoundError: there is no such file.
        WeightsError: it is not an Ultralytics checkpoint, or it is damaged.
        WeightsRefusedError: it names code that a checkpoint has no use for.
    """
    with readable(path), opened(path) as file:
        refuse_unless_zip(str(path), file.read(HEAD_BYTES))
        archive = Archive(path, file)
        found = follow(pickle_bytes(archive))
        refuse_unexpected(path, found)
        if found.fault is not None:
            raise archive.error("the checkpoint's pickle is broken", found.fault)
        check_storages(found, archive)
        checkpoint = mapping(found.root)
        source, network = network_of(path, checkpoint)
        refuse_activation(path, mapping(attributes(network).get("yaml")))
        return Verified(
            path=path,
            size_bytes=os.fstat(file.fileno()).st_size,
            identity=identity_of(os.fstat(file.fileno())),
            archive=archive,
            found=found,
            checkpoint=checkpoint,
            source=source,
            network=network,
            table=table_of(path, network),
        )


def read_unchanged(path: Path) -> Verified:
    """As `read_verified`, but a file that is looked at from several sides in a row is read once.

    For looking only: weights that are about to be loaded are read anew.
    """
    with readable(path):
        return _kept(path, identity_of(path.stat()))


@functools.lru_cache(maxsize=1)
def _kept(path: Path, _: Identity) -> Verified:
    return read_verified(path)


def identity_of(status: os.stat_result) -> Identity:
    """What changes when a file is written or replaced."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what can go wrong on the way into errors of weights."""
    try:
        yield
    except FileNotFoundError:
        raise WeightsNotFoundError("the weights file is not there", context=[str(path)]) from None
    except OSError as error:
        raise WeightsError(
            "the weights file can't be read", context=[str(path), error.strerror or type(error).__name__]
        ) from error
    except (MemoryError, RecursionError, OverflowError, TooManyValuesError) as error:
        raise WeightsError("the checkpoint is beyond any sensible size", context=[str(path)]) from error


def opened(path: Path) -> BinaryIO:
    """A regular file, open for reading; a pipe is not waited for."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise WeightsError("the weights are not a file", context=[f"{path} is {what}"])
    return path.open("rb")


def pickle_bytes(archive: Archive, *, salvaged: bool = False) -> bytes:
    """The checkpoint's pickle.

    Args:
        salvaged: as much of it as can be read, whatever its checksum says.

    Raises:
        WeightsError: there is none, or it is absurdly large or damaged, or this is a TorchScript archive.
    """
    # torch takes a TorchScript archive for one by this entry alone, and would run the code in it.
    if "constants.pkl" in archive.members or any(name.startswith("code/") for name in archive.members):
        raise archive.error("the file is a TorchScript archive, which carries code in place of a checkpoint")
    member = archive.members.get("data.pkl")
    if member is None:
        raise archive.error("the archive is not a PyTorch checkpoint: it has no data.pkl")
    if member.size_bytes > MAX_PICKLE_BYTES:
        raise archive.error("the checkpoint's pickle is absurdly large", f"{member.size_bytes} bytes")
    return archive.salvage(member) if salvaged else archive.read(member)


def check_storages(found: Found, archive: Archive) -> None:
    """Check all tensors against the archive, and that their bytes are in the order of this machine's kind.

    Raises:
        WeightsError: a tensor is damaged, or the file was written by a machine that counts bytes the other way.
    """
    for name, member in archive.members.items():
        # torch finds this entry by a name in any case.
        if name.lower() == "byteorder" and (member.size_bytes > 16 or archive.read(member) != b"little"):
            raise archive.error("the checkpoint's bytes are not in little-endian order", f"entry: {name}")
    check_tensors(found, archive)


def network_of(path: Path, checkpoint: dict[Any, Any]) -> tuple[str, Made]:
    """The network that Ultralytics would load: the averaged one of a training that goes on, else the model.

    Raises:
        WeightsError: there is none.
    """
    source = "ema" if type(checkpoint.get("ema")) is Made else "model"
    network = checkpoint.get(source)
    if (
        type(network) is Made
        and type(network.maker) is Named
        and network.maker.module == "ultralytics.nn.tasks"
    ):
        return source, network
    tensors_alone = bool(checkpoint) and all(type(value) is Made for value in checkpoint.values())
    raise WeightsError(
        "the file is a PyTorch file, but not an Ultralytics checkpoint",
        context=[str(path), "looks like tensors without their network"] if tensors_alone else [str(path)],
        note="an Ultralytics checkpoint holds the network itself under `model` or `ema`",
    )


def table_of(path: Path, network: Made) -> NetworkTable:
    """The modules and tensors of a network.

    Raises:
        WeightsError: it is none that torch could use.
    """
    try:
        return tabulate(network)
    except OddNetworkError as error:
        raise WeightsError(
            "the checkpoint's network can't be used", context=[str(path), str(error)]
        ) from None
