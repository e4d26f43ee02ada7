"""What `slipway serve` is told: flags before the environment before the configuration file."""
import json
import subprocess

import pytest
from server import Server, binary


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "slipway.conf"
    path.write_text('region = "eu-west-1"\naccount = "111111111111"\n')
    return path


def told(tmp_path, *flags):
    """What a server that was started with these flags says of itself."""
    server = Server(tmp_path / "server", *flags).start()
    try:
        return json.loads((server.data / "server.json").read_text())
    finally:
        assert server.stop() == 0


def test_the_file_says_what_nothing_else_says(tmp_path, config):
    said = told(tmp_path, "--config", config)
    assert (said["region"], said["account"]) == ("eu-west-1", "111111111111")


def test_the_environment_comes_before_the_file_and_a_flag_before_both(tmp_path, config, monkeypatch):
    monkeypatch.setenv("SLIPWAY_REGION", "eu-north-1")
    assert told(tmp_path / "a", "--config", config)["region"] == "eu-north-1"
    assert told(tmp_path / "b", "--config", config, "--region", "ap-south-1")["region"] == "ap-south-1"


def test_an_unknown_name_in_the_file_is_refused_by_name(tmp_path, config):
    config.write_text("nonsense = 1\n")
    done = subprocess.run([binary(), "serve", "--data", tmp_path / "data", "--port", "0",
                           "--config", config], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "nonsense" in done.stderr


def test_no_signatures_are_refused_where_others_reach_the_server(tmp_path):
    done = subprocess.run([binary(), "serve", "--data", tmp_path / "data", "--port", "0",
                           "--auth", "none", "--listen", "0.0.0.0"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "--auth none" in done.stderr
