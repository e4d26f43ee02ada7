"""Containers that are never ready, ready and then dead, or late: bounded by AWS's own limits."""
import time

import pytest
from botocore.exceptions import ClientError, WaiterError
from conftest import Clients
from container_endpoints import container, endpoint, program_clients, programs  # noqa: F401

pytestmark = pytest.mark.slow


def config(endpoint, model, suffix=""):
    endpoint.aws.sagemaker.create_endpoint_config(
        EndpointConfigName=endpoint.name + suffix,
        ProductionVariants=[{"VariantName": "all", "ModelName": model, "InitialInstanceCount": 1,
                             "InstanceType": "ml.m5.large",
                             "ContainerStartupHealthCheckTimeoutInSeconds": 60}])
    return endpoint.name + suffix


def test_a_container_that_is_never_ready_fails_the_endpoint_and_is_named(endpoint):
    """Contract section 4: /ping 200 within ContainerStartupHealthCheckTimeoutInSeconds (60-3600)."""
    config(endpoint, endpoint.make_model(container("", hostname="good"),
                                         container("", hostname="bad", CONTAINER_PING="never")))
    endpoint.start()
    with pytest.raises(WaiterError):
        endpoint.wait()
    status = endpoint.status()
    assert status["EndpointStatus"] == "Failed"
    assert "all.bad" in status["FailureReason"] and "/ping" in status["FailureReason"]


def test_an_answer_after_sixty_seconds_is_a_model_error(endpoint, programs):
    """Contract sections 3 and 4: 60 s, and the text that AWS has for it."""
    endpoint.serve(container("", hostname="quick"), container("", hostname="slow"), mode="Direct")
    patient = Clients(programs).client("sagemaker-runtime", read_timeout=75)
    started = time.monotonic()
    with pytest.raises(ClientError) as caught:
        patient.invoke_endpoint(EndpointName=endpoint.name, Body="late 63",
                                TargetContainerHostname="slow")
    assert 58 < time.monotonic() - started < 63
    assert caught.value.response["Error"]["Code"] == "ModelError"
    assert "timed out while waiting for a response from container slow" in str(caught.value)
    assert endpoint.ask("fine", TargetContainerHostname="slow")[0] == "fine"


def test_a_container_that_is_ready_and_then_dead_is_mended_by_an_update(endpoint):
    config(endpoint, endpoint.make_model(container("", CONTAINER_PING="dead")))
    endpoint.start()
    endpoint.wait()  # it was healthy for a moment, and so in service; from then on it dies each time
    deadline = time.monotonic() + 60
    while (code := outcome(endpoint)) != "ServiceUnavailable" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert code == "ServiceUnavailable"
    good = config(endpoint, endpoint.make_model(container("!"), suffix="-good"), suffix="-good")
    endpoint.aws.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=good)
    endpoint.wait()
    assert endpoint.ask("fine")[0] == "fine!"


def outcome(endpoint):
    try:
        endpoint.ask("fine")
        return "answered"
    except ClientError as caught:
        return caught.response["Error"]["Code"]
