"""SIGTERM in the middle of much: what waits is dropped, what runs is stopped, nothing is left."""
import signal
import time

from conftest import Clients, Deployment
from make_model import mlp, tar_gz
from server import Server

STARTING = 300


def test_starts_that_wait_are_dropped_and_begin_again_with_the_next_server(tmp_path):
    server = Server(tmp_path / "server", "--instances-max", str(STARTING + 2)).start()
    try:
        aws = Clients(server)
        Deployment(aws, "first").deploy(tar_gz({"model.onnx": mlp()}))
        for i in range(STARTING):
            aws.sagemaker.create_endpoint(EndpointName=f"e{i}", EndpointConfigName="first")
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert time.monotonic() - begin < 10  # 0.3 s on idle cores
        assert not list(server.left_running())
        server.log.unlink()
        server.start()
        aws.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="first")
        warnings = [line for line in server.log.read_text().splitlines() if '"level":"info"' not in line]
        assert not warnings
    finally:
        assert server.stop() == 0
