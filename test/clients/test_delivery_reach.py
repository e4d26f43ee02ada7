"""Whom SNS may be made to call: nobody who did not ask for it, and nothing inside this network."""
import http.server
import ipaddress
import json
import socket
import threading
import time

import pytest
from botocore.exceptions import ClientError
from conftest import Clients
from server import Server


class Listener(http.server.BaseHTTPRequestHandler):
    """Notes that it was called; answers what it is told to."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append(self.headers["x-amz-sns-message-type"])
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def listen(status=200, location=None):
    web = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Listener)
    web.calls, web.status, web.location = [], status, location
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return web


@pytest.fixture
def listener():
    web = listen()
    yield web
    web.shutdown()
    web.server_close()


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    """A server as it starts without a flag."""
    server = Server(tmp_path_factory.mktemp("closed")).start()
    server.clients = Clients(server)
    yield server
    server.stop()


def topic_of(clients, name):
    return clients.sns.create_topic(Name=name)["TopicArn"]


def wait_until(holds, seconds=15):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "localhost", "x.localhost",
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "224.0.0.1",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]",
    "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]"])
def test_an_endpoint_inside_is_refused_in_awss_words(closed, name, host, listener):
    topic = topic_of(closed.clients, name)
    with pytest.raises(ClientError) as caught:
        closed.clients.sns.subscribe(TopicArn=topic, Protocol="http",
                                     Endpoint=f"http://{host}:{listener.server_port}/inbox")
    error = caught.value.response
    assert error["Error"]["Code"] == "AuthorizationError"
    assert error["Error"]["Message"] == "Not authorized to subscribe internal endpoints"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert listener.calls == []


def test_a_name_is_judged_by_the_address_that_it_leads_to(closed, name, listener):
    own_name = socket.gethostname()
    try:
        address = ipaddress.ip_address(socket.gethostbyname(own_name))
    except OSError:
        pytest.skip("this machine's name leads nowhere")
    closed.clients.sns.subscribe(TopicArn=topic_of(closed.clients, name), Protocol="http",
                                 Endpoint=f"http://{own_name}:{listener.server_port}/inbox")
    wait_until(lambda: f"{address}:{listener.server_port} is " in closed.log.read_text())
    assert listener.calls == []


@pytest.mark.parametrize("endpoint", [
    "http://example.com/\r\nX-Injected: 1", "http://example.com/\n", "http://example.com/\x0b",
    "http://example.com/\x7f", "http://exa\tmple.com/", "http://example.com/a b"])
def test_an_endpoint_with_a_control_character_is_refused(closed, name, endpoint):
    with pytest.raises(ClientError) as caught:
        closed.clients.sns.subscribe(TopicArn=topic_of(closed.clients, name), Protocol="http",
                                     Endpoint=endpoint)
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"


@pytest.mark.parametrize("subject", ["a\r\nX-Injected: 1", "a\tb", "a\x7fb"])
def test_a_subject_with_a_control_character_is_refused(closed, name, subject):
    with pytest.raises(ClientError) as caught:
        closed.clients.sns.publish(TopicArn=topic_of(closed.clients, name), Message="m",
                                   Subject=subject)
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"


def test_who_has_not_confirmed_is_called_once(aws, name):
    """`aws` may deliver to this machine. No retry, however the policy and the caller insist."""
    topic = topic_of(aws, name)
    stranger = listen(status=500)
    policy = {"healthyRetryPolicy": {"numRetries": 100, "numNoDelayRetries": 100,
                                     "minDelayTarget": 1, "maxDelayTarget": 1}}
    for _ in range(20):
        aws.sns.subscribe(TopicArn=topic, Protocol="http",
                          Endpoint=f"http://127.0.0.1:{stranger.server_port}/",
                          Attributes={"DeliveryPolicy": json.dumps(policy)})
        aws.sns.publish(TopicArn=topic, Message="nobody asked for it")
    wait_until(lambda: stranger.calls)
    time.sleep(1)
    stranger.shutdown()
    assert stranger.calls == ["SubscriptionConfirmation"]


def test_a_redirection_is_not_followed(aws, name, listener):
    away = listen(status=307, location=f"http://127.0.0.1:{listener.server_port}/inside")
    aws.sns.subscribe(TopicArn=topic_of(aws, name), Protocol="http",
                      Endpoint=f"http://127.0.0.1:{away.server_port}/")
    wait_until(lambda: away.calls)
    time.sleep(0.5)
    away.shutdown()
    assert listener.calls == []


def test_without_signatures_everything_is_of_this_machine_and_may_be_called(tmp_path, listener):
    server = Server(tmp_path, "--auth", "none").start()
    try:
        clients = Clients(server)
        clients.sns.subscribe(TopicArn=topic_of(clients, "open"), Protocol="http",
                              Endpoint=f"http://127.0.0.1:{listener.server_port}/")
        wait_until(lambda: listener.calls == ["SubscriptionConfirmation"])
    finally:
        server.stop()
