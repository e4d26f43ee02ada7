"""Clients of SQS that know nothing of Slipway do their users' jobs."""
import urllib.parse

import kombu
import pytest


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
