"""Real checkpoints, built once by Ultralytics in a process of its own."""

from __future__ import annotations

import pytest
from real_checkpoints import ARCHITECTURES, Built, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Fresh checkpoints of every task and family."""
    return build(tmp_path_factory.mktemp("built"), *ARCHITECTURES)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """`NAME-resumable.pt` and `NAME-stripped.pt` of one epoch each of a detector and a classifier."""
    return build(tmp_path_factory.mktemp("trained"), "trained")
