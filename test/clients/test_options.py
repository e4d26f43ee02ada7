"""What `slipway serve` is told: flags before the environment before the configuration file."""
import json
import subprocess
import urllib.error
import urllib.request

import pytest
from conftest import Clients, Deployment
from make_model import mlp, tar_gz
from models import csv
from policies import Someone
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


def test_policies_are_off_where_that_is_wished_and_the_log_says_so(tmp_path):
    server = Server(tmp_path / "server", "--authorize", "off").start()
    try:
        keys = Clients(server).iam
        keys.create_user(UserName="somebody")
        made = keys.create_access_key(UserName="somebody")["AccessKey"]
        somebody = Someone(server, "", made)
        assert somebody.s3.list_buckets()["Buckets"] == []
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{server.url}/some-bucket/key")
        assert refused.value.code == 403
    finally:
        assert server.stop() == 0
    assert "policies are off: everyone who has a key may do everything" in server.log_tail()


def test_without_signatures_everyone_is_the_root(tmp_path):
    server = Server(tmp_path / "server", "--auth", "none").start()
    try:
        stranger = Someone(server, "", {"AccessKeyId": "anything", "SecretAccessKey": "at all"})
        stranger.s3.create_bucket(Bucket="of-nobody")
        assert stranger.sts.get_caller_identity()["Arn"].endswith(":root")
    finally:
        assert server.stop() == 0


def test_a_relative_data_directory_serves_models(tmp_path, monkeypatch, models, name):
    monkeypatch.chdir(tmp_path)
    server = Server("beside").start()
    try:
        deployment = Deployment(Clients(server), name).deploy(tar_gz({"model.onnx": mlp()}))
        assert deployment.invoke(csv(models.records[0]), "text/csv", "text/csv")
    finally:
        assert server.stop() == 0
