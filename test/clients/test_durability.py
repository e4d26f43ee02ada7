"""What a damaged disk, an old database and a backup look like to a client and to an operator."""
import concurrent.futures
import os
import shutil
import subprocess
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from conftest import Clients
from server import Server, binary

LARGE = 3 << 20


def slipway(*arguments, expect=0):
    done = subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def bodies(data):
    return {path for path in (data / "objects").glob("??/*") if len(path.name) == 32}


def put(aws, key, size=LARGE):
    """Returns the bytes, and the file that holds them."""
    before, body = bodies(aws.data), os.urandom(size)
    aws.s3.put_object(Bucket="durable", Key=key, Body=body)
    return body, (bodies(aws.data) - before).pop()


def flip(file, offset):
    with open(file, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ 1]))


def code_of(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


@pytest.fixture
def aws(own_server):
    clients = Clients(own_server)
    clients.data = own_server.data
    clients.s3.create_bucket(Bucket="durable")
    return clients


def test_damaged_bytes_are_never_sent_to_their_end(own_server, aws):
    body, file = put(aws, "thing")
    flip(file, LARGE - 10)
    with pytest.raises(BotoCoreError):
        aws.s3.get_object(Bucket="durable", Key="thing")["Body"].read()
    # From now on it is known.
    assert code_of(aws.s3.get_object, Bucket="durable", Key="thing") == "InternalError"
    assert code_of(aws.s3.head_object, Bucket="durable", Key="thing") == "500"
    assert code_of(aws.s3.copy_object, Bucket="durable", Key="copy",
                   CopySource="durable/thing") == "InternalError"
    assert own_server.log.read_text().count("s3://durable/thing") == 1
    assert "s3://durable/thing: damaged" in slipway(
        "doctor", "--scrub", "--data", own_server.data, expect=1)


def test_a_damaged_beginning_and_a_missing_body_are_the_same_error(aws):
    for key, harm in ("begins", lambda file: flip(file, 5)), ("missing", os.remove):
        harm(put(aws, key)[1])
        with pytest.raises(ClientError) as refused:
            aws.s3.get_object(Bucket="durable", Key=key)
        assert refused.value.response["Error"]["Code"] == "InternalError"
        assert f"s3://durable/{key}" in refused.value.response["Error"]["Message"]
        assert code_of(aws.s3.head_object, Bucket="durable", Key=key) == "500"
        assert code_of(aws.s3.copy_object, Bucket="durable", Key="copy",
                       CopySource=f"durable/{key}") == "InternalError"


def test_copies_move_no_bytes(aws):
    body, file = put(aws, "thing", 64 << 20)
    before = bodies(aws.data)
    started = time.monotonic()
    for number in range(10):
        aws.s3.copy_object(Bucket="durable", Key=f"copy{number}", CopySource="durable/thing")
    assert time.monotonic() - started < 5
    assert bodies(aws.data) == before
    aws.s3.delete_object(Bucket="durable", Key="thing")
    assert aws.s3.get_object(Bucket="durable", Key="copy7")["Body"].read() == body


def test_an_older_database_is_refused_and_its_newer_bodies_are_kept(own_server, aws):
    old, _ = put(aws, "old")
    own_server.stop()
    shutil.copy(own_server.data / "slipway.db", own_server.folder / "older.db")
    own_server.start()
    put(aws, "new")
    own_server.stop()
    shutil.copy(own_server.folder / "older.db", own_server.data / "slipway.db")
    with pytest.raises(AssertionError):
        own_server.start()
    assert "--accept-older-database" in own_server.log_tail()
    assert len(bodies(own_server.data)) == 2
    own_server.flags = ["--accept-older-database"]
    own_server.start()
    own_server.flags = []
    assert aws.s3.get_object(Bucket="durable", Key="old")["Body"].read() == old
    assert code_of(aws.s3.get_object, Bucket="durable", Key="new") == "NoSuchKey"


def test_a_backup_of_a_busy_server_comes_back(own_server, aws, tmp_path):
    kept = {f"kept{n}": put(aws, f"kept{n}", 100_000)[0] for n in range(20)}
    queue = aws.sqs.create_queue(QueueName="kept")["QueueUrl"]
    aws.sqs.send_message(QueueUrl=queue, MessageBody="hello")
    busy = True

    def keep_busy(worker):
        number = 0
        while busy:
            key = f"busy{worker}-{number % 5}"
            aws.s3.put_object(Bucket="durable", Key=key, Body=os.urandom(50_000))
            aws.s3.delete_object(Bucket="durable", Key=key)
            number += 1

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        work = [pool.submit(keep_busy, worker) for worker in range(2)]
        said = slipway("backup", tmp_path / "saved", "--data", own_server.data)
        busy = False
        [each.result() for each in work]
    assert "bodies of objects" in said
    own_server.stop()
    other = Server(tmp_path / "other")
    slipway("restore", tmp_path / "saved", "--data", other.data)
    other.start()
    try:
        again = Clients(other)
        assert again.environment["AWS_SECRET_ACCESS_KEY"] == aws.environment["AWS_SECRET_ACCESS_KEY"]
        for key, body in kept.items():
            assert again.s3.get_object(Bucket="durable", Key=key)["Body"].read() == body
        for listed in again.s3.list_objects_v2(Bucket="durable")["Contents"]:
            again.s3.get_object(Bucket="durable", Key=listed["Key"])["Body"].read()
        queue = again.sqs.get_queue_url(QueueName="kept")["QueueUrl"]
        assert again.sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
        slipway("restore", tmp_path / "saved", "--data", other.data, "--replace", expect=1)
    finally:
        other.stop()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 32 MiB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_named_and_left_without_half_a_backup(own_server, aws, small_disk, tmp_path):
    put(aws, "thing", 40 << 20)
    said = slipway("backup", small_disk / "saved", "--data", own_server.data, expect=1)
    assert "needs about" in said and "MB free" in said, said
    assert list(small_disk.iterdir()) == []
    # What is there when it begins is taken meanwhile.
    aws.s3.delete_object(Bucket="durable", Key="thing")
    put(aws, "thing", 20 << 20)
    filling = subprocess.Popen(
        ["sh", "-c", f"while [ ! -e {small_disk}/saved/objects ]; do :; done; "
                     f"cat /dev/zero > {small_disk}/filling 2>/dev/null"])
    said = slipway("backup", small_disk / "saved", "--data", own_server.data, expect=1)
    filling.wait()
    assert "No space is left" in said, said
    assert not (small_disk / "saved").exists()
    (small_disk / "filling").unlink()
    # So does a restore.
    slipway("backup", "--copy", tmp_path / "saved", "--data", own_server.data)
    (small_disk / "filling").write_bytes(bytes(20 << 20))
    said = slipway("restore", tmp_path / "saved", "--data", small_disk / "again", expect=1)
    assert "needs about" in said, said
    assert not (small_disk / "again/restoring.new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be in the way of another user")
def test_root_leaves_the_folder_of_another_user_alone(tmp_path, own_server):
    slipway("backup", tmp_path / "saved", "--data", own_server.data)
    server = Server(tmp_path / "theirs")
    server.data.mkdir()
    os.chown(server.data, 1234, 1234)
    with pytest.raises(AssertionError):
        server.start()
    assert "sudo -u '#1234'" in server.log_tail()
    said = slipway("restore", tmp_path / "saved", "--data", server.data, expect=1)
    assert "sudo -u '#1234'" in said
    assert list(server.data.iterdir()) == []
