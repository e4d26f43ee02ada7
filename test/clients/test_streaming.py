"""InvokeEndpointWithResponseStream: hosting-contract.md sections 1 to 4 and 7, with containers that
stream, and with some that should not be trusted to."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest
from botocore.exceptions import ClientError, EventStreamError
from conftest import ROLE, Clients, Deployment
from make_model import tar_gz
from server import Server

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
STREAM_SECONDS = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that runs containers/streaming.py as an image, and ends streams after three seconds."""
    server = Server(tmp_path_factory.mktemp("server"),
                    "--program", f"stream-container={HERE / 'containers/streaming.py'}",
                    "--stream-seconds", str(STREAM_SECONDS))
    server.start()
    yield server
    assert server.stop() == 0, f"the server did not end cleanly:\n{server.log_tail()}"


@pytest.fixture(scope="module")
def aws(server):
    return Clients(server)


def deploy(aws, name, tags=()):
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE,
                               PrimaryContainer={"Image": "stream-container:latest"})
    made = Deployment(aws, name)
    made.config({"all": (name, 1.0, 1)})
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name,
                                  Tags=[{"Key": k, "Value": v} for k, v in tags])
    return made.wait()


@pytest.fixture(scope="module")
def endpoint(aws):
    """The container behind an endpoint whose parts come as they come."""
    return deploy(aws, "streams").name


def ask(aws, endpoint, asked, **more):
    return aws.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps(asked), **more)


def parts(answer):
    return [event["PayloadPart"]["Bytes"] for event in answer["Body"]]


def error_of(caught):
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


# ---- what comes through ----------------------------------------------------------------------------


@pytest.mark.alone
def test_parts_arrive_as_the_container_sends_them_and_not_at_the_end(aws, endpoint):
    """Section 1: 200, an event stream; section 7: a part is raw bytes."""
    words = ["one ", "two ", "three"]
    begun = time.monotonic()
    arrived = []
    for event in ask(aws, endpoint, {"do": "parts", "parts": words, "pause": 0.3})["Body"]:
        arrived.append((event["PayloadPart"]["Bytes"], time.monotonic() - begun))
    assert [data for data, _ in arrived] == [word.encode() for word in words]
    assert arrived[0][1] < 0.25 and arrived[2][1] > 0.55


def test_the_heads_members_travel_under_their_own_names(aws, endpoint):
    """Section 2: Accept as X-Amzn-SageMaker-Accept, the type as X-Amzn-SageMaker-Content-Type."""
    answer = ask(aws, endpoint, {"do": "head"}, Accept="text/plain", CustomAttributes="trace=7",
                 InferenceId="abc")
    head = json.loads(b"".join(parts(answer)))
    assert head["accept"] == "text/plain" and head["content-type"] == "application/json"
    assert head["x-amzn-sagemaker-custom-attributes"] == "trace=7"
    assert head["x-amzn-sagemaker-inference-id"] == "abc"
    assert not any(name.startswith("x-amz-") or name == "authorization" for name in head)
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "all"
    fields = answer["ResponseMetadata"]["HTTPHeaders"]
    assert fields["content-type"] == "application/vnd.amazon.eventstream"
    assert fields["transfer-encoding"] == "chunked"


def test_the_containers_custom_attributes_come_back(aws, endpoint):
    assert ask(aws, endpoint, {"do": "parts", "parts": ["x"]})["CustomAttributes"] == "from=container"


def test_a_thousand_chunks_are_exact_to_the_byte(aws, endpoint):
    got = b"".join(parts(ask(aws, endpoint, {"do": "count", "count": 1000, "bytes": 100})))
    assert got == b"".join((b"%08d " % i).ljust(100, b".") for i in range(1000))


def test_a_large_answer_passes_what_a_plain_one_may_have(aws, endpoint):
    """Section 4 limits a plain answer; a streamed one has a time limit only."""
    size = sum(len(part) for part in
               parts(ask(aws, endpoint, {"do": "count", "count": 40, "bytes": 1 << 20})))
    assert size == 40 << 20


def test_a_streaming_container_answers_a_plain_invocation_whole(aws, endpoint):
    answer = aws.runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json",
        Body=json.dumps({"do": "parts", "parts": ["a", "b"], "pause": 0.05}))
    assert answer["Body"].read() == b"ab"


# ---- what goes wrong -------------------------------------------------------------------------------


def test_a_container_that_hangs_up_in_the_middle_is_stream_broken(aws, endpoint):
    """Section 3: ModelStreamError with ErrorCode StreamBroken, after what did come."""
    stream = iter(ask(aws, endpoint, {"do": "half"})["Body"])
    got = []
    with pytest.raises(EventStreamError) as caught:
        for event in stream:
            got.append(event["PayloadPart"]["Bytes"])
    assert b"".join(got) == b"first second"
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert "broke off" in str(caught.value)


@pytest.mark.parametrize("do", ["endless", "trickle"])
def test_a_stream_without_end_is_ended_at_the_time_limit(aws, endpoint, do):
    """Section 3: ErrorCode ModelInvocationTimeExceeded; section 4: 8 minutes (here three seconds)."""
    begun = time.monotonic()
    count = 0
    with pytest.raises(EventStreamError) as caught:
        for event in ask(aws, endpoint, {"do": do})["Body"]:
            count += len(event["PayloadPart"]["Bytes"])
    assert caught.value.response["Error"]["Code"] == "ModelStreamError"
    assert count > 0
    assert STREAM_SECONDS - 0.2 < time.monotonic() - begun < STREAM_SECONDS + 2


def test_the_error_code_stands_in_the_frame(server, aws, endpoint):
    """Section 7: an exception's payload is {"Message", "ErrorCode"}."""
    answer = ask(aws, endpoint, {"do": "half"})
    raw = answer["Body"]._raw_stream.read()
    assert b'"ErrorCode":"StreamBroken"' in raw and b":exception-type" in raw


def test_an_error_before_the_first_byte_is_an_ordinary_model_error(aws, endpoint):
    """Section 3: ModelError, 424, with what the container said."""
    with pytest.raises(ClientError) as caught:
        ask(aws, endpoint, {"do": "error"})
    assert error_of(caught) == ("ModelError", 424)
    assert caught.value.response["OriginalStatusCode"] == 500
    assert caught.value.response["OriginalMessage"] == "the model fell over"


def test_a_container_that_never_answers_is_a_model_error_that_says_so(aws, endpoint):
    with pytest.raises(ClientError) as caught:
        ask(aws, endpoint, {"do": "silent"})
    assert error_of(caught) == ("ModelError", 424)
    assert "timed out while waiting" in str(caught.value)


def test_what_the_api_does_not_take_is_refused_before_the_container_sees_it(aws, endpoint):
    """Section 2: limits at the limit and one past it; a session is only continued."""
    ask(aws, endpoint, {"do": "head"}, CustomAttributes="x" * 1024)["Body"].close()
    for more in ({"CustomAttributes": "x" * 1025}, {"SessionId": "NEW_SESSION"},
                 {"TargetVariant": "other"}, {"InferenceComponentName": "none"}):
        with pytest.raises(ClientError) as caught:
            ask(aws, endpoint, {"do": "head"}, **more)
        assert error_of(caught) == ("ValidationError", 400), more
    with pytest.raises(ClientError) as caught:
        ask(aws, "nobody", {"do": "head"})
    assert "Endpoint nobody of account 000000000000 not found." in str(caught.value)


# ---- handlers of the built-in image: over the framed link -------------------------------------------

HANDLER = b"""
import json, os, time

def model_fn(model_dir):
    return {"closed": 0}

def input_fn(body, content_type):
    return json.loads(body)

def predict_fn(asked, model):
    if asked["do"] == "closed":
        return model["closed"]
    if asked["do"] == "early":
        raise ValueError("before the first part")
    if asked["do"] == "async":
        return later(asked)
    return words(asked, model)

async def later(asked):
    for part in asked["parts"]:
        yield part

def words(asked, model):
    if asked["do"] == "early in the generator":
        raise ValueError("before the first part")
    try:
        if asked["do"] == "count":
            for i in range(asked["count"]):
                yield (b"%08d " % i).ljust(asked["bytes"], b".")
        elif asked["do"] == "parts":
            for part in asked["parts"]:
                yield part
                time.sleep(asked.get("pause", 0))
        elif asked["do"] == "endless":
            while True:
                yield bytes(65536)
        elif asked["do"] == "trickle":
            while True:
                yield "."
                time.sleep(0.05)
        elif asked["do"] == "late":
            yield "some"
            raise ValueError("in the middle")
        elif asked["do"] == "dies":
            yield "some"
            time.sleep(0.1)
            os._exit(3)
    finally:
        model["closed"] += 1
"""


@pytest.fixture(scope="module")
def handler(aws):
    """A generator of the built-in image; one worker, so that what holds it holds everything."""
    made = Deployment(aws, "handler")
    return made.deploy(tar_gz({"code/inference.py": HANDLER}),
                       environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}).name


@pytest.mark.alone
def test_a_handler_that_yields_is_streamed_part_by_part(aws, handler):
    words = ["one ", "two ", {"three": 3}]
    begun = time.monotonic()
    arrived = []
    for event in ask(aws, handler, {"do": "parts", "parts": words, "pause": 0.3})["Body"]:
        arrived.append((event["PayloadPart"]["Bytes"], time.monotonic() - begun))
    assert [data for data, _ in arrived] == [b"one ", b"two ", b'{"three": 3}\n']
    assert arrived[0][1] < 0.25 and arrived[2][1] > 0.55


def test_a_handlers_parts_are_exact_and_pass_the_links_window(aws, handler):
    got = parts(ask(aws, handler, {"do": "count", "count": 1000, "bytes": 100}))
    assert got == [(b"%08d " % i).ljust(100, b".") for i in range(1000)]
    large = parts(ask(aws, handler, {"do": "count", "count": 20, "bytes": 1 << 20}))
    assert b"".join(large) == b"".join((b"%08d " % i).ljust(1 << 20, b".") for i in range(20))


def test_an_asynchronous_generator_is_streamed_too(aws, handler):
    assert parts(ask(aws, handler, {"do": "async", "parts": ["a", "b"]})) == [b"a", b"b"]


def test_a_handler_that_yields_answers_a_plain_invocation_whole(aws, handler):
    answer = aws.runtime.invoke_endpoint(
        EndpointName=handler, ContentType="application/json",
        Body=json.dumps({"do": "parts", "parts": ["a", "b"]}))
    assert answer["Body"].read() == b"ab"


@pytest.mark.parametrize("do", ["early", "early in the generator"])
def test_a_handler_that_fails_before_its_first_part_is_a_model_error(aws, handler, do):
    with pytest.raises(ClientError) as caught:
        ask(aws, handler, {"do": do})
    assert error_of(caught) == ("ModelError", 424)
    assert "before the first part" in caught.value.response["OriginalMessage"]


@pytest.mark.parametrize("do, why", [("late", "ValueError: in the middle"), ("dies", "ended")])
def test_a_handler_that_fails_in_the_middle_breaks_the_stream_and_the_next_is_served(
        aws, handler, do, why):
    got = []
    with pytest.raises(EventStreamError) as caught:
        for event in ask(aws, handler, {"do": do})["Body"]:
            got.append(event["PayloadPart"]["Bytes"])
    assert got == [b"some"]
    assert caught.value.response["Error"]["Code"] == "ModelStreamError" and why in str(caught.value)
    assert parts(ask(aws, handler, {"do": "parts", "parts": ["on"]})) == [b"on"]


def closed(aws, handler):
    answer = aws.runtime.invoke_endpoint(EndpointName=handler, Body=b'{"do": "closed"}',
                                         ContentType="application/json", Accept="application/json")
    return json.loads(answer["Body"].read())


@pytest.mark.parametrize("do", ["endless", "trickle"])
def test_a_generator_ends_when_its_reader_goes_away_or_the_time_is_up(aws, handler, do):
    before = closed(aws, handler)
    runtime = aws.client("sagemaker-runtime")
    body = runtime.invoke_endpoint_with_response_stream(
        EndpointName=handler, ContentType="application/json", Body=json.dumps({"do": do}))["Body"]
    next(iter(body))
    body.close()
    runtime.close()
    begun = time.monotonic()
    assert closed(aws, handler) == before + 1  # the one worker is free again
    assert time.monotonic() - begun < STREAM_SECONDS - 1
    with pytest.raises(EventStreamError):
        for _ in ask(aws, handler, {"do": do})["Body"]:
            pass
    assert closed(aws, handler) == before + 2


# ---- slow and absent readers -----------------------------------------------------------------------


def resident_bytes(process):
    pages = pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def container_says(aws, endpoint):
    answer = aws.runtime.invoke_endpoint(EndpointName=endpoint, Body=b'{"do": "gone"}')
    return json.loads(answer["Body"].read())


def eventually(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_a_reader_that_stops_stops_the_container_and_memory_stays_flat(server, aws, endpoint):
    """Back-pressure end to end, and then the client goes away: the container's stream is cut."""
    before = container_says(aws, endpoint)
    memory = resident_bytes(server.process.pid)
    streams = [iter(ask(aws, endpoint, {"do": "endless"})["Body"]) for _ in range(4)]
    for stream in streams:
        next(stream)
    time.sleep(0.5)
    stopped = container_says(aws, endpoint)["sent"]
    time.sleep(0.5)
    assert container_says(aws, endpoint)["sent"] == stopped, "the container was not slowed down"
    assert (stopped - before["sent"]) / 4 < 16 << 20  # sockets on the way hold some
    assert resident_bytes(server.process.pid) - memory < 16 << 20
    for stream in streams:
        stream.close()
    del streams, stream
    aws.runtime.close()  # boto3 keeps the connections of streams that were not read to the end
    aws.runtime = aws.client("sagemaker-runtime")
    eventually(lambda: container_says(aws, endpoint)["gone"] == before["gone"] + 4)


def test_a_client_that_leaves_in_the_middle_cuts_the_container_off(aws, endpoint):
    before = container_says(aws, endpoint)["gone"]
    runtime = aws.client("sagemaker-runtime")
    body = runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=b'{"do": "trickle"}')["Body"]
    next(iter(body))
    body.close()
    runtime.close()
    eventually(lambda: container_says(aws, endpoint)["gone"] == before + 1, STREAM_SECONDS - 1)


# ---- aligned parts ---------------------------------------------------------------------------------


SSE = "data: one\n\ndata: two\ndata: more\n\n: comment\r\n\r\ndata: end"


@pytest.mark.parametrize("border, text, right", [
    ("line", '{"a": 1}\n{"b": 2}\n\n{"c"', ['{"a": 1}\n', '{"b": 2}\n', "\n", '{"c"']),
    ("sse", SSE, ["data: one\n\n", "data: two\ndata: more\n\n", ": comment\r\n\r\n", "data: end"]),
])
def test_an_endpoint_may_ask_for_aligned_parts(aws, name, border, text, right):
    """A tag of our own: section 7 says that AWS's parts follow no border."""
    made = deploy(aws, name, {"slipway:stream-alignment": border}.items())
    for size in (1, 3, 1000):
        pieces = [text[i:i + size] for i in range(0, len(text), size)]
        got = parts(ask(aws, made.name, {"do": "parts", "parts": pieces, "pause": 0.002}))
        assert [part.decode() for part in got] == right, f"in pieces of {size}"
    aws.sagemaker.delete_endpoint(EndpointName=name)


def test_an_aligned_line_of_three_megabytes_is_passed_cut_and_whole(aws, name):
    made = deploy(aws, name, {"slipway:stream-alignment": "line"}.items())
    got = parts(ask(aws, made.name, {"do": "count", "count": 3, "bytes": 1 << 20}))
    assert sum(map(len, got)) == 3 << 20 and 3 <= len(got) <= 4
    aws.sagemaker.delete_endpoint(EndpointName=name)


def test_an_alignment_that_does_not_exist_is_refused(aws, name):
    with pytest.raises(ClientError) as caught:
        deploy(aws, name, {"slipway:stream-alignment": "words"}.items())
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "'line' or 'sse'" in str(caught.value)


# ---- other clients, and the example ----------------------------------------------------------------


def run(server, command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=120, env=server.process_environment())
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def stream_in_javascript(server, tmp_path):
    if not os.environ.get("SLIPWAY_NODE_MODULES"):
        pytest.skip("SLIPWAY_NODE_MODULES is not set; ./dev test sets it")
    (tmp_path / "node_modules").symlink_to(os.environ["SLIPWAY_NODE_MODULES"])
    program = shutil.copy(EXAMPLES / "javascript/stream.mjs", tmp_path)

    def ask(endpoint, asked):
        output = run(server, ["node", program, endpoint, json.dumps(asked)])
        return [json.loads(line) for line in output.splitlines()]
    return ask


def test_the_javascript_sdk_reads_parts_and_errors(stream_in_javascript, endpoint, handler):
    lines = stream_in_javascript(endpoint, {"do": "parts", "parts": ["one", "zwei"], "pause": 0.05})
    assert lines == [{"type": "text/event-stream", "variant": "all"}, {"part": "one"},
                     {"part": "zwei"}]
    assert stream_in_javascript(endpoint, {"do": "half"})[-1] == {
        "error": "ModelStreamError", "code": "StreamBroken"}
    assert stream_in_javascript(endpoint, {"do": "trickle"})[-1] == {
        "error": "ModelStreamError", "code": "ModelInvocationTimeExceeded"}
    assert stream_in_javascript(handler, {"do": "parts", "parts": ["a"]})[1:] == [{"part": "a"}]


def test_the_example_prints_words_as_they_come(server):
    lines = run(server, [sys.executable, EXAMPLES / "ways/streaming.py"]).splitlines()
    assert [line.split("ms  ")[1] for line in lines[:3]] == ["'Slipway '", "'streams '", "'what '"]
    lines = run(server, [sys.executable, EXAMPLES / "ways/streaming.py", "--lines"]).splitlines()
    assert len(lines) == 2 and all("word by word. \\n" in line for line in lines)
