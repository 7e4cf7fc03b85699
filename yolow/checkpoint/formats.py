"""Name what a file looks like, so that an error can say more than "not a checkpoint"."""

from __future__ import annotations

from yolow.errors import WeightsError

# The first bytes of what people really hand in as weights, most specific first.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer: the weights themselves were not fetched",
    ),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"GGUF", "a GGUF model"),
    (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch file of the format before 1.6"),
    (b"\x80", "a bare pickle"),
)
_LFS_POINTER = _SIGNATURES[0][0]
_HEAD_BYTES = 512


def refuse_unless_zip(path: str, head: bytes) -> None:
    """Raise an error that names the format, unless the file starts as a zip archive does.

    Args:
        path: for the error.
        head: the first bytes of the file, 512 or the whole of it.

    Raises:
        WeightsError: the file is empty or of another format.
    """
    if not head:
        raise WeightsError("the weights file is empty", context=[path], hint="fetch or copy the file again")
    if head.startswith(b"PK\x03\x04"):
        return
    looks_like = describe(head)
    context = [path] if looks_like is None else [path, f"looks like {looks_like}"]
    hint = "git lfs pull" if head.startswith(_LFS_POINTER) else None
    raise WeightsError("the file is not a PyTorch checkpoint", context=context, hint=hint)


def describe(head: bytes) -> str | None:
    """What a file that is not a zip archive looks like, or None."""
    head = head[:_HEAD_BYTES]
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[257:262] == b"ustar":
        return "a tar archive"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<?xml", b"<head")):
        return "an HTML page: the download gave a web page in place of the file"
    if len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32:
        return "a safetensors file"
    if head[:1] == b"\x08" and head[2:3] == b"\x12":
        return "an ONNX model"
    if head.startswith((b"{", b"[")):
        return "a JSON text"
    if not head.strip(b"\x00"):
        return "a file of zero bytes: a download or copy that was never filled"
    return None
