"""Many models in one server: AWS's multi-model container contract."""

import json
import re
from pathlib import Path

import pytest

import onnx_models
from conftest import Server

PAGE = 1000


@pytest.fixture
def model_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    onnx_models.mlp(folder / "model.onnx", sizes=(4, 8, 2))
    return folder


@pytest.fixture
def start(tmp_path):
    started = []

    def start(**env):
        started.append(Server(tmp_path, tmp_path, env={"SAGEMAKER_MULTI_MODEL": "true", **env}))
        assert started[-1].wait(), started[-1].output()
        return started[-1]

    yield start
    for server in started:
        server.stop()


def load(server, name, folder):
    return server.request("POST", "/models", json.dumps({"model_name": name, "url": str(folder)}))


def listed(server):
    """The names of every page, and how many pages there were."""
    names, pages, token = [], 0, ""
    while True:
        page = server.request("GET", f"/models{token}").json
        names += [model["modelName"] for model in page["models"]]
        pages += 1
        if "nextPageToken" not in page:
            return names, pages
        token = f"?next_page_token={page['nextPageToken']}"


def test_the_list_of_models_comes_in_pages(start, model_folder):
    server = start()
    names = [f"model-{i:04}" for i in range(PAGE + 1)]
    for name in names:
        assert load(server, name, model_folder).status == 200
    assert listed(server) == (names, 2)
    assert server.request("DELETE", f"/models/{names[0]}").status == 200
    assert listed(server) == (names[1:], 1)


def test_a_model_is_loaded_shown_asked_and_let_go(start, model_folder):
    server = start()
    assert server.request("GET", "/models/a").status == 404
    assert load(server, "a", model_folder).status == 200
    assert load(server, "a", model_folder).status == 409
    assert server.request("GET", "/models/a").json == {"modelName": "a", "modelUrl": str(model_folder)}
    answer = server.request("POST", "/models/a/invoke", "1,2,3,4", {"Content-Type": "text/csv"})
    assert answer.status == 200, answer.text
    assert server.request("DELETE", "/models/a").status == 200
    assert server.request("DELETE", "/models/a").status == 404
    assert server.request("POST", "/models/a/invoke", "1,2,3,4").status == 404


def test_past_the_memory_limit_the_answer_is_507_until_something_is_let_go(start, tmp_path, model_folder):
    server = start(SLIPWAY_MODEL_MEMORY_MB="150")
    large = tmp_path / "large"
    large.mkdir()
    (large / "model.onnx").write_bytes(Path(model_folder, "model.onnx").read_bytes())
    (large / "more").write_bytes(bytes(150 << 20))
    answer = load(server, "large", large)
    assert answer.status == 507 and re.search("no memory for the model", answer.text)
    assert load(server, "small", model_folder).status == 200


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"model_name": "a"}', '{"url": "/x"}', "{",
                                  json.dumps({"model_name": "a" * 257, "url": "/x"})])
def test_what_is_no_load_request_is_refused(start, body):
    assert start().request("POST", "/models", body).status == 400


@pytest.mark.parametrize("method, path, status", [
    ("POST", "/invocations", 404), ("PUT", "/models", 405), ("GET", "/models/a/invoke", 405),
    ("GET", "/models/", 404), ("GET", "/models/a/b", 404), ("GET", "/modelsx", 404)])
def test_other_paths_and_methods_are_refused(start, method, path, status):
    assert start().request(method, path).status == status
