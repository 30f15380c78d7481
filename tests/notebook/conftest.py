"""Kernels and pages that several files of this folder ask for."""

from __future__ import annotations

import pytest
from kernels import NOBODY, Kernel


@pytest.fixture
def begin(tmp_path):
    """Start kernels in one folder, which nothing tells that they are watched by a test."""
    running = []

    def start(**env):
        kernel = Kernel({**NOBODY, **env}, cwd=str(tmp_path))
        running.append(kernel)
        ran = kernel.run("%load_ext jupyter_prem")
        assert ran.status == "ok", ran.error
        return kernel

    yield start
    for kernel in running:
        kernel.stop()


@pytest.fixture
def folder(tmp_path):
    return tmp_path
