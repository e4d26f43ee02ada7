"""What users of LocalStack bring along: its address of health, its names, its wrapper of the AWS CLI."""
import json
import os
import pathlib
import socket
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config
from conftest import Clients
from server import Server
from test_hostile import ask

ZONE = "localhost.localstack.cloud"


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("open"), "--auth", "none").start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture
def awslocal(open_server):
    """awslocal with no key and no setting but where the emulator is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**kept, "LOCALSTACK_HOST": f"127.0.0.1:{open_server.port}", "DISABLE_DEPRECATION_NOTICE": "1",
                   "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
                   "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}

    def run(*words):
        done = subprocess.run([pathlib.Path(sys.executable).parent / "awslocal", *words], capture_output=True,
                              text=True, timeout=60, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout

    return run


@pytest.mark.parametrize("of", ["server", "open_server"])
def test_the_address_of_health_says_what_is_here(request, of):
    """Docker's checks and testcontainers ask it without keys; some by HEAD."""
    server = request.getfixturevalue(of)
    status, body = ask(server, "GET", "/_localstack/health")
    said = json.loads(body)
    assert status == 200 and said["edition"] == "slipway" and said["version"]
    assert {"s3", "sqs", "sns", "iam", "sts", "logs", "sagemaker"} <= set(said["services"])
    assert set(said["services"].values()) == {"running"} and "dynamodb" not in said["services"]
    assert ask(server, "HEAD", "/_localstack/health") == (200, b"")


def test_a_key_of_this_server_says_who_has_it(open_server, name):
    """Nothing is checked, and all may everything; whose key it is is told all the same."""
    root = Clients(open_server)
    account = root.sts.get_caller_identity()["Account"]
    root.iam.create_user(UserName=name)
    key = root.iam.create_access_key(UserName=name)["AccessKey"]
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]}
    role = root.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    session = root.sts.assume_role(RoleArn=role, RoleSessionName="me")

    def who(key, secret, token=None):
        return boto3.client("sts", endpoint_url=open_server.url, region_name="us-east-1", aws_access_key_id=key,
                            aws_secret_access_key=secret, aws_session_token=token).get_caller_identity()["Arn"]

    assert who(key["AccessKeyId"], "any") == f"arn:aws:iam::{account}:user/{name}"
    made = session["Credentials"]
    assert who(made["AccessKeyId"], "any", made["SessionToken"]) == session["AssumedRoleUser"]["Arn"]
    assert who("test", "test") == f"arn:aws:iam::{account}:root"


@pytest.fixture
def resolved(monkeypatch):
    """As the public DNS has it: every name of the zone is this machine."""
    asks = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **named: asks(
        "127.0.0.1" if str(host).endswith(ZONE) else host, *more, **named))


def client(server, service, host, **settings):
    return boto3.client(service, endpoint_url=f"http://{host}:{server.port}", region_name="us-east-1",
                        aws_access_key_id="test", aws_secret_access_key="test", config=Config(**settings))


@pytest.mark.parametrize("host", [f"s3.{ZONE}", f"s3.us-east-1.{ZONE}"])
def test_a_bucket_has_a_name_in_the_zone(open_server, resolved, name, host):
    virtual = client(open_server, "s3", host, s3={"addressing_style": "virtual"})
    virtual.create_bucket(Bucket=name)
    virtual.put_object(Bucket=name, Key="folder/key", Body=b"by name")
    assert virtual.list_objects_v2(Bucket=name)["Contents"][0]["Key"] == "folder/key"
    upload = {"Bucket": name, "Key": "folder/parts"}
    upload["UploadId"] = virtual.create_multipart_upload(**upload)["UploadId"]
    tag = virtual.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    made = virtual.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert made["Location"] == f"http://{name}.{host}:{open_server.port}/folder/parts"
    by_path = client(open_server, "s3", ZONE, s3={"addressing_style": "path"})
    assert by_path.get_object(Bucket=name, Key="folder/key")["Body"].read() == b"by name"


def test_a_queue_is_found_under_the_name_that_made_it(open_server, resolved, name):
    host = f"sqs.us-east-1.{ZONE}"
    queues = client(open_server, "sqs", host)
    queue = queues.create_queue(QueueName=name)["QueueUrl"]
    assert queue == f"http://{host}:{open_server.port}/000000000000/{name}"
    queues.send_message(QueueUrl=queue, MessageBody="hello")
    elsewhere = f"http://{ZONE}:{open_server.port}/000000000000/{name}"
    message, = client(open_server, "sqs", ZONE).receive_message(QueueUrl=elsewhere)["Messages"]
    assert message["Body"] == "hello"


def test_awslocal_needs_no_keys(awslocal, name, tmp_path):
    (tmp_path / "file").write_text("hello")
    awslocal("s3", "mb", f"s3://{name}")
    awslocal("s3", "cp", str(tmp_path / "file"), f"s3://{name}/file")
    queue = awslocal("sqs", "create-queue", "--queue-name", name)["QueueUrl"]
    assert queue.endswith(f"/000000000000/{name}")


@pytest.mark.clients_all
def test_awslocal_asks_each_service(awslocal, name):
    awslocal("s3api", "create-bucket", "--bucket", name)
    assert name in awslocal("s3", "ls")
    queue = awslocal("sqs", "create-queue", "--queue-name", name)["QueueUrl"]
    topic = awslocal("sns", "create-topic", "--name", name)["TopicArn"]
    awslocal("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint",
             f"arn:aws:sqs:us-east-1:000000000000:{name}")
    awslocal("sns", "publish", "--topic-arn", topic, "--message", "news")
    message, = awslocal("sqs", "receive-message", "--queue-url", queue, "--wait-time-seconds", "5")["Messages"]
    assert json.loads(message["Body"])["Message"] == "news"
    awslocal("iam", "create-user", "--user-name", name[:64])
    assert awslocal("sts", "get-caller-identity")["Account"] == "000000000000"
    assert awslocal("logs", "describe-log-groups")["logGroups"] == []
    assert awslocal("sagemaker", "list-endpoints")["Endpoints"] == []
