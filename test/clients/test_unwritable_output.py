"""A program whose standard error cannot be written (a full disk) ends as it would anyway."""
import subprocess

import pytest
from server import binary

FAILING = {
    "slipway": ["serve", "--data", "/proc/nowhere"],
    "slipway-modelserver": ["--nonsense"],
    "slipway-cell": [],
}


@pytest.mark.parametrize("program", FAILING)
def test_a_failing_start_has_the_same_status_where_nothing_can_be_said(program):
    command = [binary(program), *FAILING[program]]

    def status(error):
        return subprocess.run(command, stdin=subprocess.DEVNULL, stderr=error, timeout=30).returncode

    with open("/dev/full", "wb") as full:
        said = status(subprocess.DEVNULL)
        assert said > 0
        assert status(full) == said
