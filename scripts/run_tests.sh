#!/usr/bin/env bash
# Set up what the tests need (Python packages, the C++ runner's toolchain), and run them. Arguments go to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
make_venv requirements-dev.txt requirements-convert.txt
bash scripts/install_runner_toolchain.sh
.venv/bin/python -m pytest "$@"
