"""Several containers behind one endpoint, shadow variants, sessions, containers that misbehave."""
import concurrent.futures
import pathlib
import subprocess
import sys
import threading
import time

import pytest
from botocore.exceptions import ClientError
from conftest import Clients
from container_endpoints import (Endpoint, answers_again, container, endpoint, error, eventually,
                                 program_clients, program_flags, programs)  # noqa: F401
from server import Server

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "ways"


# ---- several containers ----------------------------------------------------------------------------


def test_serial_the_body_of_one_container_is_the_request_of_the_next(endpoint):
    """Contract section 5: "Serial: body of one is request of the next, 2-15 containers"."""
    endpoint.serve(container("-a"), container("-b"), container("-c"))
    text, answer = endpoint.ask("x")
    assert text == "x-a-b-c"
    assert answer["InvokedProductionVariant"] == "all"
    images = endpoint.status()["ProductionVariants"][0]["DeployedImages"]
    assert len(images) == 3


def test_serial_runs_fifteen_containers_and_not_sixteen(endpoint, program_clients):
    """Contract section 4: 15 containers."""
    endpoint.serve(*(container(f".{i}") for i in range(15)), mode="Serial")
    assert endpoint.ask("x")[0] == "x" + "".join(f".{i}" for i in range(15))
    code, status, text = error(endpoint.make_model, *[container()] * 16, suffix="-more")
    assert (code, status) == ("ValidationException", 400)
    assert "15" in text


def test_serial_an_error_ends_it_and_names_the_container(endpoint):
    endpoint.serve(container("", hostname="first"), container("", hostname="second"))
    assert endpoint.ask("hello")[0] == "hello"
    with pytest.raises(ClientError) as caught:
        endpoint.ask("status 404")
    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 404
    assert "Received client error (404) from first with message" in response["Error"]["Message"]


def test_serial_containers_without_a_name_are_called_by_their_place(endpoint):
    """AWS names them container-1, container-2, ..."""
    endpoint.serve(container(""), container(""))
    assert "(500) from container-1 with message" in error(endpoint.ask, "status 500")[2]


def test_serial_a_container_that_dies_is_replaced_and_the_pipeline_goes_on(endpoint):
    endpoint.serve(container("-a"), container("-b"))
    assert error(endpoint.ask, "exit")[0] == "ModelError"
    assert answers_again(endpoint, "x") == "x-a-b"


def test_direct_the_container_that_is_named_answers_alone(endpoint):
    """Contract section 5, Direct mode."""
    endpoint.serve(container("-a", hostname="one"), container("-b", hostname="two"), mode="Direct")
    assert endpoint.ask("x", TargetContainerHostname="one")[0] == "x-a"
    assert endpoint.ask("x", TargetContainerHostname="two")[0] == "x-b"


def test_direct_a_missing_or_unknown_container_is_a_validation_error(endpoint):
    """Contract section 5: "missing, unknown or unexpected Target-Container-Hostname"."""
    endpoint.serve(container("-a", hostname="one"), container("-b", hostname="two"), mode="Direct")
    assert error(endpoint.ask, "x")[:2] == ("ValidationError", 400)
    code, status, text = error(endpoint.ask, "x", TargetContainerHostname="three")
    assert (code, status) == ("ValidationError", 400)
    assert "three" in text


@pytest.mark.parametrize("count", [1, 2])
def test_a_container_named_where_none_is_asked_directly_is_a_validation_error(endpoint, count):
    """Contract section 5: "unexpected Target-Container-Hostname"."""
    endpoint.serve(*[container("-a")] * count)
    code, status, _ = error(endpoint.ask, "x", TargetContainerHostname="container-1")
    assert (code, status) == ("ValidationError", 400)


@pytest.mark.parametrize("containers, mode, said", [
    ([container(hostname="same"), container(hostname="same")], "Direct", "same"),
    ([container(hostname="one"), container()], "Serial", "every container"),
    ([container(hostname="one")], "Direct", "two"),
    ([container(A="x" * 1000, B="x" * 1000, C="x" * 1000)] * 12, "Serial", "32768"),
], ids=["twice", "some", "alone", "environment"])
def test_what_a_model_of_several_containers_cannot_be(endpoint, containers, mode, said):
    code, status, text = error(endpoint.make_model, *containers, mode=mode)
    assert (code, status) == ("ValidationException", 400)
    assert said in text


def test_weights_and_counts_change_every_container_of_a_variant(endpoint, program_clients):
    endpoint.serve(container("-a"), container("-b"))
    program_clients.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint.name,
        DesiredWeightsAndCapacities=[{"VariantName": "all", "DesiredInstanceCount": 2}])
    endpoint.wait()
    [variant] = endpoint.status()["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 2)
    assert endpoint.ask("x")[0] == "x-a-b"


# ---- shadow variants -------------------------------------------------------------------------------


def shadowed(endpoint, production, shadow, weight=1.0, production_weight=1.0):
    aws = endpoint.aws.sagemaker
    models = [endpoint.make_model(production), endpoint.make_model(shadow, suffix="-shadow")]
    variants = [{"VariantName": variant, "ModelName": model, "InstanceType": "ml.m5.large",
                 "InitialInstanceCount": 1, "InitialVariantWeight": share}
                for variant, model, share in zip(("main", "shade"), models,
                                                 (production_weight, weight))]
    aws.create_endpoint_config(EndpointConfigName=endpoint.name, ProductionVariants=variants[:1],
                               ShadowProductionVariants=variants[1:])
    endpoint.start()
    return endpoint.wait()


def requests_seen(endpoint, variant):
    """How many POSTs the variant's container has logged."""
    logs = endpoint.aws.client("logs")
    group = f"/aws/sagemaker/Endpoints/{endpoint.name}"
    count = 0
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        if stream["logStreamName"].startswith(variant + "/"):
            events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"],
                                         startFromHead=True)["events"]
            count += sum("POST /invocations" in event["message"] for event in events)
    return count


def test_a_shadow_gets_copies_and_its_answers_are_dropped(endpoint):
    """Contract section 12: "shadow answers are dropped"."""
    shadowed(endpoint, container("-main"), container("-shade"))
    for _ in range(10):
        text, answer = endpoint.ask("x")
        assert (text, answer["InvokedProductionVariant"]) == ("x-main", "main")
    assert eventually(lambda: requests_seen(endpoint, "shade"), 10) == 10
    status = endpoint.status()
    assert [v["VariantName"] for v in status["ProductionVariants"]] == ["main"]
    [shade] = status["ShadowProductionVariants"]
    assert (shade["VariantName"], shade["CurrentInstanceCount"]) == ("shade", 1)


def test_a_shadows_weight_over_the_productions_is_the_share_that_is_copied(endpoint):
    shadowed(endpoint, container("-main"), container("-shade"), weight=1.0, production_weight=4.0)
    for _ in range(200):
        endpoint.ask("x")
    time.sleep(1)
    assert 20 <= requests_seen(endpoint, "shade") <= 80  # 50 are expected: 5 deviations either way


def test_no_caller_reaches_a_shadow(endpoint):
    shadowed(endpoint, container("-main"), container("-shade"))
    assert error(endpoint.ask, "x", TargetVariant="shade")[:2] == ("ValidationError", 400)


def test_a_shadow_that_dies_harms_nobody(endpoint):
    shadowed(endpoint, container("-main"), container("-shade", CONTAINER_PING="ready"))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: endpoint.ask("late 0.05")[0], range(20)))
    assert answers == ["late 0.05"] * 20


@pytest.mark.parametrize("production, shadows, said", [(1, 2, "one shadow"), (2, 1, "one production")])
def test_there_is_one_shadow_at_most_beside_one_production_variant(endpoint, production, shadows, said):
    """AWS: "a maximum of one shadow variant per endpoint ... of one production variant"."""
    model = endpoint.make_model(container())
    variants = [{"VariantName": f"v{i}", "ModelName": model, "InstanceType": "ml.m5.large",
                 "InitialInstanceCount": 1} for i in range(production + shadows)]
    code, status, text = error(
        endpoint.aws.sagemaker.create_endpoint_config, EndpointConfigName=endpoint.name,
        ProductionVariants=variants[:production], ShadowProductionVariants=variants[production:])
    assert (code, status) == ("ValidationException", 400)
    assert said in text


def test_an_update_brings_a_shadow_and_takes_it_away(endpoint):
    endpoint.serve(container("-main"))
    config = endpoint.name + "-with"
    shade = endpoint.make_model(container("-shade"), suffix="-shade")
    endpoint.aws.sagemaker.create_endpoint_config(
        EndpointConfigName=config,
        ProductionVariants=[{"VariantName": "all", "ModelName": endpoint.name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}],
        ShadowProductionVariants=[{"VariantName": "shade", "ModelName": shade,
                                   "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    for wanted, variants in ((config, ["shade"]), (endpoint.name, [])):
        endpoint.aws.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=wanted)
        endpoint.wait()
        shadows = endpoint.status().get("ShadowProductionVariants", [])
        assert [v["VariantName"] for v in shadows] == variants
        assert endpoint.ask("x")[0] == "x-main"


# ---- sessions --------------------------------------------------------------------------------------


def begin(endpoint, **more):
    text, answer = endpoint.ask("session begin", SessionId="NEW_SESSION", **more)
    assert text == "begun"
    session, _, expires = answer["NewSessionId"].partition("; Expires=")
    assert expires.endswith("Z")
    return session


def test_a_session_reaches_the_same_instance_every_time(endpoint):
    """Contract section 9: "later calls with that id go to the same instance"."""
    endpoint.serve(container(), instances=3)
    sessions = [begin(endpoint) for _ in range(9)]
    for word in ("a", "b", "c"):
        for session in sessions:  # over many connections, and so over every I/O loop
            fresh = endpoint.aws.client("sagemaker-runtime")
            fresh.invoke_endpoint(EndpointName=endpoint.name, Body=f"session {word}",
                                  SessionId=session)
    processes = set()
    for session in sessions:
        text, answer = endpoint.ask("session d", SessionId=session)
        assert text == "a,b,c,d"
        processes.add(answer["CustomAttributes"])
    assert len(processes) > 1, "new sessions are spread"


def test_a_closed_session_is_known_no_more(endpoint):
    """Contract section 9: the container answers X-Amzn-SageMaker-Closed-Session-Id."""
    endpoint.serve(container(), instances=2)
    session = begin(endpoint)
    text, answer = endpoint.ask("session CLOSE", SessionId=session)
    assert (text, answer["ClosedSessionId"]) == ("closed", session)
    code, status, message = error(endpoint.ask, "session a", SessionId=session)
    assert (code, status) == ("ValidationError", 400)
    assert "NEW_SESSION" in message


def test_a_session_that_nobody_began_is_a_validation_error(endpoint):
    endpoint.serve(container())
    assert error(endpoint.ask, "session a", SessionId="never-was")[:2] == ("ValidationError", 400)


def test_a_session_ends_when_the_container_said(endpoint):
    endpoint.serve(container(SESSION_SECONDS="2"))
    session = begin(endpoint)
    assert endpoint.ask("session a", SessionId=session)[0] == "a"
    time.sleep(2.5)
    assert error(endpoint.ask, "session b", SessionId=session)[:2] == ("ValidationError", 400)


def test_a_session_whose_instance_died_is_lost_and_says_so(endpoint):
    endpoint.serve(container(), instances=2)
    session = begin(endpoint)
    error(endpoint.ask, "exit", SessionId=session)
    assert answers_again(endpoint, "x") == "x"
    deadline = time.monotonic() + 10
    while (seen := error(endpoint.ask, "session a", SessionId=session))[0] == "ServiceUnavailable" \
            and time.monotonic() < deadline:
        pass  # the server has not noticed yet
    assert seen[:2] == ("ValidationError", 400)


def test_sessions_work_with_containers_asked_directly(endpoint):
    endpoint.serve(container(hostname="one"), container(hostname="two"), mode="Direct", instances=2)
    session = begin(endpoint, TargetContainerHostname="two")
    for count in range(1, 6):
        text, _ = endpoint.ask("session a", SessionId=session, TargetContainerHostname="two")
        assert text == ",".join("a" * count)
    for more in ({"TargetContainerHostname": "one"}, {},
                 {"TargetContainerHostname": "two", "TargetVariant": "other"}):
        code, status, message = error(endpoint.ask, "session a", SessionId=session, **more)
        assert (code, status) == ("ValidationError", 400), message
    text, _ = endpoint.ask("session a", SessionId=session, TargetContainerHostname="two")
    assert text == ",".join("a" * 6), "what was refused ended no session"


def test_containers_in_series_hold_no_session(endpoint):
    """A choice: on AWS they share an instance, here each has its own."""
    endpoint.serve(container(), container())
    assert error(endpoint.ask, "session begin", SessionId="NEW_SESSION")[:2] == ("ValidationError", 400)


def test_sessions_outlive_a_killed_server(tmp_path, name):
    """The instances survive kill -9 of the server, and so must the way to them."""
    server = Server(tmp_path / "server", *program_flags(tmp_path)).start()
    try:
        endpoint = Endpoint(Clients(server), name).serve(container(), instances=3)
        sessions = [begin(endpoint) for _ in range(6)]
        for session in sessions:
            assert endpoint.ask("session before", SessionId=session)[0] == "before"
        server.kill()
        server.start()
        for session in sessions:
            assert endpoint.ask("session after", SessionId=session)[0] == "before,after"
    finally:
        server.stop()


# ---- containers that misbehave ---------------------------------------------------------------------


@pytest.mark.parametrize("body", ["half", "hang-up", "garbage", "exit"])
def test_a_broken_answer_is_a_model_error_and_the_endpoint_recovers(endpoint, body):
    endpoint.serve(container("!"))
    code, status, text = error(endpoint.ask, body)
    assert (code, status) == ("ModelError", 424)
    assert "from primary" in text
    assert "http.sock" not in text, "where it listens is the server's own affair"
    assert answers_again(endpoint, "fine") == "fine!"
    assert endpoint.status()["EndpointStatus"] == "InService"


def test_a_container_that_has_no_memory_for_ever_is_a_model_error_each_time(endpoint):
    """507 means something to a multi-model endpoint only."""
    endpoint.serve(container("!"))
    for _ in range(5):
        with pytest.raises(ClientError) as caught:
            endpoint.ask("status 507")
        response = caught.value.response
        assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 507)
    assert endpoint.ask("fine")[0] == "fine!"


def test_a_container_that_closes_after_each_answer_loses_none(endpoint):
    endpoint.serve(container("!"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: endpoint.ask("close")[0], range(100)))
    assert answers == ["close"] * 100


def test_requests_under_way_are_answered_while_their_endpoint_is_deleted(endpoint):
    endpoint.serve(container("!"))
    answers = []
    under_way = threading.Thread(target=lambda: answers.append(endpoint.ask("late 1.5")[0]))
    under_way.start()
    time.sleep(0.5)
    endpoint.aws.sagemaker.delete_endpoint(EndpointName=endpoint.name)
    under_way.join(20)
    assert answers == ["late 1.5"]
    assert error(endpoint.ask, "fine")[0] == "ValidationError"


# ---- examples --------------------------------------------------------------------------------------


@pytest.mark.parametrize("way, said", [
    ("multi_container_serial", '["low", "high"]'),
    ("multi_container_direct", "largest of [1, 2, 6]: 6"),
    ("shadow", "the shadow would say"),
])
def test_the_example_of_each_way_runs(server, way, said):
    done = subprocess.run([sys.executable, EXAMPLES / f"{way}.py"], capture_output=True, text=True,
                          timeout=120, env=server.process_environment())
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_the_example_that_wants_something_of_yours_says_so():
    done = subprocess.run([sys.executable, EXAMPLES / "sticky_sessions.py"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "usage: sticky_sessions.py IMAGE" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_of_sessions_runs(programs):
    done = subprocess.run([sys.executable, EXAMPLES / "sticky_sessions.py", "test-container"],
                          capture_output=True, text=True, timeout=120,
                          env=programs.process_environment())
    assert done.returncode == 0, done.stderr
    assert "three: it has heard one,two,three" in done.stdout
    assert "it is closed: True" in done.stdout
