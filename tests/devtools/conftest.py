"""Helpers for the tests of `./dev` itself."""

import os
import time

import psutil
import pytest

from devtools import paths


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder."""
    folder = tmp_path / "home"
    monkeypatch.setenv(paths.HOME_VARIABLE, str(folder))
    return folder


@pytest.fixture
def no_server_named(monkeypatch):
    """A machine on which no PG… variable is set."""
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_program(tmp_path, monkeypatch):
    """A function that puts a shell script before everything else in the PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name, script):
        (folder / name).write_text("#!/bin/sh\n" + script)
        (folder / name).chmod(0o755)

    return make


@pytest.fixture
def wait_until_gone():
    """A function that waits until none of some processes runs; a zombie, which waits for its parent, does not."""

    def is_at_work(process):
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def wait(processes, timeout):
        deadline = time.monotonic() + timeout
        while alive := [process for process in processes if is_at_work(process)]:
            assert time.monotonic() < deadline, alive
            time.sleep(0.05)

    return wait
