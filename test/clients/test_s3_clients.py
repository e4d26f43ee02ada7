"""Clients of S3 that know nothing of Slipway do their users' jobs, and each byte is compared."""
import concurrent.futures
import http.client
import pathlib
import re
import subprocess
import sys
import time

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import Clients
from s3_clients import jobs
from server import Server
from test_hostile import ask

EVERY_JOB = {job.__name__ for job in jobs.NEEDS}
LEFT_OUT = {  # their users have no call for these
    "smart_open": {"copies", "deletes", "reads_by_url", "writes_by_url"},
    "django": {"copies", "writes_by_url"},
    "crt": {"reads_ranges", "copies", "deletes", "reads_by_url", "writes_by_url"},
}
DUMMY_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("open"), "--auth", "none").start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


def dummy_keys(server):
    return {**DUMMY_KEYS, "AWS_ENDPOINT_URL": server.url}


def fill(server, bucket):
    """More objects than a page of a list has; several at a time, for each waits for the disk."""
    def put(keys):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for path in keys:
            connection.request("PUT", f"/{bucket}/{path}", b"")
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            answer.read()
        connection.close()

    put([""])
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(put, (jobs.A_THOUSAND[start::32] for start in range(32))))


def assert_left_right(aws, bucket):
    """What the client left there is right by another client's word too, and came in parts."""
    answer = aws.s3.get_object(Bucket=bucket, Key="large", ChecksumMode="ENABLED")
    assert answer["Body"].read() == jobs.LARGE
    assert re.search('-[23]"$', answer["ETag"]), "it was not sent in parts"


@pytest.mark.parametrize("client", ["boto3", "minio", "smart_open", "django", "crt"])
def test_a_client_does_its_users_jobs(server, aws, name, client):
    aws.s3.create_bucket(Bucket=name)
    done = jobs.do_all(jobs.made(client, server.client_environment(), name))
    assert set(done) == EVERY_JOB - LEFT_OUT.get(client, set())
    assert_left_right(aws, name)


def test_dummy_keys_do_where_nothing_is_signed(open_server):
    Clients(open_server).s3.create_bucket(Bucket="dummy")
    assert set(jobs.do_all(jobs.made("minio", dummy_keys(open_server), "dummy"))) == EVERY_JOB


def test_clients_list_more_than_a_page(open_server):
    fill(open_server, "full")
    for client in ("boto3", "minio", "django"):
        jobs.lists_a_thousand(jobs.made(client, dummy_keys(open_server), "full"))


def test_the_cli_copies_a_folder_there_and_back(server, aws, name, tmp_path):
    """A file without bytes comes first: what follows it on the same connection must not wait."""
    aws.s3.create_bucket(Bucket=name)
    there, back = tmp_path / "there", tmp_path / "back"
    sent = {"a-empty": b"", "b-after": b"after", "c/zeichen äöü+&.txt": b"odd", "d-large": jobs.LARGE}
    for key, data in sent.items():
        (there / key).parent.mkdir(parents=True, exist_ok=True)
        (there / key).write_bytes(data)
    cli = pathlib.Path(sys.executable).parent / "aws"
    began = time.monotonic()
    lines = (f"{cli} s3 cp --quiet --recursive {there} s3://{name}/folder && "
             f"{cli} s3 sync --quiet s3://{name}/folder {back}")
    subprocess.run(["sh", "-c", lines], env=server.process_environment(), check=True, timeout=120)
    assert {key: (back / key).read_bytes() for key in sent} == sent
    assert time.monotonic() - began < 50, "a client that waits in vain does so for a minute"


def test_a_client_that_guesses_its_region_is_told_the_right_one(server, aws, name):
    """s3cmd signs its first request for "US", and the next for the Region that the answer names."""
    keys = Credentials(aws.environment["AWS_ACCESS_KEY_ID"], aws.environment["AWS_SECRET_ACCESS_KEY"])
    for region, status in (("US", 400), ("us-east-1", 200)):
        request = AWSRequest("PUT", f"{server.url}/{name}")
        S3SigV4Auth(keys, "s3", region).add_auth(request)
        got, answer = ask(server, "PUT", f"/{name}", headers=dict(request.headers.items()))
        assert got == status, answer
        if got == 400:
            assert b"<Code>AuthorizationHeaderMalformed</Code>" in answer
            assert b"<Region>us-east-1</Region>" in answer
