#!/usr/bin/env bash
# Sets up .venv and runs the whole test suite. Arguments go to pytest: bash scripts/test.sh -k store
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
yolow_setup dev
# Most tests are short processes of one thread: two workers, each with whole files, halve the time.
exec python -m pytest -n 2 --dist loadfile "$@"
