# Sourced by the other scripts: makes .venv and installs yolow into it, unless that is done already.
# Needs Python 3.10 to 3.13 with venv, and a package index. PYTHON chooses the interpreter.
# TORCH_INDEX=<index URL of CPU builds> installs a small torch without CUDA first.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

yolow_setup() {
    local extras="$1" stamp=".venv/.yolow-${1:-plain}" python
    if [ ! -x .venv/bin/python ]; then
        python="${PYTHON:-}"
        for candidate in python3 python3.13 python3.12 python3.11 python3.10; do
            [ -n "$python" ] && break
            if command -v "$candidate" >/dev/null &&
                "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
                python="$candidate"
            fi
        done
        [ -n "$python" ] || { echo "error: no Python 3.10 to 3.13 found; set PYTHON" >&2; exit 2; }
        echo "setting up .venv with $("$python" --version) ..." >&2
        "$python" -m venv .venv
    fi
    if [ ! -f "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
        echo "installing yolow and what it needs (torch with CUDA is large: about 6 GB on disk) ..." >&2
        if [ -n "${TORCH_INDEX:-}" ]; then
            .venv/bin/python -m pip install --quiet --index-url "$TORCH_INDEX" torch torchvision
        fi
        .venv/bin/python -m pip install --quiet --editable ".${extras:+[$extras]}"
        touch "$stamp"
    fi
    # opencv-python needs the system's libGL and libglib on some minimal images; say so before anything else fails.
    .venv/bin/python -c 'import cv2' 2>/dev/null || {
        .venv/bin/python -c 'import cv2' 2>&1 | tail -n 1 >&2
        echo "error: OpenCV can't be loaded; on Debian: apt-get install libgl1 libglib2.0-0" >&2
        exit 2
    }
    export PATH="$PWD/.venv/bin:$PATH"
}
