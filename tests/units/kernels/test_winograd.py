"""The matrices of the kernels' Winograd transforms against their definition."""

import subprocess

import numpy as np
import pytest

from src import ROOT
from tests.support.runner_toolchain import need_programs

MATRICES = ("Input", "Output", "Gradient", "Weights", "WeightGradient")
POINTS = {"F2": (0, 1, -1), "F4": (0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)}  # and infinity
PRINT = """
#include <cstdio>
#include "winograd_transforms.h"

template <typename Matrix>
void Print() {
    for (int in = 0; in < Matrix::kIn; ++in) {
        double unit[Matrix::kIn] = {}, column[Matrix::kOut];
        unit[in] = 1;
        Matrix::Apply(unit, 1, column, 1);
        for (double value : column) std::printf("%.17g ", value);
        std::printf(";");
    }
    std::printf("\\n");
}

int main() {
"""


@pytest.fixture(scope="module")
def matrices(tmp_path_factory):
    """By algorithm and name, float64: what each transform does to unit vectors."""
    need_programs("g++")
    folder = tmp_path_factory.mktemp("matrices")
    names = [(algorithm, name) for algorithm in POINTS for name in MATRICES]
    calls = "".join(f"Print<fastflow::{algorithm}::{name}>();\n" for algorithm, name in names)
    (folder / "print.cc").write_text(PRINT + calls + "}\n")
    command = ["g++", "-std=c++17", "-I", str(ROOT / "src/kernels/cpp"), "print.cc", "-o", "print"]
    subprocess.run(command, cwd=folder, check=True)
    lines = subprocess.run(folder / "print", capture_output=True, text=True, check=True).stdout.splitlines()
    columns = [[column.split() for column in line.rstrip(";").split(";")] for line in lines]
    return {name: np.array(values, float).T for name, values in zip(names, columns)}


@pytest.mark.parametrize("algorithm", POINTS)
def test_they_give_every_product_of_a_filter_and_an_input_once_where_it_belongs(matrices, algorithm):
    """A^T [(G g) * (B^T d)] is the correlation of g and d: output i is the sum of g[j] d[i + j]."""
    output, weights, of_input = (matrices[algorithm, name] for name in ("Output", "Weights", "Input"))
    found = np.einsum("ik,kj,kl->ijl", output, weights, of_input)
    i, j, place = np.indices(found.shape)
    np.testing.assert_allclose(found, place == i + j, rtol=0, atol=1e-6)


@pytest.mark.parametrize("algorithm", POINTS)
def test_outputs_and_filters_are_polynomials_at_the_points(matrices, algorithm):
    points = np.array(POINTS[algorithm])
    output, weights = matrices[algorithm, "Output"], matrices[algorithm, "Weights"]
    infinity = np.eye(len(output))[-1]
    np.testing.assert_array_equal(
        output, np.column_stack((np.vander(points, len(output), increasing=True).T, infinity))
    )
    powers = np.vstack((np.vander(points, 3, increasing=True), (0, 0, 1)))
    factors = weights[:, :1] / powers[:, :1].clip(1)  # of each point; infinity's is in the last column
    factors[-1] = weights[-1, -1]
    np.testing.assert_allclose(weights, factors * powers, rtol=1e-6)


@pytest.mark.parametrize("algorithm", POINTS)
def test_the_gradients_transforms_are_the_transposes(matrices, algorithm):
    """Of y = A^T [U * V] with U = G g: the gradient of g is G^T [(A dy) * V]."""
    np.testing.assert_array_equal(matrices[algorithm, "Gradient"], matrices[algorithm, "Output"].T)
    np.testing.assert_array_equal(matrices[algorithm, "WeightGradient"], matrices[algorithm, "Weights"].T)
