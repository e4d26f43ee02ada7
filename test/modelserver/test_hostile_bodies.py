"""Bodies that are small and would cost a worker of Python much: its time, or its memory."""

import io
import json
import sys
import time

import numpy as np
import pytest
import recordio_files
import scipy.sparse
from conftest import ROOT

sys.path.insert(0, str(ROOT / "src" / "modelserver" / "backends" / "python"))
import slipway_formats as formats  # noqa: E402  pylint: disable=wrong-import-position
import slipway_recordio as recordio  # noqa: E402  pylint: disable=wrong-import-position
import slipway_records as records  # noqa: E402  pylint: disable=wrong-import-position
import slipway_toolkit as toolkit  # noqa: E402  pylint: disable=wrong-import-position

SECONDS_MAX = 5  # each took minutes, or did not end
NAMES = [f"x{at}" for at in range(100_000)]


class Wishes:
    names, kinds, texts, wants_table = ["a"], {}, False, True


def by_name(body, content_type):
    return records.read(body, content_type, Wishes())


def recordio_rows(body, _):
    return recordio.read_rows(body)


SLOW = [
    (formats.decode, "text/csv", "1" * 200_000 + "x"),
    (formats.decode, "text/csv", '"1"' + " " * 200_000 + "x"),
    (formats.decode, "text/csv", '"' + 'a""' * 200_000),
    (formats.decode, "application/json", json.dumps(dict.fromkeys(NAMES, 1))[:-1] + ', "x99999": 1}'),
    (by_name, "application/json", json.dumps(dict.fromkeys(NAMES, 1))),
    (by_name, "application/json", json.dumps({"columns": NAMES + ["x99999"], "data": []})),
    (by_name, "text/csv", ",".join(["a"] + NAMES) + "\n"),
    (recordio_rows, recordio.MEDIA,
     recordio_files.frame(recordio_files.record(recordio_files.tensor([1], keys=[1], shape=[2**64 - 1] * 50_000)))
     + b"x"),
]


@pytest.mark.parametrize("read, content_type, body", SLOW)
def test_what_is_refused_is_refused_quickly(read, content_type, body):
    began = time.monotonic()
    with pytest.raises(formats.BadRequest):
        read(body, content_type)
    assert time.monotonic() - began < SECONDS_MAX


@pytest.mark.parametrize("shape", [(2**60,), (2**31, 2**31), (-1,), (2**62, 2**62)])
def test_an_array_that_says_it_is_larger_than_memory_is_refused(shape):
    body = io.BytesIO()
    np.lib.format.write_array_header_1_0(body, {"descr": "<f4", "fortran_order": False, "shape": shape})
    with pytest.raises(formats.BadRequest, match="cannot be read as application/x-npy"):
        formats.decode(body.getvalue() + b"1234", "application/x-npy")


def npz(**members):
    body = io.BytesIO()
    np.savez_compressed(body, **members)
    return body.getvalue()


def rows_of(indices, ends=(0, 1)):
    return {"format": b"csr", "shape": (1, 4), "data": np.ones(1), "indices": np.array(indices, "int32"),
            "indptr": np.array(ends, "int32")}


@pytest.mark.parametrize("indices, ends", [([9], (0, 1)), ([-1], (0, 1)), ([1], (0, 5)), ([1], (1, 1))])
def test_a_sparse_matrix_with_a_place_outside_of_it_is_refused(indices, ends):
    """Libraries in C take its places as they are, and would read others' memory."""
    assert formats.decode(npz(**rows_of([1])), "application/x-npz").toarray().tolist() == [[0, 1, 0, 0]]
    with pytest.raises(formats.BadRequest):
        formats.decode(npz(**rows_of(indices, ends)), "application/x-npz")


def test_a_sparse_matrix_that_unpacks_to_much_more_is_refused(monkeypatch):
    monkeypatch.setattr(formats, "ELEMENTS_MAX", 1000)
    body = npz(**{**rows_of([1]), "more": np.zeros(10_000)})
    assert len(body) < 2000
    with pytest.raises(formats.BadRequest, match="at most 8000 are read"):
        formats.decode(body, "application/x-npz")


def test_columns_that_no_matrix_has_are_refused(monkeypatch):
    pytest.importorskip("xgboost")
    record = recordio_files.tensor([1], keys=[2**40])
    bodies = [(toolkit.libsvm_to_dmatrix, f"1 {2**40}:1"), (toolkit.libsvm_to_dmatrix, f"1 {'9' * 300}:1"),
              (toolkit.recordio_protobuf_to_dmatrix, recordio_files.frame(recordio_files.record(record)))]
    for decode, body in bodies:
        with pytest.raises(formats.BadRequest, match="are read"):
            decode(body)
    monkeypatch.setitem(toolkit.dialect, "libsvm_indices", "sniffed")
    with pytest.raises(formats.BadRequest, match="values are read"):
        toolkit.libsvm_to_dmatrix("1 0:1 1000000000:1")


def test_a_matrix_that_a_client_may_send_is_read():
    for matrix in (scipy.sparse.csr_matrix(np.eye(3)), scipy.sparse.coo_matrix(np.eye(3)),
                   scipy.sparse.csc_matrix(np.eye(3)), scipy.sparse.bsr_matrix(np.eye(3)),
                   scipy.sparse.dia_matrix(np.eye(3))):
        body = io.BytesIO()
        scipy.sparse.save_npz(body, matrix)
        assert formats.decode(body.getvalue(), "application/x-npz").toarray().tolist() == np.eye(3).tolist()
