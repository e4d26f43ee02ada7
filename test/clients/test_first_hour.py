"""What somebody sees who starts with Slipway: the page at "/", the version, what goes wrong first."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from make_model import mlp
from server import Server, binary

ROOT = pathlib.Path(__file__).resolve().parents[2]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def fetch(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def serve(*flags, expect=1, **options):
    """What `slipway serve` says that cannot start: one sentence."""
    done = subprocess.run([binary(), "serve", *map(str, flags)], capture_output=True, text=True,
                          timeout=30, **options)
    assert done.returncode == expect and done.stdout == "", done
    said = [line for line in done.stderr.splitlines() if line.startswith("slipway: ")]
    assert len(said) == 1, done.stderr
    return said[0]


def version():
    done = subprocess.run([binary(), "--version"], capture_output=True, text=True, timeout=10)
    match = re.fullmatch(r"slipway (\d+\.\d+\.\d+)\n", done.stdout)
    assert done.returncode == 0 and match, done
    return match.group(1)


def test_a_browser_gets_a_page_that_says_what_this_is(server):
    status, kind, page = fetch(server.url + "/", Accept=BROWSER)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert f"Slipway {version()}" in page and server.url in page and "slipway env" in page
    assert str(server.data) not in page
    assert "src=" not in page and "http-equiv" not in page  # nothing that is fetched from elsewhere
    assert fetch(server.url + "/_slipway/health")[0] == 200


def test_the_page_is_no_other_sites(server):
    status, kind, _ = fetch(server.url + "/", Accept=BROWSER, Origin="https://elsewhere.example")
    assert (status, kind) == (403, "application/json")
    page = fetch(server.url + "/", Accept=BROWSER, Host="<script>.localhost")[2]
    assert "<script>" not in page


def test_sdks_list_their_buckets_where_the_page_stands(aws, server, name):
    aws.s3.create_bucket(Bucket=name)
    assert name in [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]]
    assert fetch(server.url + "/", Accept="*/*")[1] == "application/xml"


def test_a_browser_reads_an_object_that_everybody_may_read(aws, server, name):
    aws.s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    aws.s3.delete_public_access_block(Bucket=name)
    aws.s3.put_object(Bucket=name, Key="index.html", Body=b"<b>hello</b>", ACL="public-read",
                      ContentType="text/html")
    page = fetch(f"{server.url}/{name}/index.html", Accept=BROWSER)
    assert page == (200, "text/html", "<b>hello</b>")


def test_a_port_that_is_taken_is_one_sentence_with_the_mend(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = serve("--data", tmp_path / "data", "--port", port)
    assert f"127.0.0.1:{port}" in said and "in use" in said and "--port" in said


def test_an_address_of_another_machine_is_one_sentence_with_the_mend(tmp_path):
    assert "--listen" in serve("--data", tmp_path, "--port", 0, "--listen", "192.0.2.1", expect=2)


def test_a_data_directory_that_cannot_be_one_is_one_sentence_with_the_mend(tmp_path):
    (tmp_path / "file").write_text("here")
    assert "--data" in serve("--data", tmp_path / "file", "--port", 0)
    assert "--data" in serve("--data", "/proc/none", "--port", 0)


def deployed_server(folder):
    server = Server(folder / "server").start()
    (folder / "model.onnx").write_bytes(mlp())
    run = [binary(), "deploy", folder / "model.onnx", "--name", "m", "--instances", "2"]
    subprocess.run(run, env=server.process_environment(), check=True, timeout=60)
    return server


def start_without_warnings(server):
    """The next start, until the model answers: nothing that it finds is a failure."""
    server.log.unlink()
    server.start()
    ask = [binary(), "invoke", "m", ",".join(["1"] * 128)]
    subprocess.run(ask, env=server.process_environment(), check=True, timeout=60, capture_output=True)
    warnings = [line for line in server.log.read_text().splitlines() if '"level":"info"' not in line]
    assert not warnings


def test_after_a_clean_end_the_next_start_warns_of_nothing(tmp_path):
    server = deployed_server(tmp_path)
    try:
        assert server.stop() == 0
        first = server.log.read_text()
        assert f"slipway {version()} serves" in first and "the instances stop" in first
        start_without_warnings(server)
    finally:
        assert server.stop() == 0


def test_a_second_signal_ends_at_once_and_the_next_start_takes_over(tmp_path):
    server = deployed_server(tmp_path)
    try:
        # A request that is never whole keeps the first signal waiting.
        with socket.create_connection(("127.0.0.1", server.port)) as slow:
            slow.sendall(b"POST /endpoints/m/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
            time.sleep(0.2)
            server.process.send_signal(signal.SIGINT)
            server.wait_for_log("in flight are answered first")
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(3) == 128 + signal.SIGINT
        assert "ended at once" in server.log.read_text()
        start_without_warnings(server)
    finally:
        assert server.stop() == 0


def test_an_image_that_is_none_of_ours_is_answered_with_ours(server, tmp_path, name):
    (tmp_path / "model.onnx").write_bytes(mlp())
    environment = server.process_environment()
    run = [binary(), "deploy", tmp_path / "model.onnx", "--name", name, "--image",
           "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:latest"]
    done = subprocess.run(run, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    for image in ("slipway-inference", "sagemaker-xgboost", "sagemaker-scikit-learn"):
        assert image in done.stderr, done.stderr
    subprocess.run([binary(), "rm", name], env=environment, check=True, timeout=60)


def example_commands():
    """The commands that examples/README.md prints, but for those that need something of the reader's."""
    lines = re.findall(r"^    (.+)$", (ROOT / "examples/README.md").read_text(), re.M)
    commands = [re.sub(r" +# .*", "", line) for line in lines if " examples/" in line]
    assert len(commands) > 14, commands
    slow = pytest.mark.slow
    return [pytest.param(each, marks=slow) if "SAGEMAKER" in each else each for each in commands]


@pytest.mark.parametrize("command", example_commands())
def test_an_example_runs_as_it_is_printed(server, tmp_path, command):
    variables = re.findall(r"\$(\w+)", command) + ["SLIPWAY_NODE_MODULES"] * ("node" in command)
    for variable in variables:
        if not os.environ.get(variable):
            pytest.skip(f"{variable} is not set; ./dev test sets it")
    shutil.copytree(ROOT / "examples", tmp_path / "examples",
                    ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    if "SLIPWAY_NODE_MODULES" in os.environ:
        (tmp_path / "examples/javascript/node_modules").symlink_to(os.environ["SLIPWAY_NODE_MODULES"])
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = server.process_environment() | {"PATH": path} | {
        variable: os.environ[variable] for variable in variables}
    made = subprocess.run([sys.executable, "examples/make_model.py"], cwd=tmp_path, timeout=60)
    assert made.returncode == 0
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, timeout=120,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("sdk", ["SLIPWAY_SAGEMAKER2", "SLIPWAY_SAGEMAKER3"])
def test_the_sdks_session_that_env_prints_asks_nobody_but_this_server(server, tmp_path, sdk):
    if not os.environ.get(sdk):
        pytest.skip(f"{sdk} is not set; ./dev test sets it")
    printed = subprocess.run([binary(), "env", "--data", server.data, "--python"],
                             capture_output=True, text=True, timeout=30, check=True)
    (tmp_path / "slipway_env.py").write_text(printed.stdout)
    program = pathlib.Path(__file__).parent / "sdk_programs/env_session.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run([f"{os.environ[sdk]}/bin/python", program, tmp_path], env=environment,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["said"] == "hello" and answer["role"].endswith(":role/sagemaker")
    assert answer["uri"] == f"s3://{answer['bucket']}/greeting"


def pasted(text, folder, **variables):
    """Runs lines of a shell as somebody would who pastes them, in a home of their own."""
    (folder / "home").mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"HOME": str(folder / "home"), "SLIPWAY_PORT": "0"} | variables
    ending = "\nstatus=$?; kill $(jobs -p) 2>/dev/null; wait; exit $status\n"
    done = subprocess.run(["bash", "-c", f"set -e\ntrap 'kill $(jobs -p)' ERR\n{text}{ending}"],
                          cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_blocks_of_the_readme_can_be_pasted(tmp_path):
    use = (ROOT / "README.md").read_text().split("## Use it")[1]
    blocks = re.findall(r"^```\n(.*?)^```$", use, re.S | re.M)[:2]
    assert "slipway serve &" in blocks[0] and "slipway invoke" in blocks[1]
    lines = [line for line in "".join(blocks).splitlines()
             if not line.startswith(("./dev", ". build/clients.sh"))]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{binary().parent}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    said = pasted("\n".join(lines), tmp_path, PATH=path)
    assert "predictions" in said or re.search(r"(-?\d+\.\d+,){9}", said), said


def test_what_the_demo_prints_can_be_pasted(tmp_path):
    demo = [sys.executable, ROOT / "tools/demo.py"]
    done = subprocess.run(demo, capture_output=True, text=True, timeout=120)
    if "no network" in done.stderr or "download" in done.stderr:
        pytest.skip("the demo's model is not here and cannot be fetched")
    assert done.returncode == 0, done.stdout + done.stderr
    hints = re.findall(r"^  (.+?)   # ", done.stdout.split("What to try next")[1], re.M)
    assert len(hints) == 6
    lines = [line for line in hints if not line.endswith(str(ROOT / "LICENSE"))]
    assert "what-file" in pasted("\n".join(lines), tmp_path)


def test_the_page_of_coverage_is_what_the_program_says():
    sys.path.insert(0, str(ROOT / "tools"))
    import write_coverage
    page = write_coverage.page(binary())
    assert "PutBucketCors" in page and "CreateTrainingJob" in page
    assert write_coverage.PAGE.read_text() == page, "run tools/write_coverage.py"


def test_every_link_of_the_pages_leads_to_a_file():
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in link or (page.parent / link).exists(), f"{page.name}: {link}"
