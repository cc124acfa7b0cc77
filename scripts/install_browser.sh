#!/usr/bin/env bash
# Install the browser that the tests of the reports open them in: Debian's Chromium and its driver, what is missing of
# them. A second run changes nothing.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ $# -eq 0 ]] || die "argument $1, there is none, usage: scripts/install_browser.sh"
apt_install chromium:chromium chromedriver:chromium-driver
