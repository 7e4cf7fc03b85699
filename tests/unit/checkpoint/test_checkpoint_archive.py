"""The strict archive reader agrees with Python's on real checkpoints."""

from __future__ import annotations

import zipfile

import pytest
from real_checkpoints import Built

from yolow.checkpoint.archive import Archive


@pytest.mark.parametrize("name", ["yolo26n", "yolo11n-cls"])
def test_members_are_those_of_zipfile(name: str, built: Built) -> None:
    path = built.path(name)
    with path.open("rb") as file, zipfile.ZipFile(path) as expected:
        archive = Archive(path, file)
        assert [f"{archive.folder}/{member}" for member in archive.members] == expected.namelist()
        for info, member in zip(expected.infolist(), archive.members.values(), strict=True):
            assert (info.file_size, info.CRC, info.header_offset) == (
                member.size_bytes,
                member.crc,
                member.offset,
            )
            assert archive.read(member) == expected.read(info)
