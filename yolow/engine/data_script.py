"""Run the `download:` script of a data-set YAML, which the user has allowed with `--allow-code`.

Upstream executes it as Python or shell code. It runs in a process of its own, so that nothing that it changes or
imports reaches the training, with upstream's settings pointing at the YAML's folder: there yolow looks for the
images too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from yolow.engine.upstream import QUIET_SETTINGS
from yolow.errors import DataError

_CODE = "import sys; from ultralytics.data.utils import check_det_dataset; check_det_dataset(sys.argv[1])"


def run_download_script(yaml_file: Path, *, scratch: Path, offline: bool) -> None:
    """Let upstream fetch the images of a data set the way that its YAML says.

    Args:
        yaml_file: the data-set YAML; its folder is where relative paths lead.
        scratch: an empty folder for upstream's settings.
        offline: tell upstream that there is no network.

    Raises:
        DataError: the script failed; its last lines of output are in the context.
    """
    settings = {**dict.fromkeys(QUIET_SETTINGS, False), "datasets_dir": str(yaml_file.parent)}
    (scratch / "Ultralytics").mkdir(parents=True)
    (scratch / "Ultralytics" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = {**os.environ, "YOLO_CONFIG_DIR": str(scratch), "YOLO_AUTOINSTALL": "False"}
    environment["YOLO_OFFLINE"] = "1" if offline else "0"
    process = subprocess.run(
        [sys.executable, "-c", _CODE, str(yaml_file)],
        cwd=yaml_file.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        last = [line.strip() for line in process.stdout.splitlines() if line.strip()][-5:]
        raise DataError("the data set's download script failed", context=[str(yaml_file), *last])
