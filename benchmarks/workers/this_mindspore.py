"""This project without its CPU kernels: MindSpore's operations, oneDNN limited to AVX2. It exports files, too."""

from src.runtime import device

device.prepare("CPU", cpu_kernels="off")

from benchmarks.workers.serve import serve
from benchmarks.workers.this import This

if __name__ == "__main__":
    serve(This())
