"""ONNX models: every content type, types and ranks, names, errors; compared with ONNX Runtime."""

import io
import json
import threading

import onnx_models as models
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper


def npy(array):
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


@pytest.fixture
def mlp(tmp_path, serve):
    folder = tmp_path / "model"
    folder.mkdir()
    models.mlp(folder / "model.onnx")
    return folder, serve(folder)


def expected(folder, records):
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    return session.run(None, {"x": records})[0]


RECORDS = np.random.default_rng(3).standard_normal((3, 128)).astype(np.float32)


def csv(records):
    return "\n".join(",".join(repr(float(value)) for value in record) for record in records) + "\n"


def test_csv_in_json_out_is_what_onnx_runtime_says(mlp):
    folder, server = mlp
    answer = server.ask(csv(RECORDS), "text/csv")
    assert (answer.status, answer.content_type) == (200, "application/json")
    np.testing.assert_allclose(answer.json["predictions"], expected(folder, RECORDS), rtol=1e-4, atol=1e-5)


LARGE = np.random.default_rng(4).standard_normal((700, 128)).astype(np.float32)  # 1.8 MB of text


@pytest.mark.parametrize("spelt", [
    lambda text: text,
    lambda text: text.rstrip("\n"),
    lambda text: text.replace("\n", "\r\n"),
    lambda text: text.replace("\n", "\n\n", 300),
    lambda text: "\n".join('"' + line.replace(",", '",', 1) if i == 400 else line
                           for i, line in enumerate(text.split("\n"))),
], ids=["plain", "no end", "crlf", "empty lines", "quoted"])
@pytest.mark.parametrize("accept", ["text/csv", "application/jsonlines", "application/json"])
def test_a_large_table_is_answered_like_a_small_one(mlp, spelt, accept):
    """Its lines are answered a slice after the other: none is lost, doubled or out of order."""
    folder, server = mlp
    answer = server.ask(spelt(csv(LARGE)), "text/csv", accept)
    assert (answer.status, answer.content_type) == (200, accept), answer.text
    got = {"text/csv": lambda: np.loadtxt(io.StringIO(answer.text), delimiter=","),
           "application/jsonlines": lambda: [json.loads(line) for line in answer.text.splitlines()],
           "application/json": lambda: answer.json["predictions"]}[accept]()
    np.testing.assert_allclose(got, expected(folder, LARGE), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("damage, said", [
    (lambda line: line.rsplit(",", 1)[0], "line 650 has 127 columns"),
    (lambda line: line.replace(",", ",x", 1), "line 650, column 2"),
    (lambda line: '"' + line, "line 650, column 1"),
], ids=["short", "no number", "open quote"])
def test_a_fault_in_a_large_table_is_named_by_its_line(mlp, damage, said):
    _, server = mlp
    lines = csv(LARGE).split("\n")
    lines[649] = damage(lines[649])
    answer = server.ask("\n".join(lines), "text/csv", "text/csv")
    assert answer.status == 400
    assert said in answer.json["error"]


@pytest.mark.parametrize("body, content_type", [
    (RECORDS.tolist(), "application/json"),
    ({"instances": RECORDS.tolist()}, "application/json; charset=utf-8"),
    ({"instances": [{"x": record} for record in RECORDS.tolist()]}, "application/json"),
    ({"instances": [{"features": record} for record in RECORDS.tolist()]}, "application/json"),
    ("\n".join(json.dumps(record) for record in RECORDS.tolist()), "application/jsonlines"),
    ("\n".join(json.dumps({"x": record}) for record in RECORDS.tolist()), "application/jsonlines"),
    (npy(RECORDS), "application/x-npy"),
    (npy(np.asfortranarray(RECORDS)), "application/x-npy"),
    (npy(RECORDS.astype(">f8")), "application/x-npy"),
    (csv(RECORDS).replace("\n", "\r\n"), "text/csv; charset=utf-8"),
])
def test_every_content_type_means_the_same(mlp, body, content_type):
    folder, server = mlp
    answer = server.ask(body, content_type)
    assert answer.status == 200, answer.text
    np.testing.assert_allclose(answer.json["predictions"], expected(folder, RECORDS), rtol=1e-4, atol=1e-5)


def test_named_inputs_are_answered_by_name(mlp):
    folder, server = mlp
    answer = server.ask({"inputs": {"x": RECORDS.tolist()}})
    np.testing.assert_allclose(answer.json["outputs"]["y"], expected(folder, RECORDS), rtol=1e-4, atol=1e-5)


def test_accept_chooses_the_form(mlp):
    folder, server = mlp
    want = expected(folder, RECORDS)
    text = server.ask(csv(RECORDS), "text/csv", "text/csv")
    assert text.content_type == "text/csv"
    np.testing.assert_allclose(np.loadtxt(io.StringIO(text.text), delimiter=","), want, rtol=1e-4, atol=1e-5)
    lines = server.ask(csv(RECORDS), "text/csv", "application/jsonlines")
    np.testing.assert_allclose([json.loads(line) for line in lines.text.splitlines()], want, rtol=1e-4, atol=1e-5)
    array = server.ask(csv(RECORDS), "text/csv", "application/x-npy")
    np.testing.assert_allclose(np.load(io.BytesIO(array.body)), want, rtol=1e-4, atol=1e-5)
    assert server.ask(csv(RECORDS), "text/csv", "image/png").status == 406
    assert server.ask(csv(RECORDS), "text/csv", "image/png, */*;q=0.1").status == 200


def test_a_wrong_request_is_told_what_the_model_takes(mlp):
    _, server = mlp
    for body, content_type in [("1,2,3", "text/csv"), ("a,b", "text/csv"), ("", "text/csv"),
                               ("{", "application/json"), ("[[1,2],[3]]", "application/json"),
                               ('{"instances": [["a"]]}', "application/json"),
                               ('{"inputs": {"z": 1}}', "application/json"),
                               (npy(np.zeros((1, 5))), "application/x-npy"),
                               (b"\x93NUMPY\x01\x00\xff\xff", "application/x-npy")]:
        answer = server.ask(body, content_type)
        assert answer.status == 400, (body, answer.status)
        assert answer.json["error"]
    assert "float32 [N, 128]" in server.ask("1,2,3", "text/csv").json["error"]
    assert server.ask("x", "image/png").status == 415


def test_many_clients_at_once_each_get_their_own_answer(mlp):
    folder, server = mlp
    records = np.random.default_rng(5).standard_normal((64, 128)).astype(np.float32)
    want = expected(folder, records)
    wrong = []

    def client(first):
        for i in range(first, 64, 8):
            body = csv(records[i:i + 1]) if i % 5 else "1,2"
            answer = server.ask(body, "text/csv")
            if i % 5 == 0:
                if answer.status != 400:
                    wrong.append(i)
            elif not np.allclose(answer.json["predictions"], want[i:i + 1], rtol=1e-4, atol=1e-5):
                wrong.append(i)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("kind, values", [
    (TensorProto.DOUBLE, [[0.1, 1e300]]), (TensorProto.FLOAT16, [[0.5, 65504.0]]),
    (TensorProto.INT8, [[-128, 127]]), (TensorProto.INT32, [[-5, 2**31 - 1]]),
    (TensorProto.INT64, [[-2**63, 2**63 - 1]]), (TensorProto.UINT8, [[0, 255]]),
    (TensorProto.UINT64, [[0, 2**64 - 1]]), (TensorProto.BOOL, [[True, False]]),
    (TensorProto.STRING, [["a", 'quoted "ü" \n']]),
])
def test_every_element_type_passes_through_json(tmp_path, serve, kind, values):
    models.identity(tmp_path / "model.onnx", kind, ["N", 2])
    server = serve(tmp_path)
    answer = server.ask({"instances": values})
    assert answer.json == {"predictions": values}


def test_ranks_other_than_two(tmp_path, serve):
    for name, shape, value in [("scalar", [], 2.5), ("vector", ["N"], [1.5, 2.5]),
                               ("image", ["N", 2, 1, 2], [[[[1.0, 2.0]], [[3.0, 4.0]]]])]:
        folder = tmp_path / name
        folder.mkdir()
        models.identity(folder / "model.onnx", TensorProto.FLOAT, shape)
        server = serve(folder)
        assert server.ask({"inputs": value}).json == {"outputs": {"y": value}}, name
    flat = server.ask("1,2,3,4\n5,6,7,8\n", "text/csv")
    assert flat.json["predictions"][1] == [[[5.0, 6.0]], [[7.0, 8.0]]]


def test_several_inputs_by_name_and_by_column(tmp_path, serve):
    models.two_inputs(tmp_path / "model.onnx")
    server = serve(tmp_path)
    want = {"sum": [[2.5, 4.5]], "product": [[1.0, 5.0]]}
    assert server.ask({"inputs": {"a": [[0.5, 2.5]], "b": [[2, 2]]}}).json == {"outputs": want}
    rows = server.ask({"instances": [{"a": [0.5, 2.5], "b": [2, 2]}]}).json
    assert rows == {"predictions": [{"sum": [2.5, 4.5], "product": [1.0, 5.0]}]}
    assert server.ask("0.5,2.5,2,2\n", "text/csv").json == rows
    missing = server.ask({"inputs": {"a": [[0.5, 2.5]]}})
    assert missing.status == 400 and "'b' is missing" in missing.json["error"]
    assert server.ask({"inputs": {"a": [[1, 2]], "b": [[1.5, 2]]}}).status == 400
    # Each fits alone; together they do not: the model's own complaint is a 400 too.
    odd = server.ask({"inputs": {"a": [[1, 2], [3, 4], [5, 6]], "b": [[1, 2], [3, 4]]}})
    assert odd.status == 400, odd.text


def test_not_a_number_is_carried_both_ways(tmp_path, serve):
    models.identity(tmp_path / "model.onnx", TensorProto.FLOAT, ["N", 3])
    server = serve(tmp_path)
    answer = server.ask('{"instances": [[NaN, Infinity, null]]}')
    assert "NaN, Infinity, NaN" in answer.text
    assert server.ask(",inf,-inf\n", "text/csv").text == '{"predictions": [[NaN, Infinity, -Infinity]]}'


def test_a_model_whose_records_influence_each_other_is_never_joined(tmp_path, serve):
    models.running_sum(tmp_path / "model.onnx")
    server = serve(tmp_path)
    results = []
    threads = [threading.Thread(target=lambda: results.append(server.ask("1,2\n", "text/csv").json))
               for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"predictions": [[1.0, 2.0]]}] * 32


def test_a_nul_in_a_string_does_not_end_it(tmp_path, serve):
    models.identity(tmp_path / "model.onnx", TensorProto.STRING, ["N"])
    server = serve(tmp_path)
    assert server.ask({"instances": ["a\0b", "", "\0"]}).json == {"predictions": ["a\0b", "", "\0"]}


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path, serve):
    models.identity(tmp_path / "model.onnx", TensorProto.STRING, ["N"])
    answer = serve(tmp_path).ask("\ufeffa\nb".encode(), "text/csv")
    assert answer.status == 400 and "byte order mark" in answer.json["error"]


def test_an_input_with_a_default_may_be_left_out_or_given(tmp_path, serve):
    models.save(tmp_path / "model.onnx", [helper.make_node("Mul", ["x", "t"], ["y"])],
                [("x", TensorProto.FLOAT, ["N", 2]), ("t", TensorProto.FLOAT, [])],
                [("y", TensorProto.FLOAT, ["N", 2])], [("t", np.array(2, np.float32))])
    server = serve(tmp_path)
    assert server.ask("1,2\n", "text/csv").json == {"predictions": [[2.0, 4.0]]}
    assert server.ask({"inputs": {"x": [[1, 2]]}}).json == {"outputs": {"y": [[2.0, 4.0]]}}
    assert server.ask({"inputs": {"x": [[1, 2]], "t": 3}}).json == {"outputs": {"y": [[3.0, 6.0]]}}
    each = server.ask({"instances": [{"x": [1, 2], "t": 3}]})
    assert each.status == 400 and "give it once" in each.json["error"]
    assert server.ask({"inputs": {"x": [[1, 2]], "t": [3, 4]}}).status == 400


def test_a_scalar_is_one_value_for_all_records_in_every_format(tmp_path, serve):
    models.save(tmp_path / "model.onnx", [helper.make_node("Add", ["x", "s"], ["y"])],
                [("x", TensorProto.FLOAT, ["N", 2]), ("s", TensorProto.FLOAT, [])],
                [("y", TensorProto.FLOAT, ["N", 2])])
    server = serve(tmp_path)
    same = {"predictions": [[6.0, 7.0], [8.0, 9.0]]}
    assert server.ask({"instances": [{"x": [1, 2], "s": 5}, {"x": [3, 4], "s": 5}]}).json == same
    assert server.ask("1,2,5\n3,4,5\n", "text/csv").json == same
    for body, kind in [({"instances": [{"x": [1, 2], "s": 5}, {"x": [3, 4], "s": 6}]}, "application/json"),
                       ("1,2,5\n3,4,6\n", "text/csv"),
                       ('{"x": [1, 2], "s": 5}\n{"x": [3, 4], "s": 6}\n', "application/jsonlines"),
                       ({"inputs": {"x": [[1, 2], [3, 4]], "s": [5, 6]}}, "application/json")]:
        answer = server.ask(body, kind)
        assert answer.status == 400 and "'s' is a scalar" in answer.json["error"], body


def test_a_model_that_answers_in_sequences_is_refused_when_it_is_loaded(tmp_path, serve):
    graph = helper.make_graph(
        [helper.make_node("SplitToSequence", ["x"], ["y"])], "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              str(tmp_path / "model.onnx"))
    server = serve(tmp_path, ready=False)
    assert server.wait() is False
    assert "'y' is no tensor" in server.output()


def test_what_cannot_be_loaded_ends_with_one_clear_line(tmp_path, serve):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("hello")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.onnx").write_bytes(b"not a model")
    for folder, words in [(empty, ["notes.txt", "model.onnx"]), (broken, ["cannot load", "model.onnx"]),
                          (tmp_path / "absent", ["is not there"])]:
        server = serve(folder, ready=False)
        assert server.wait() is False
        assert server.process.returncode == 1
        last = server.output().strip().splitlines()[-1]
        assert last.startswith("slipway-modelserver: ") and all(word in last for word in words), last


def test_the_contract_over_http(mlp):
    _, server = mlp
    assert server.request("GET", "/ping").status == 200
    assert server.request("GET", "/nowhere").status == 404
    assert server.request("GET", "/invocations").status == 405
    assert server.request("GET", "/execution-parameters").json["BatchStrategy"] == "MULTI_RECORD"
    big = ("0.5," * 127 + "0.5\n") * 20000
    assert len(server.ask(big, "text/csv").json["predictions"]) == 20000
