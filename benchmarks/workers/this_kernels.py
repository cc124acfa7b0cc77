"""This project with its CPU kernels; oneDNN has no limit here, so none of MindSpore's own convolutions may run."""

from src.runtime import device

device.prepare("CPU", cpu_kernels="on")

from benchmarks.workers.serve import serve
from benchmarks.workers.this import This

if __name__ == "__main__":
    serve(This())
