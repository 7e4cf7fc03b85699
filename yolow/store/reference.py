"""References: the words by which a user names weights. Only the text is looked at here, never a disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from yolow.errors import ConfigError, WeightsNotFoundError
from yolow.store.official import is_official

LATEST = "latest"
WEIGHTS_SUFFIXES = (
    ".pt", ".pth", ".onnx", ".torchscript", ".engine", ".mlmodel", ".tflite", ".pb", ".safetensors",
)  # fmt: skip
# Ultralytics recognises an export folder by the end of its name.
EXPORT_SUFFIXES = (
    "_openvino_model", "_saved_model", "_paddle_model", "_ncnn_model", "_imx_model", "_rknn_model", "_web_model",
    ".mlpackage",
)  # fmt: skip

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"v([1-9][0-9]{0,8})")
_VERSION_LIKE = re.compile(r"v?[0-9]*")
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORMS_HINT = "write NAME:v3, NAME:latest, NAME, sha256:DIGEST, a path or an official name such as yolo26n.pt"


@dataclass(frozen=True, kw_only=True)
class WeightsRef:
    """A reference, taken apart.

    Attributes:
        text: as the user wrote it.
        kind: `version` (`solar:v3`), `alias` (`solar:production`, `solar:latest`), `name` (`solar`), `digest`
            (`sha256:1f3a5c77`), `path` (has a separator or the suffix of weights) or `official` (`yolo26n.pt`, unless
            there is such a file).
        name: the name before the colon, or the bare word.
        number: for `version`, from 1.
        alias: for `alias`.
        digest: for `digest`: the first 8 to 64 lower-case hex digits.
    """

    text: str
    kind: Literal["version", "name", "alias", "digest", "path", "official"]
    name: str | None = None
    number: int | None = None
    alias: str | None = None
    digest: str | None = None


def valid_name(text: str) -> str:
    """The text itself, if it can be the name of versions.

    Names have 1 to 100 letters, digits, `.`, `_` and `-`, and begin with a letter or a digit, so that they are file
    names everywhere and have neither a colon nor a separator.

    Raises:
        ConfigError: the text can't be a name.
    """
    if _NAME.fullmatch(text) is None:
        raise ConfigError(
            f"'{text}' can't be a name of weights",
            note="names have 1 to 100 letters, digits, '.', '_' and '-', and begin with a letter or a digit",
            hint=f"--name {suggested_name(text)}",
        )
    return text


def is_name(text: str) -> bool:
    """Whether the text can be the name of versions."""
    return _NAME.fullmatch(text) is not None


def valid_alias(text: str) -> str:
    """The text itself, if it can be a stored alias: a name that is neither `latest` nor like a version.

    Raises:
        ConfigError: the text can't be an alias.
    """
    reason = None
    if text == LATEST:
        reason = f"'{LATEST}' is always the version with the highest number"
    elif _VERSION_LIKE.fullmatch(text):
        reason = "it looks like a version's number"
    elif not is_name(text):
        reason = "aliases have 1 to 100 letters, digits, '.', '_' and '-', and begin with a letter or a digit"
    if reason is not None:
        raise ConfigError(
            f"'{_CONTROL.sub('?', text)}' can't be an alias",
            context=[reason],
            hint="choose a word such as production",
        )
    return text


def suggested_name(text: str) -> str:
    """A valid name that looks like the text."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:100] or "weights"


def is_export_folder_name(name: str) -> bool:
    """Whether Ultralytics would take a folder of this name for an export."""
    return name.endswith(EXPORT_SUFFIXES)


def parse_reference(text: str) -> WeightsRef:
    """Take a reference apart.

    Raises:
        WeightsNotFoundError: the text has none of the forms.
    """
    if not text.strip() or _CONTROL.search(text):
        raise _malformed(text, "it is empty" if not text.strip() else "it has control characters")
    if _DRIVE.match(text) or "/" in text or "\\" in text or text in {".", "..", "~"}:
        return WeightsRef(text=text, kind="path")
    before, colon, after = text.partition(":")
    if colon:
        return _parse_digest(text, after) if before.lower() == "sha256" else _parse_pair(text, before, after)
    if is_official(text):
        return WeightsRef(text=text, kind="official")
    if text.lower().endswith(WEIGHTS_SUFFIXES) or is_export_folder_name(text) or not is_name(text):
        return WeightsRef(text=text, kind="path")
    return WeightsRef(text=text, kind="name", name=text)


def _parse_digest(text: str, digits: str) -> WeightsRef:
    digest = digits.lower()
    if _DIGEST.fullmatch(digest) is None:
        raise _malformed(text, "a digest has 8 to 64 hex digits")
    return WeightsRef(text=text, kind="digest", digest=digest)


def _parse_pair(text: str, name: str, after: str) -> WeightsRef:
    if not is_name(name):
        raise _malformed(text, f"'{name}' can't be a name")
    version = _VERSION.fullmatch(after)
    if version is not None:
        return WeightsRef(text=text, kind="version", name=name, number=int(version.group(1)))
    if _VERSION_LIKE.fullmatch(after) or not is_name(after):
        raise _malformed(
            text, f"'{after}' is neither a version, such as v3, nor an alias, such as production"
        )
    return WeightsRef(text=text, kind="alias", name=name, alias=after)


def _malformed(text: str, reason: str) -> WeightsNotFoundError:
    return WeightsNotFoundError(
        f"'{_CONTROL.sub('?', text)}' is not a reference to weights", context=[reason], hint=_FORMS_HINT
    )
