"""The formats of Python handlers: read and written as those of the other backends."""

import decimal
import io
import json
import random
import sys
import time

import numpy as np
import onnx_models
import pytest
from conftest import ROOT, Server
from onnx import TensorProto

sys.path.insert(0, str(ROOT / "src" / "modelserver" / "backends" / "python"))
import slipway_formats as formats  # noqa: E402  pylint: disable=wrong-import-position
import slipway_records  # noqa: E402  pylint: disable=wrong-import-position


def npy(array):
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


# Bodies of records of three values; what is read of them is compared, and that they are refused.
BODIES = [
    ("text/csv", "1,2,3"), ("text/csv", "1,2,3\n4,5.5,-6e1\n"), ("text/csv", "1,2,3\r\n4,5,6\r\n"),
    ("text/csv", "1,2,3\r4,5,6"), ("text/csv", "\n1,2,3\n\n \n4,5,6\n\n"), ("text/csv", " 1 ,\t2, 3 "),
    ("text/csv", '"1","2.5",3'), ("text/csv", ' "1" , "2" ,3\n4,5,6'), ("text/csv", "1,,3\n,,\n"),
    ("text/csv", '"",2,3'), ("text/csv", "nan,inf,-Infinity"), ("text/csv", "+1,.5,2."),
    ("text/csv", "1e39,1e-50,3"), ("text/csv", "16777217,2,3"), ("text/csv; charset=utf-8", "1,2,3"),
    ("text/csv", "a,b,c\n1,2,3"), ("text/csv", "1,2,x"), ("text/csv", "1,2,3\n4,5"),
    ("text/csv", "1,2,3\n4,5,6,7"), ("text/csv", "# 1,2,3\n1,2,3"), ("text/csv", "1,2,3 # no"),
    ("text/csv", "1;2;3"), ("text/csv", '1,2,"3'), ("text/csv", '1,2,"3"4'), ("text/csv", '1,2",3'),
    ("text/csv", "\ufeff1,2,3"), ("text/csv", "1_0,2,3"), ("text/csv", "0x10,2,3"), ("text/csv", "1e,2,3"),
    ("text/csv", "True,2,3"), ("text/csv", "1,2,\u0663"), ("text/csv", ""), ("text/csv", "\n \n"),
    ("text/csv", "--1,2,3"), ("text/csv", "nan(1),2,3"), ("text/csv", f"1,2,0.{'0' * 400}1"),
    ("application/json", f"[[1,2,0.{'0' * 400}1]]"), ("text/csv", "1,2,3\0"),
    ("application/json", "[[1,2,3],[4,5.5,-6e1]]"), ("application/json", "[1,2,3]"),
    ("application/json", '{"instances": [[1,2,3]]}'), ("application/json", '{"inputs": [[1,2,3]]}'),
    ("application/json", '{"signature_name": "x", "instances": [[1,2,3]]}'),
    ("application/json", '{"instances": [{"features": [1,2,3]}]}'),
    ("application/json", "[[1,null,3]]"), ("application/json", "[[true,2,false]]"),
    ("application/json", "[[NaN,Infinity,-Infinity]]"), ("text/json", "[[1,2,3]]"),
    ("application/json", "[[1,2,3],[4,5]]"), ("application/json", "[[1,2,3],4]"),
    ("application/json", '[["1",2,3]]'), ("application/json", '{"instances": [[1,2,3]], "inputs": [[1,2,3]]}'),
    ("application/json", '{"instances": [[1,2,3]], "instances": [[4,5,6]]}'),
    ("application/json", "[[01,2,3]]"), ("application/json", "[[1,-01.5,3]]"), ("application/json", "[[1.,2,3]]"),
    ("application/json", "[[1,2.e1,3]]"), ("application/json", "[[.5,2,3]]"), ("application/json", "[[+1,2,3]]"),
    ("application/json", "[[0.5,-0,0e1]]"), ("application/json", "[[1E+2,2e-1,3]]"),
    ("application/json", "[[1,2,3]"), ("application/json", "[[1,2,3]] x"), ("application/json", ""),
    ("application/json", "[" * 40 + "1" + "]" * 40), ("application/json", '{"instances": []}'),
    ("application/json", "[[123456789012345678901234567890,2,3]]"),
    ("application/jsonlines", "[1,2,3]\n[4,5,6]\n"), ("application/jsonlines", "[1,2,3]\n\n[4,5]"),
    ("application/x-ndjson", '{"features": [1,2,3]}\n'), ("application/jsonlines", "\n"),
    ("application/x-npy", npy(np.array([[1, 2, 3]], "int64"))), ("application/x-npy", b"\x93NUMPY"),
    ("application/x-npy", npy(np.array([[1, 2, 3]], dtype=object))),
    ("application/x-npy", npy(np.asfortranarray([[1.5, 2, 3], [4, 5, 6]]))),
    ("application/x-npy", npy(np.array([[1, 2, 3]])) + b"x"),
]

# Just above, exactly at and just below what lies halfway between two floats; in the range of the
# smallest ones and of the largest too. A double in between would round twice.
HALVES = ["1.000000059604644775390625", "1.000000059604644775390626", "1.000000059604644775390624",
          "-1.000000178813934326171874", "16777217", "16777217.000000000000001", "1152921573326323712",
          "1152921573326323713", "7.0064923216240853546186e-46", "7.0064923216240853546187e-46",
          "340282356779733661637539395458142568447", "340282356779733661637539395458142568448"]
BODIES += [("text/csv", f"{number},0.5,3") for number in HALVES]
BODIES += [("application/json", f"[[{number},0.5,3]]") for number in HALVES]
BODIES += [("application/json", f"[[{number},2,3]]") for number in HALVES if "." not in number]
BODIES += [("application/jsonlines", f"[{number},0.5,3]\n[1,2,null]") for number in HALVES[:2]]
BODIES += [("text/csv", f"{'9' * 500},1,-{'9' * 500}"), ("application/json", f"[[{'9' * 400},1,-{'9' * 400}]]"),
           ("text/csv", "9223372036854775807,9223372036854775808,1"), ("application/json", "[[9223372036854775808,-1,1]]")]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """A server of an ONNX model that answers what it read."""
    folder = tmp_path_factory.mktemp("mirror")
    onnx_models.identity(folder / "model.onnx", TensorProto.FLOAT, ["N", 3])
    server = Server(folder, folder)
    assert server.wait(), server.output()
    yield server
    server.stop()


def read_here(content_type, body):
    data = body.encode() if isinstance(body, str) else body
    try:
        return formats.decode(data, content_type, "float32").reshape(-1, 3)
    except formats.ClientMistake as mistake:
        return mistake


@pytest.mark.parametrize("content_type, body", BODIES)
def test_a_body_is_read_as_by_the_other_backends(mirror, content_type, body):
    there = mirror.ask(body.encode() if isinstance(body, str) else body, content_type, "application/x-npy")
    here = read_here(content_type, body)
    if isinstance(here, Exception):
        assert there.status == here.http_status == 400, (there.text, here)
    else:
        assert there.status == 200, there.text
        np.testing.assert_array_equal(np.load(io.BytesIO(there.body)), here)


@pytest.mark.parametrize("accept", [
    "application/json", "Text/CSV", "text/csv; charset=utf-8", "application/json, text/plain, */*",
    "text/html, */*;q=0.8", "text/csv;q=0.9, application/json;q=0.1", "application/json;q=0.1, text/csv;q=0.9",
    "application/json;q=0, */*", "application/*", "text/*", "image/png, */*;q=0.1", "application/x-ndjson",
    "image/png", "application/json;q=0", "*/*;q=0", "text/csv;q=x", "text/csv, application/x-npy", ",", "*/*, text/csv",
])
def test_an_accept_is_weighed_as_by_the_other_backends(mirror, accept):
    there = mirror.ask("1,2,3", "text/csv", accept)
    chosen = formats.choose_accept(accept, "application/json")
    assert (there.content_type if there.status == 200 else None) == chosen


def test_what_a_script_is_told_that_the_client_accepts():
    said = lambda header: formats.accept_for_script(header, "application/json")
    assert said("") == said("*/*") == said("*/*;q=0.5") == "application/json"
    assert said("application/x-own; version=2") == "application/x-own; version=2"
    assert said(" text/csv; charset=utf-8,") == "text/csv; charset=utf-8"
    assert said("text/csv; charset=utf-8; q=1") == "text/csv;charset=utf-8"
    assert said("application/json, text/plain, */*") == "application/json"
    assert said("text/csv;q=0.2, image/png") == "image/png"


def test_whole_numbers_stay_whole_where_nothing_else_is_asked():
    assert formats.decode("1,2\n3,4", "text/csv").tolist() == [[1, 2], [3, 4]]
    assert formats.decode("1,2\n3,4", "text/csv").dtype == "int64"
    for number in ("9007199254740993", "9223372036854775807", "-9223372036854775808"):
        assert formats.decode(number, "text/csv").tolist() == [[int(number)]]
        assert formats.decode(f"[{number}, true]", "application/json").tolist() == [int(number), 1]
    for body, kind in (("9223372036854775808", "text/csv"), ("[[9223372036854775808, -1]]", "application/json"),
                       (f"[{2**70}]", "application/json"), (f"[{2**70}]\n", "application/jsonlines")):
        with pytest.raises(formats.BadRequest, match="64 bits do not hold"):
            formats.decode(body, kind)
    assert formats.decode("[[true, false]]", "application/json").dtype == bool
    assert formats.decode("5,3.5\n1,2", "text/csv").tolist() == [[5.0, 3.5], [1.0, 2.0]]
    assert formats.decode('[["a", "b"]]', "application/json").tolist() == [["a", "b"]]
    assert formats.decode('[["a", 1.5]]', "application/json").tolist() == [["a", 1.5]]
    assert formats.decode('{"a": 1}', "application/json").item() == {"a": 1}


def test_a_whole_number_beside_others_is_kept_exactly_or_refused():
    for body, kind in (("9007199254740993,0.5", "text/csv"), ("1,2\n9007199254740993,\n", "text/csv"),
                       ("9007199254740993,1\n2,0.5\n", "text/csv"), ("[[9007199254740993, 0.5]]", "application/json"),
                       ("[[9007199254740993, null]]", "application/json"), ("[9007199254740993]\n[0.5]", "application/jsonlines")):
        with pytest.raises(formats.BadRequest, match="9007199254740993 is a whole number that a double"):
            formats.decode(body, kind)
        assert formats.decode(body, kind, "float64").dtype == "float64"
    assert formats.decode("9007199254740992,0.5\n1,", "text/csv")[0].tolist() == [2.0**53, 0.5]
    assert formats.decode("[[9007199254740992, 0.5], [1e300, 18014398509481984]]", "application/json").max() == 1e300
    assert formats.decode(f"{'9' * 500},0.5", "text/csv").tolist() == [[np.inf, 0.5]]
    with pytest.raises(formats.BadRequest, match="9007199254740993"):
        slipway_records.column_of([9007199254740993, None], None, "age")
    assert slipway_records.column_of([9007199254740993, 1], None, "age").tolist() == [9007199254740993, 1]


@pytest.mark.parametrize("body, words", [
    ("a,b\n1,2", "line 1, column 1: 'a' is no number (send no header line)"),
    ("1,2\n1,x", "line 2, column 2: 'x' is no number"),
    ("1,2\n1", "line 2 has 1 columns, and 2 are due"),
    ("\ufeff1,2", "byte order mark"), ("\ufeffa,2", "byte order mark"), ('1,"2', "column 2: a quoted field does not end"),
])
def test_a_refusal_names_the_place(body, words):
    with pytest.raises(formats.BadRequest, match="^The body cannot be read as text/csv") as refused:
        formats.decode(body, "text/csv")
    assert words in str(refused.value)


def test_csv_is_written_a_line_for_a_record_and_quoted_where_need_be():
    assert formats.encode(np.array([0.1, 2], "float32"), "text/csv") == "0.1\n2.0\n"
    assert formats.encode([["a,b", 'say "x"']], "text/csv") == '"a,b","say ""x"""\n'
    for no_table in (np.zeros((1, 2, 2)), {"a": [1, 2]}):
        with pytest.raises(formats.NotAcceptable):
            formats.encode(no_table, "text/csv")
    assert json.loads(formats.encode({"x": np.float32(1.5)}, "application/json")) == {"x": 1.5}


def test_json_lines_have_one_for_what_is_one_record():
    assert formats.encode({"a": 1, "b": [2]}, "application/jsonlines") == '{"a": 1, "b": [2]}\n'
    assert formats.encode("ab", "application/jsonlines") == '"ab"\n'
    assert formats.encode(np.float32(1.5), "application/jsonlines") == formats.encode(1.5, "application/jsonlines") == "1.5\n"
    assert formats.encode({"a": 1}.items(), "application/jsonlines") == '["a", 1]\n'
    assert formats.encode([{"a": 1}, "b"], "application/jsonlines") == '{"a": 1}\n"b"\n'


def test_npy_has_numbers_or_texts_and_is_never_a_pickle():
    def told(value):
        return np.load(io.BytesIO(formats.encode(value, "application/x-npy"))).tolist()
    assert told(np.array(["sétosa", "b"], dtype=object)) == ["sétosa", "b"]
    assert told(np.array([[1, 2.5], [True, 4]], dtype=object)) == [[1.0, 2.5], [1.0, 4.0]]
    assert told([1, 2]) == [1, 2] and told("a") == "a" and told(np.array(["2020-01-01"], "M8[D]")) is not None
    for no_array in ({"a": 1}, [{"a": 1}], [[1], [2, 3]], np.array([1, "a"], dtype=object), [1, None], [2**70],
                     np.array([(1, "a")], dtype=[("x", "i4"), ("y", "O")])):
        with pytest.raises(formats.NotAcceptable, match="application/json"):
            formats.encode(no_array, "application/x-npy")


def test_what_is_no_bytes_is_not_read_as_such():
    with pytest.raises(formats.BadRequest, match="bytes-like"):
        formats.decode([49, 50], "text/csv")


def test_halves_of_xgboosts_numbers_are_rounded_once():
    import slipway_toolkit
    for number in HALVES[:-1]:  # the last is infinite, which XGBoost refuses
        for matrix in (slipway_toolkit.csv_to_dmatrix(f"0.5;{number}"), slipway_toolkit.libsvm_to_dmatrix(f"1 0:0.5 1:{number}"),
                       slipway_toolkit.decode_dmatrix(f"[[0.5, {number}]]", "application/json")):
            want = formats.decode(f"0.5,{number}", "text/csv", "float32")
            np.testing.assert_array_equal(matrix.get_data().toarray(), want)


def test_a_table_with_a_half_in_it_is_still_read_quickly():
    text = "\n".join(f"16777217,{n / 7},{n / 3}" for n in range(30000))
    started = time.process_time()
    formats.decode(text, "text/csv", "float32")
    assert time.process_time() - started < 5


def test_a_number_beside_a_half_is_rounded_to_its_own_side_in_the_whole_range():
    chance = random.Random(1)
    for power in range(-149, 128):
        below = np.float32(chance.random() * 2.0**power)
        above = np.nextafter(below, np.float32(np.inf))
        half = decimal.Decimal((float(below) + float(above)) / 2)  # exact: a double has the room
        with decimal.localcontext(prec=300):
            little = half * decimal.Decimal("1e-60")
            texts = [format(half - little, "e"), format(half + little, "e")]
        for read in (lambda text: formats.decode(text, "text/csv", "float32"),
                     lambda text: formats.decode(f"[{text}]", "application/json", "float32")):
            assert [read(text).item() for text in texts] == [float(below), float(above)], power
