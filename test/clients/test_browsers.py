"""What a web page of a stranger makes a browser on this machine send, and what it gets.

By DNS rebinding the page's own name leads here (only the Host tells); by a form, an image or a script
it asks an address that it knows (only Origin, Sec-Fetch-Site and Referer tell).
"""
import json

import boto3
import pytest
from conftest import Clients
from server import Server
from test_hostile import FORM_HEAD, ask, signed
from test_scopes import presigned

JSON_HEAD = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModels"}


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("open"), "--auth", "none", "--allow-host", "slipway",
                    "--allow-host", "*.suite.test").start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


FOREIGN = {
    "a name that was made to lead here": {"Host": "rebound.example"},
    "a name that looks like ours": {"Host": "localhost.example"},
    "an address that is not ours": {"Host": "10.0.0.1"},
    "a name below AWS's": {"Host": "strangers-balancer.us-east-1.elb.amazonaws.com"},
    "a page that says where it is from": {"Origin": "https://evil.example"},
    "a page that does not say where it is from": {"Origin": "null"},
    "a page of another server on this machine": {"Origin": "http://localhost:1"},
    "a page of a bucket at AWS": {"Origin": "https://evil.s3.amazonaws.com"},
    "an image": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "a link": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    "a page of another port": {"Sec-Fetch-Site": "same-site"},
    "an old browser": {"Referer": "https://evil.example/page.html"},
}
# One call of each protocol that changes or shows something.
CALLS = {
    "json": ("POST", "/", b"{}", JSON_HEAD),
    "query": ("POST", "/", b"Action=CreateQueue&Version=2012-11-05&QueueName=evil", FORM_HEAD),
    "a GET of query": ("GET", "/?Action=CreateQueue&Version=2012-11-05&QueueName=evil", None, {}),
    "s3": ("PUT", "/evil-bucket", None, {}),
    "an upload": ("PUT", "/kept/evil", b"x", {}),
    "runtime": ("POST", "/endpoints/e/invocations", b"1", {"Content-Type": "text/plain"}),
    "health": ("GET", "/_slipway/health", None, {}),
    "traffic": ("GET", "/_slipway/traffic", None, {}),
}


@pytest.fixture(scope="module")
def kept(open_server):
    Clients(open_server).s3.create_bucket(Bucket="kept")


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("call", CALLS)
def test_a_strangers_page_gets_nothing_done(open_server, kept, what, call):
    method, target, body, headers = CALLS[call]
    status, answer = ask(open_server, method, target, body, {**headers, **FOREIGN[what]})
    assert status == 403, answer
    assert b"AccessDenied" in answer and b"--allow-host" in answer, answer


def test_and_nothing_was_done(open_server, kept):
    clients = Clients(open_server)
    assert [bucket["Name"] for bucket in clients.s3.list_buckets()["Buckets"]] == ["kept"]
    assert "Contents" not in clients.s3.list_objects_v2(Bucket="kept")
    assert "QueueUrls" not in clients.sqs.list_queues()


@pytest.mark.parametrize("headers", [
    {}, {"Host": "localhost:80"}, {"Host": "LOCALHOST"}, {"Host": "[::1]:4566"}, {"Host": "a.localhost"},
    {"Host": "s3.localhost.localstack.cloud:4566"},
    {"Host": "slipway:4566"}, {"Host": "b.suite.test"}, {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://slipway:3000"},
], ids=str)
def test_programs_own_names_and_allowed_names_are_answered(open_server, headers):
    status, answer = ask(open_server, "POST", "/", b"{}", {**JSON_HEAD, **headers})
    assert (status, answer) == (200, b'{"Models":[]}')
    assert ask(open_server, "GET", "/_slipway/traffic", headers=headers)[0] == 200


@pytest.mark.parametrize("content_type", [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None])
def test_a_json_call_that_is_not_signed_has_its_content_type(open_server, content_type):
    head = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": content_type or ""}
    status, answer = ask(open_server, "POST", "/", b"{}", head)
    assert status == 403 and b"application/x-amz-json-1.1" in answer, answer


def test_a_suite_with_dummy_keys_works_through_an_allowed_name(open_server):
    client = boto3.client("sqs", endpoint_url=open_server.url, region_name="us-east-1",
                          aws_access_key_id="test", aws_secret_access_key="test")
    client.meta.events.register("before-send.sqs.*", lambda request, **_: request.headers.__setitem__(
        "Host", "slipway:4566"))
    assert client.create_queue(QueueName="suite")["QueueUrl"]
    client.delete_queue(QueueUrl=client.get_queue_url(QueueName="suite")["QueueUrl"])


def test_with_signatures_they_are_the_proof_and_nothing_else_matters(server, aws, name):
    aws.s3.create_bucket(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="k", Body=b"shown")
    target = presigned(server, f"/{name}/k", method="GET")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://app.example"}, {"Origin": "null"},
                    {"Referer": "https://mail.example/"}):
        assert ask(server, "GET", target, headers=headers) == (200, b"shown")


def test_with_signatures_the_servers_own_pages_still_are_for_its_own_names(server):
    assert ask(server, "GET", "/_slipway/health")[0] == 200
    for headers in FOREIGN.values():
        assert ask(server, "GET", "/_slipway/health", headers=headers)[0] == 403, headers


def test_with_signatures_a_link_for_a_subscriber_is_not_for_pages(server):
    link = "/?Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=arn:aws:sns:us-east-1:000000000000:t:id"
    assert ask(server, "GET", link)[0] == 200
    for headers in FOREIGN.values():
        assert ask(server, "GET", link, headers=headers)[0] == 403, headers


def test_traffic_is_shown_to_the_roots_keys(server, aws, name):
    page = "/_slipway/traffic"
    for service, expected in (("sagemaker", 200), ("s3", 403), ("sts", 403)):
        headers = signed(server, service=service, method="GET", path=page)
        status, answer = ask(server, "GET", page, headers=headers)
        assert status == expected, answer
        if status == 200:
            assert "variants" in json.loads(answer)
        else:
            assert json.loads(answer)["__type"] == "InvalidSignatureException"
    assert ask(server, "GET", page)[0] == 403
    assert "variants" not in ask(server, "GET", page)[1].decode()
    assert isinstance(server.traffic(), list)
