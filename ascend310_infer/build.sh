#!/usr/bin/env bash
# Build the C++ runner, and with --tests build and run its unit tests.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/common.sh"
here=$root/ascend310_infer

usage() {
    cat <<'TEXT'
usage: ascend310_infer/build.sh [options]

  --lite_home DIR        MindSpore Lite 2.x: the unpacked release or the folder mindspore_lite of its wheel
                         (default: the environment variable LITE_HOME)
  --mindspore_home DIR   MindSpore 1.8 to 1.10: the folder of the installed package mindspore
                         (default: the environment variable MINDSPORE_HOME)
  --onnxruntime_home DIR onnxruntime, for machines without Ascend: the folder of its include and lib
                         (default: the environment variable ONNXRUNTIME_HOME)
  --build_dir DIR        where to build (default: ascend310_infer/build/<lite | mindspore | onnxruntime | tests>)
  --cxx11_abi 0|1        _GLIBCXX_USE_CXX11_ABI (default: the toolchain's own)
  --tests                instead build and run the unit tests; needs no runtime
  --sanitize             under the address and undefined behaviour sanitizers, for tests
  --sanitize_threads     under the thread sanitizer, for tests
  --help                 this text
The compiler is CXX or the default one; for a runtime built for aarch64 on another machine, aarch64-linux-gnu-g++.
The last line printed is the program's path.
TEXT
}

lite="" mindspore="" onnxruntime="" build="" abi="" tests=OFF sanitize=""
while [[ $# -gt 0 ]]; do
    option=$1
    case "$option" in
        --tests) tests=ON ;;
        --sanitize) sanitize=address,undefined ;;
        --sanitize_threads) sanitize=thread ;;
        --help | -h)
            usage
            exit 0
            ;;
        --lite_home | --mindspore_home | --onnxruntime_home | --build_dir | --cxx11_abi)
            [[ $# -gt 1 ]] || die "option $option, has no value, give one"
            shift
            case "$option" in
                --lite_home) lite=$1 ;;
                --mindspore_home) mindspore=$1 ;;
                --onnxruntime_home) onnxruntime=$1 ;;
                --build_dir) build=$1 ;;
                --cxx11_abi) abi=$1 ;;
            esac
            ;;
        *) die "option $option, not known, see --help" ;;
    esac
    shift
done
command -v cmake >/dev/null || die "cmake, not found, install it (scripts/install_runner_toolchain.sh does)"

configure=(-DFASTFLOW_TESTS="$tests" -DFASTFLOW_SANITIZE="$sanitize" -DFASTFLOW_CXX11_ABI="$abi")
compile() { # compile BUILD-FOLDER CMAKE-OPTIONS...
    local folder=$1
    shift
    cmake -S "$here" -B "$folder" "${configure[@]}" "$@" || die "cmake, cannot configure $folder, see above"
    cmake --build "$folder" --parallel "${JOBS:-2}" || die "compiler, the build in $folder failed, see above"
}

if [[ $tests == ON ]]; then
    build=${build:-$here/build/tests}
    compile "$build" -DLITE_HOME= -DMINDSPORE_HOME= -DONNXRUNTIME_HOME=
    (cd "$build" && ctest --output-on-failure) || die "unit tests, failed, see above"
    exit 0
fi

# Options overrule the environment.
if [[ -z $lite$mindspore$onnxruntime ]]; then
    lite=${LITE_HOME:-}
    [[ -n $lite ]] || mindspore=${MINDSPORE_HOME:-}
    [[ -n $lite$mindspore ]] || onnxruntime=${ONNXRUNTIME_HOME:-}
fi
home=$lite$mindspore$onnxruntime
[[ $home == "$lite" || $home == "$mindspore" || $home == "$onnxruntime" ]] ||
    die "options --lite_home, --mindspore_home and --onnxruntime_home, more than one is given, give one"
[[ -n $home ]] ||
    die "MindSpore, not given, set LITE_HOME or --lite_home (2.x), MINDSPORE_HOME or --mindspore_home (1.8 to 1.10), or ONNXRUNTIME_HOME or --onnxruntime_home"
[[ -d $home ]] || die "folder $home, not found, give the folder of the runtime"
home=$(cd "$home" && pwd)

library=""
for candidate in "$home"/runtime/lib/libmindspore-lite.so "$home"/lib/libmindspore-lite.so \
    "$home"/lib/libmindspore-extendrt_python.so "$home"/lib/libmindspore.so "$home"/lib/libonnxruntime.so; do
    if [[ -e $candidate ]]; then
        library=$candidate
        break
    fi
done
[[ -n $library ]] || die "folder $home, holds no MindSpore runtime library and no onnxruntime, give the folder above its lib"

case "$(od -An -tx1 -j18 -N1 "$library" | tr -d ' ')" in # the byte of the ELF header that names the machine
    b7) wanted=aarch64 ;;
    3e) wanted=x86_64 ;;
    *) die "library $library, is for neither aarch64 nor x86_64, give another runtime" ;;
esac
compiler=()
if [[ $wanted != "$(uname -m)" ]]; then
    cross=${CXX:-$wanted-linux-gnu-g++}
    command -v "$cross" >/dev/null ||
        die "library $library, is for $wanted and there is no $cross, run scripts/install_runner_toolchain.sh"
    compiler=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$wanted" -DCMAKE_CXX_COMPILER="$cross")
    libraries=${FASTFLOW_LIBRARIES:-$root/build/$wanted} # where install_runner_toolchain.sh puts them
    [[ ! -d $libraries ]] || compiler+=(-DFASTFLOW_LIBRARIES="$libraries")
fi

if [[ -n $lite ]]; then
    build=${build:-$here/build/lite}
    compile "$build" -DLITE_HOME="$home" -DMINDSPORE_HOME= -DONNXRUNTIME_HOME= "${compiler[@]}"
elif [[ -n $onnxruntime ]]; then
    build=${build:-$here/build/onnxruntime}
    compile "$build" -DLITE_HOME= -DMINDSPORE_HOME= -DONNXRUNTIME_HOME="$home" "${compiler[@]}"
else
    build=${build:-$here/build/mindspore}
    compile "$build" -DLITE_HOME= -DMINDSPORE_HOME="$home" -DONNXRUNTIME_HOME= "${compiler[@]}"
fi
echo "$(cd "$build" && pwd)/fastflow_infer"
