#!/usr/bin/env python3
"""`./dev demo [--keep] [FILE...]`: deploys a real pre-trained model and asks it about real files.

The model is Magika (Google, Apache-2.0): from the first and last bytes of a file it says what kind of
file it is. It came as an ONNX file inside a Python package; nothing of that package runs here.
"""
import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import fetch_deps

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLIPWAY = pathlib.Path(os.environ.get("SLIPWAY_BIN") or ROOT / "build/release/bin") / "slipway"
WORK = ROOT / "build/demo"
ENDPOINT = "what-file"
MODEL = ("The model: Magika 1.0 by Google (Apache-2.0), {size:.0f} MB of ONNX. It says of what kind a file is, of\n"
         "{kinds}, from its first and last bytes; it never sees a name.")
FILES = ("src/base/log.cc", "tools/demo.py", "dev", "CMakeLists.txt", "examples/README.md", "LICENSE")


def say(text=""):
    print(text, flush=True)


def fail(text):
    sys.exit(f"./dev demo: {text}")


def start_server(data):
    """The process and its URL, once it says `ready URL`."""
    log = open(WORK / "server.log", "wb")
    process = subprocess.Popen([SLIPWAY, "serve", "--data", data, "--port", "0"],
                               stdout=subprocess.PIPE, stderr=log, text=True)
    match = re.match(r"ready (\S+)", process.stdout.readline())
    if not match:
        fail(f"the server did not start; its last words are in {log.name}")
    return process, match.group(1)


def client_environment(data, url):
    """What `eval "$(slipway env)"` does for a shell."""
    exports = subprocess.run([SLIPWAY, "env", "--data", data, "--shell", "sh"],
                             capture_output=True, text=True, check=True).stdout
    lines = [line.removeprefix("export ") for line in exports.splitlines() if line.startswith("export ")]
    variables = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    return {**os.environ, **variables, "AWS_ENDPOINT_URL": url}


def features(content, config):
    """The 2,048 numbers that Magika reads: the first and the last bytes, padded."""
    size, padding = config["beg_size"], config["padding_token"]
    block = config["block_size"]
    begin = list(content[:block].lstrip()[:size])
    end = list(content[-block:].rstrip()[-size:])
    return begin + [padding] * (size - len(begin)) + [padding] * (size - len(end)) + end


def numbers(answer):
    """The list of numbers inside an answer, whatever it is wrapped in."""
    value = json.loads(answer)
    while not (isinstance(value, list) and value and isinstance(value[0], (int, float))):
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return value


def invoke(body, environment):
    return subprocess.run([SLIPWAY, "invoke", ENDPOINT, "--content-type", "application/json",
                           "--accept", "application/json", "--input", "-"],
                          input=body, capture_output=True, text=True, env=environment)


def ask(path, config, environment):
    """What kind of file `path` is, how sure the model is, and how long the command took."""
    body = json.dumps({"instances": [features(path.read_bytes(), config)]})
    started = time.monotonic()
    done = invoke(body, environment)
    seconds = time.monotonic() - started
    if done.returncode != 0:
        fail(f"the model did not answer: {done.stderr.strip()}")
    scores = numbers(done.stdout)
    best = max(range(len(scores)), key=scores.__getitem__)
    return config["target_labels_space"][best], scores[best], seconds


def ask_wrongly(environment):
    """What a client is told that sends something else than the model takes."""
    record = '{"instances": [[1, 2, 3]]}'
    done = invoke(record, environment)
    if done.returncode == 0:
        fail(f"the model answered to what it cannot take: {done.stdout}")
    say("And a request that is wrong, as its sender sees it:")
    say(f"$ slipway invoke {ENDPOINT} '{record}'")
    for line in done.stderr.strip().splitlines():
        say(f"  {line}")
    say(f"  (exit status {done.returncode})")
    say()


def own_files():
    """Files of this repository, and one of them under a name that lies: only the bytes are asked about."""
    misnamed = WORK / "python-not-a-picture.jpg"
    shutil.copy(ROOT / "tools/demo.py", misnamed)
    return [ROOT / name for name in FILES] + [misnamed]


def deploy(model, config, environment):
    kinds = f"{len(config['target_labels_space'])} kinds"
    say(MODEL.format(size=model.stat().st_size / 1e6, kinds=kinds))
    say()
    command = [SLIPWAY, "deploy", model, "--name", ENDPOINT]
    say(f"$ slipway deploy {model.name} --name {ENDPOINT}")
    started = time.monotonic()
    # What it prints at the end is for a server at the usual place; what_next() says it for this one.
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode != 0:
        fail(f"the model could not be deployed; the server's log is {WORK / 'server.log'}")
    say(f"  deployed in {time.monotonic() - started:.2f} s")
    say()


def ask_about(paths, config, environment):
    say("Asked what kind of file each of these is, from their bytes alone:")
    for path in paths:
        label, score, seconds = ask(path, config, environment)
        name = os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else path
        say(f"  {str(name):36} {label:12} {score:6.1%}   {seconds * 1000:.0f} ms")
    say()


def hints(data, url, model, kept):
    """(what to type, what it does): each can be pasted as it is, in this order, in any folder."""
    folder = shlex.quote(str(data))
    path = f"export PATH={shlex.quote(str(SLIPWAY.parent))}:\"$PATH\""
    yield path, "`slipway` in this shell"
    if not kept:
        yield f"slipway serve --data {folder} &", "the server again, with the model; `fg` and Ctrl-C end it"
    yield f"eval \"$(slipway env --data {folder})\"", "endpoint and keys for aws, boto3, the SDKs"
    yield "slipway status", "what is deployed"
    yield f"slipway deploy {shlex.quote(str(model))} --name another", "also folders and model.tar.gz"
    yield f"{shlex.quote(str(ROOT / 'dev'))} demo {shlex.quote(str(ROOT / 'LICENSE'))}", "ask about files of your own"


def what_next(data, url, model, kept):
    say("What to try next; each line can be pasted" + (f" in another shell, {url} serves until Ctrl-C:" if kept else ":"))
    for command, meaning in hints(data, url, model, kept):
        say(f"  {command}   # {meaning}")
    if not kept:
        say("`./dev demo --keep` leaves the server running. examples/ has the same in boto3, the AWS CLI,")
        say("JavaScript and the SageMaker SDK; ./dev setup --clients installs what they need.")


def model_files():
    folder = fetch_deps.unpacked("magika")
    return folder / "model.onnx", json.loads((folder / "config.min.json").read_text())


def main():
    parser = argparse.ArgumentParser(prog="./dev demo")
    parser.add_argument("--keep", action="store_true", help="leave the server running afterwards")
    parser.add_argument("files", nargs="*", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--from", dest="folder", type=pathlib.Path, default=".", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.files = [(arguments.folder / file).resolve() for file in arguments.files]
    for file in arguments.files:
        if not file.is_file():
            fail(f"there is no file {file}")
    model, config = model_files()
    shutil.rmtree(WORK, ignore_errors=True)
    data = WORK / "data"
    WORK.mkdir(parents=True)
    process, url = start_server(data)
    say(f"$ slipway serve --data {os.path.relpath(data)} --port 0")
    say(f"  ready {url}")
    say()
    try:
        environment = client_environment(data, url)
        deploy(model, config, environment)
        ask_about(arguments.files or own_files(), config, environment)
        ask_wrongly(environment)
        what_next(data, url, model, arguments.keep)
        if arguments.keep:
            process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


if __name__ == "__main__":
    main()
