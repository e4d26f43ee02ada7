"""Clients of SQS that know nothing of Slipway do their users' jobs."""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

import kombu
import pytest
from server import binary


@pytest.fixture
def broker(server, name):
    """kombu's transport, as Celery's users name it: keys and server in one URL."""
    keys = server.client_environment()
    user, secret = (urllib.parse.quote(keys[of], safe="") for of in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    options = {"region": keys["AWS_REGION"], "is_secure": False, "wait_time_seconds": 1, "polling_interval": 0,
               "queue_name_prefix": f"{name[:20]}-"}
    with kombu.Connection(f"sqs://{user}:{secret}@127.0.0.1:{server.port}//", transport_options=options) as made:
        yield made


def test_kombu_sends_takes_and_acknowledges(broker):
    with broker.SimpleQueue("jobs") as queue:
        sent = [{"number": number, "text": "Grüße"} for number in range(25)]
        for payload in sent:
            queue.put(payload)
        taken = []
        for _ in sent:
            message = queue.get(timeout=10)
            taken.append(message.payload)
            message.ack()
        assert sorted(taken, key=lambda payload: payload["number"]) == sent
        assert queue.qsize() == 0
        with pytest.raises(queue.Empty):
            queue.get(timeout=1)


def test_kombu_gives_back_what_was_not_done(broker):
    with broker.SimpleQueue("again") as queue:
        queue.put("try again")
        queue.get(timeout=10).requeue()
        message = queue.get(timeout=10)
        assert message.payload == "try again"
        message.ack()
        queue.put("nobody wants it")
        queue.clear()
        with pytest.raises(queue.Empty):
            queue.get(timeout=1)


def test_kombu_keeps_the_order_of_a_fifo_queue(broker):
    queue = kombu.Queue("ordered.fifo", routing_key="ordered.fifo")
    with broker.channel() as channel:
        bound = queue(channel)
        bound.declare()
        producer = kombu.Producer(channel)
        for number in range(5):
            producer.publish(str(number), routing_key="ordered.fifo", MessageGroupId="group",
                             MessageDeduplicationId=f"once-{number // 2 * 2}")  # 0 and 1 are one
        taken = []
        while (message := bound.get()) is not None:
            taken.append(message.payload)
            message.ack()
        assert taken == ["0", "2", "4"]


@pytest.fixture
def proxy():
    """Writes down where a client wants to go beyond this machine, and lets nothing leave it."""
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self):
            asked.append(self.path)
            self.send_error(403)

        def log_message(self, *_):
            pass

    asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as made:
        made.asked, made.url = asked, f"http://127.0.0.1:{made.server_port}"
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


def in_a_shell(server, proxy, lines):
    """What somebody sees who pastes them, and whose only way to the world is the proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{binary().parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, timeout=60, env={
        **kept, "PATH": path, "SLIPWAY_DATA": str(server.data), "AWS_MAX_ATTEMPTS": "1",
        "HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.1",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"})
    return done


def test_the_cli_asks_aws_for_queues_unless_told_as_env_says(server, proxy, name):
    """Version 1 has AWS's addresses of SQS built in and prefers them to AWS_ENDPOINT_URL."""
    done = in_a_shell(server, proxy, 'eval "$(slipway env)"; aws sqs list-queues')
    assert done.returncode != 0 and proxy.asked == ["queue.amazonaws.com:443"], (
        "the CLI heeds AWS_ENDPOINT_URL now: what slipway env and docs/troubleshooting.md say has an end")
    proxy.asked.clear()
    noted = subprocess.run([binary(), "env", "--data", server.data], capture_output=True, text=True, check=True)
    told = noted.stdout.splitlines()[-1].partition("unless told: ")[2].replace(
        "sqs ...", f"sqs create-queue --queue-name {name[:80]}")
    done = in_a_shell(server, proxy, f"eval $(slipway env); {told}")
    assert json.loads(done.stdout)["QueueUrl"].startswith(server.url), done.stderr
    assert proxy.asked == []
