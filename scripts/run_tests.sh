#!/usr/bin/env bash
# Set up what the tests need, and run them. Arguments go to pytest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
make_venv requirements-dev.txt requirements-convert.txt
.venv/bin/python -m pytest "$@"
