#!/usr/bin/env bash
# Build the CPU kernels (src/kernels/cpp/), with which training and evaluation on a CPU are faster.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    cat <<'TEXT'
usage: scripts/build_cpu_kernels.sh

Compiles src/kernels/cpp/ for the MindSpore of .venv (or of $PYTHON) into build/cpu_kernels/, where train.py, eval.py
and predict.py find it. Needs g++ 11 or later ($CXX, with $CXXFLAGS), and fetches oneDNN's headers from PyPI (onednn-devel,
0.2 MB); the library is the one in MindSpore's wheel. x86-64 Linux only. A second run changes nothing.
TEXT
}

case ${1:-} in
    "") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) die "argument $1, unknown, $(usage | head -n 1)" ;;
esac

[[ $(uname -sm) == "Linux x86_64" ]] || die "machine $(uname -sm), the CPU kernels are for Linux x86_64, do without them"
python=$(find_python)
compiler=${CXX:-g++}
command -v "$compiler" >/dev/null || die "C++ compiler $compiler, not found, install g++ or set CXX"
cd "$root"
find_mindspore='import importlib.util; print(importlib.util.find_spec("mindspore").submodule_search_locations[0])'
libraries=$("$python" -c "$find_mindspore" 2>/dev/null)/lib ||
    die "Python $python, has no MindSpore, set PYTHON to one that has or make .venv (README, Quick start)"
target=$("$python" -m src.kernels.library)
if (cd "$(dirname "$target")" && sha256sum --check --status "$(basename "$target").sha256") 2>/dev/null; then
    echo "built already: $target"
    exit 0
fi
[[ -e $libraries/libdnnl.so.3 ]] || die "folder $libraries, has no libdnnl.so.3, use MindSpore 2.10's wheel"

mkdir -p "$(dirname "$target")"
make_work_folder "$(dirname "$target")" .build
"$python" -m pip download --disable-pip-version-check --quiet --no-deps --no-cache-dir --only-binary=:all: \
    --dest "$work" onednn-devel==2026.1.0 || die "package onednn-devel, pip could not download it, check the network"
"$python" -m zipfile -e "$work"/onednn_devel-*.whl "$work/headers"
# -Wno-psabi: vectors are passed only inside the library. nodelete: its threads run until the process ends.
read -r -a flags <<<"${CXXFLAGS:-}"
"$compiler" -std=c++17 -O3 -fPIC -shared -pthread -Wno-psabi "${flags[@]}" \
    -isystem "$(echo "$work"/headers/*.data/data/include)" src/kernels/cpp/*.cc \
    -L"$libraries" -l:libdnnl.so.3 -Wl,-rpath,"$libraries" -Wl,--no-undefined -Wl,-z,nodelete -o "$work/library.so" ||
    die "src/kernels/cpp, $compiler could not compile it, see its messages above"
mv "$work/library.so" "$target"
(cd "$(dirname "$target")" && sha256sum "$(basename "$target")") >"$work/digest"
mv "$work/digest" "$target.sha256"
echo "built: $target"
