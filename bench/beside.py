"""Writes of others while endpoints come up: what a reconcile of the one costs the other."""
import sys
import threading

import load
import peers
from load import Request
from measures import Row, deploy, mlp, tar_gz

ENDPOINTS = 200
SECONDS = 8
CONNECTIONS = 16


def send_message(server, nginx_url):
    server.client("sqs").create_queue(QueueName="q")
    return Request(server.url + "/", "POST", {
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"},
        f'{{"QueueUrl":"{server.url}/000000000000/q","MessageBody":"{"x" * 200}"}}'.encode())


def put_object(server, nginx_url):
    server.client("s3").create_bucket(Bucket="beside")
    return Request(server.url + "/beside/key", "PUT", {}, b"x" * 4096)


def empty_answer(server, nginx_url):
    """The floor: what the starts cost a client of a server that does nothing, and the client itself."""
    return Request(nginx_url + "/")


def beside(name, make_request, scale):
    """One request again and again, alone and while endpoints are made and start."""
    count = int(ENDPOINTS * scale)
    with peers.slipway("--auth", "none", "--instances-max", str(count + 1)) as server, \
            peers.nginx() as nginx_url:
        deploy(server, "e", tar_gz({"model.onnx": mlp()}))
        request, sagemaker = make_request(server, nginx_url), server.client("sagemaker")
        load.run_wrk(request, CONNECTIONS, 1)
        alone = load.run_wrk(request, CONNECTIONS, SECONDS)

        def make():
            for i in range(count):
                sagemaker.create_endpoint(EndpointName=f"e{i}", EndpointConfigName="e")

        maker = threading.Thread(target=make)
        maker.start()
        busy = load.run_wrk(request, CONNECTIONS, SECONDS)
        maker.join()
        for i in range(count):
            sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=f"e{i}")
    return Row(f"{name} while {count} endpoints are made, p99", f"{busy.p99_us / 1000:.1f} ms",
               f"alone {alone.p99_us / 1000:.1f} ms; {busy.per_second:,.0f}/s of {alone.per_second:,.0f}/s",
               f"{busy.p99_us / alone.p99_us:.2f}")


def beside_measures(scale=1.0):
    return [beside("SendMessage", send_message, scale), beside("PutObject of 4 KB", put_object, scale),
            beside("An empty answer of nginx", empty_answer, scale)]


ALL = {"beside": beside_measures}

if __name__ == "__main__":  # a smaller run: bench/beside.py 0.1
    import run
    run.print_table(beside_measures(float(sys.argv[1])))
