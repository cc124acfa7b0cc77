#!/usr/bin/env bash
# Set up what the tests need (Python packages, the C++ runner's toolchain, a browser, the CPU kernels), and run them.
# Arguments go to pytest. Where the toolchain, the browser or the kernels cannot be had, their tests are skipped; with CI
# set in the environment, this is an error.
#
# Two processes share the test files (-n 0: one does all): most of the time is the import and the compiler of MindSpore,
# which use one processor. They begin with the programs, whose tests take the longest.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cd "$root"
make_venv requirements-dev.txt
if ! bash scripts/install_runner_toolchain.sh; then
    [[ -z ${CI:-} ]] || die "the C++ runner's toolchain, cannot be installed and CI is set, see the message above"
    echo "the C++ runner's toolchain cannot be installed: its tests will be skipped" >&2
fi
if ! bash scripts/install_browser.sh; then
    [[ -z ${CI:-} ]] || die "the browser, cannot be installed and CI is set, see the message above"
    echo "the browser cannot be installed: its tests will be skipped" >&2
fi
if ! PYTHON=.venv/bin/python bash scripts/build_cpu_kernels.sh; then
    [[ -z ${CI:-} ]] || die "the CPU kernels, cannot be built and CI is set, see the message above"
    echo "the CPU kernels cannot be built: their tests will be skipped" >&2
fi
.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
