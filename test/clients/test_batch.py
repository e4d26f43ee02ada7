"""Batch transform by boto3 and the SageMaker SDK (hosting-contract sections 4 and 11)."""
import csv
import gzip
import json
import os
import pathlib
import struct
import subprocess
import sys
import time

import botocore.exceptions
import numpy as np
import pytest
import xgboost
from conftest import REGISTRY, ROLE, Clients
from make_model import tar_gz
from sklearn.datasets import load_iris

MEBIBYTE = 1 << 20
WAIT = {"Delay": 1, "MaxAttempts": 60}

ECHO = b'''
import json, os, time

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    text = data.decode() if isinstance(data, bytes) else data
    if "die" in text:
        os._exit(3)
    if "late" in text:
        time.sleep(5)
    if "bad" in text:
        raise ValueError("this record is bad")
    return text

def output_fn(text, accept):
    if "environment" in text:
        seen = {k: v for k, v in os.environ.items() if k.startswith("SAGEMAKER_") or k == "MINE"}
        return json.dumps(seen), "application/json"
    return "".join(f"<{len(line)}>\\n" for line in text.splitlines()), "text/csv"
'''


class Batch:
    """A bucket with input under in/, a model, and jobs that write to out/."""

    def __init__(self, aws, name, archive, environment=None, image="slipway-inference:latest"):
        self.aws, self.name, self.jobs = aws, name, 0
        aws.s3.create_bucket(Bucket=name)
        aws.s3.put_object(Bucket=name, Key="model.tar.gz", Body=archive)
        aws.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={
                "Image": f"{REGISTRY}/{image}",
                "ModelDataUrl": f"s3://{name}/model.tar.gz",
                "Environment": environment or {}})

    def put(self, key, body):
        self.aws.s3.put_object(Bucket=self.name, Key=key, Body=body)

    def start(self, uri="in/", split="Line", accept="text/csv", content_type="text/csv",
              assemble="Line", compression="None", instances=1, kind="S3Prefix", model=None, **more):
        self.jobs += 1
        job = f"{self.name}-{self.jobs}"
        output = {"S3OutputPath": f"s3://{self.name}/out/{self.jobs}", "AssembleWith": assemble}
        if accept:
            output["Accept"] = accept
        self.aws.sagemaker.create_transform_job(
            TransformJobName=job, ModelName=model or self.name,
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": kind,
                                                "S3Uri": f"s3://{self.name}/{uri}"}},
                "ContentType": content_type, "SplitType": split, "CompressionType": compression},
            TransformOutput=output,
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": instances}, **more)
        return job

    def wait(self, job):
        try:
            self.aws.sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
                TransformJobName=job, WaiterConfig=WAIT)
        except botocore.exceptions.WaiterError:
            pass  # it failed; the caller looks
        return self.aws.sagemaker.describe_transform_job(TransformJobName=job)

    def run(self, **how):
        described = self.wait(self.start(**how))
        assert described["TransformJobStatus"] == "Completed", described.get("FailureReason")
        return self.outputs()

    def output_keys(self):
        listed = self.aws.s3.list_objects_v2(Bucket=self.name, Prefix=f"out/{self.jobs}/")
        return [o["Key"] for o in listed.get("Contents", [])]

    def outputs(self):
        return {key.removeprefix(f"out/{self.jobs}/"):
                self.aws.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
                for key in self.output_keys()}


@pytest.fixture
def mlp_batch(aws, name, models):
    return Batch(aws, name, models.mlp_archive)


@pytest.fixture
def echo_batch(aws, name):
    return Batch(aws, name, tar_gz({"code/inference.py": ECHO}))


def csv_of(rows):
    return "".join(",".join(f"{x:.5f}" for x in row) + "\n" for row in rows).encode()


def rows_of(count, seed):
    return np.random.default_rng(seed).normal(size=(count, 128)).round(5).astype(np.float32)


def numbers(text):
    return np.array([[float(x) for x in line.split(",")] for line in text.decode().splitlines()])


@pytest.mark.parametrize("strategy", ["MultiRecord", "SingleRecord"])
def test_lines_are_answered_in_order_as_onnxruntime_answers(mlp_batch, models, strategy):
    """Section 11: input key + .out under S3OutputPath; order kept; one output per input."""
    rows = {"a.csv": rows_of(300, 1), "deep/b.csv": rows_of(3, 2), "c.csv": rows_of(1, 3)}
    for key, each in rows.items():
        mlp_batch.put(f"in/{key}", csv_of(each))
    mlp_batch.put("in/empty.csv", b"")
    outputs = mlp_batch.run(BatchStrategy=strategy)
    assert outputs.pop("empty.csv.out") == b""
    assert set(outputs) == {f"{key}.out" for key in rows}
    for key, each in rows.items():
        np.testing.assert_allclose(numbers(outputs[f"{key}.out"]), models.mlp_answer(each),
                                   rtol=1e-4, atol=1e-5)


def test_one_large_file_is_split_over_all_workers_and_joined_in_order(mlp_batch, models):
    """Section 11: JoinSource Input appends the output's columns; requests of MaxPayloadInMB."""
    rows = rows_of(4000, 4)
    text = csv_of(rows)
    assert len(text) > 3 * MEBIBYTE
    mlp_batch.put("in/large.csv", text)
    outputs = mlp_batch.run(MaxPayloadInMB=1, MaxConcurrentTransforms=4, instances=2,
                            DataProcessing={"JoinSource": "Input"})
    lines = outputs["large.csv.out"].splitlines()
    assert [line.rsplit(b",", 10)[0] for line in lines] == text.splitlines()
    answers = np.array([[float(x) for x in line.rsplit(b",", 10)[1:]] for line in lines])
    np.testing.assert_allclose(answers, models.mlp_answer(rows), rtol=1e-4, atol=1e-5)


def test_filters_choose_columns_before_and_after(mlp_batch, models):
    """Section 11: InputFilter and OutputFilter, with JoinSource."""
    rows = rows_of(5, 5)
    mlp_batch.put("in/x.csv", b"".join(
        f"id{i},".encode() + line + b"\n" for i, line in enumerate(csv_of(rows).splitlines())))
    outputs = mlp_batch.run(DataProcessing={
        "InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"})
    lines = [line.split(b",") for line in outputs["x.csv.out"].splitlines()]
    assert [line[0] for line in lines] == [b"id0", b"id1", b"id2", b"id3", b"id4"]
    np.testing.assert_allclose([float(line[1]) for line in lines],
                               models.mlp_answer(rows)[:, -1], rtol=1e-4, atol=1e-5)


JOINED = {"InputFilter": "$[1:]", "JoinSource": "Input"}


def named_csv_of(rows):
    return "".join(f"id{i}," + ",".join(repr(float(x)) for x in row) + "\n" for i, row in enumerate(rows)).encode()


@pytest.mark.parametrize("image, archive", [("sagemaker-xgboost:1.7-1", "xgboost"),
                                            ("sagemaker-scikit-learn:1.2-1-cpu-py3", "sklearn")])
def test_each_record_is_joined_to_its_answer_whatever_the_image(aws, name, models, image, archive):
    """Section 11: JoinSource with the default strategy; a line for each record. XGBoost in two requests."""
    rows, answers = (models.cancer_rows, models.xgboost_answer()) if archive == "xgboost" else (
        models.iris_rows, models.forest.predict(models.iris_rows))
    times = MEBIBYTE // len(named_csv_of(rows)) + 1 if archive == "xgboost" else 20
    rows, answers = np.tile(rows, (times, 1)), np.tile(answers, times)
    batch = Batch(aws, name, models.xgboost_archive("json") if archive == "xgboost" else models.sklearn_archive,
                  image=image)
    text = named_csv_of(rows)
    batch.put("in/x.csv", text)
    lines = batch.run(MaxPayloadInMB=1, DataProcessing=JOINED)["x.csv.out"].decode().splitlines()
    assert [line.rpartition(",")[0] for line in lines] == text.decode().splitlines()
    np.testing.assert_allclose([float(line.rpartition(",")[2]) for line in lines], answers, rtol=1e-5)
    few = batch.run(DataProcessing={**JOINED, "OutputFilter": "$[0,-1]"})["x.csv.out"].decode().splitlines()
    assert few == [line.split(",")[0] + "," + line.rpartition(",")[2] for line in lines]


@pytest.mark.parametrize("how", [{}, {"accept": None}, {"assemble": "None"},
                                 {"assemble": "None", "accept": None, "BatchStrategy": "SingleRecord"}])
def test_an_xgboost_model_answers_a_line_for_each_record_however_it_is_asked(aws, name, models, how):
    batch = Batch(aws, name, models.xgboost_archive("json"), image="sagemaker-xgboost:1.7-1")
    batch.put("in/x.csv", csv_of(models.cancer_rows[:3]))
    text = batch.run(**how)["x.csv.out"].decode()
    np.testing.assert_allclose([float(line) for line in text.split("\n")[:-1]], models.xgboost_answer()[:3], rtol=1e-4)


def test_what_is_selected_of_classes_is_joined_too(aws, name):
    data, kinds = load_iris(return_X_y=True)
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(data, kinds), 3)
    batch = Batch(aws, name, tar_gz({"xgboost-model": bytes(booster.save_raw("ubj"))}), image="sagemaker-xgboost:1.7-1",
                  environment={"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probabilities"})
    rows = data[::40]
    batch.put("in/x.csv", named_csv_of(rows))
    want = booster.predict(xgboost.DMatrix(rows)).tolist()
    outputs = batch.run(DataProcessing={**JOINED, "OutputFilter": "$[0,-2,-1]"})["x.csv.out"].decode()
    found = list(csv.reader(outputs.splitlines()))
    assert [(line[0], int(line[1]), json.loads(line[2])) for line in found] == [
        (f"id{i}", max(range(3), key=each.__getitem__), each) for i, each in enumerate(want)]


def test_json_lines_are_joined_as_sagemaker_output(mlp_batch, models):
    """Section 11: JSON: adds SageMakerOutput to the object."""
    rows = rows_of(3, 6)
    mlp_batch.put("in/x.jsonl", "".join(
        json.dumps({"id": i, "x": [float(v) for v in row]}) + "\n"
        for i, row in enumerate(rows)).encode())
    outputs = mlp_batch.run(
        content_type="application/jsonlines", accept="application/jsonlines",
        DataProcessing={"InputFilter": "$.x", "JoinSource": "Input",
                        "OutputFilter": "$['id','SageMakerOutput']"})
    answers = [json.loads(line) for line in outputs["x.jsonl.out"].splitlines()]
    assert [answer["id"] for answer in answers] == [0, 1, 2]
    np.testing.assert_allclose([answer["SageMakerOutput"] for answer in answers],
                               models.mlp_answer(rows), rtol=1e-4, atol=1e-5)


def test_gzip_manifest_and_whole_files(mlp_batch, models):
    """Section 11: CompressionType Gzip, ManifestFile, SplitType None."""
    rows = rows_of(4, 7)
    mlp_batch.put("data/a.csv.gz", gzip.compress(csv_of(rows[:2])) + gzip.compress(csv_of(rows[2:])))
    mlp_batch.put("data/unnamed.csv.gz", b"not gzip")
    mlp_batch.put("list.json", json.dumps(
        [{"prefix": f"s3://{mlp_batch.name}/data/"}, "a.csv.gz"]).encode())
    outputs = mlp_batch.run(uri="list.json", kind="ManifestFile", split="None", assemble="None",
                            compression="Gzip")
    assert set(outputs) == {"a.csv.gz.out"}
    np.testing.assert_allclose(numbers(outputs["a.csv.gz.out"]), models.mlp_answer(rows),
                               rtol=1e-4, atol=1e-5)


def record_io(data):
    return struct.pack("<II", 0xced7230a, len(data)) + data + b"\0" * (-len(data) % 4)


TF_HELLO = bytes.fromhex("0500000000000000eab2043e68656c6c6fe89f7d38")


@pytest.mark.parametrize("split, record, sizes", [
    ("RecordIO", record_io(b"abcde"), [5]), ("TFRecord", TF_HELLO, [5])])
def test_binary_records_are_sent_without_their_framing_one_by_one(echo_batch, split, record, sizes):
    """Section 11: SplitType RecordIO and TFRecord."""
    echo_batch.put("in/x", record * 3)
    outputs = echo_batch.run(split=split, content_type="text/plain", BatchStrategy="SingleRecord",
                             assemble="None")
    assert outputs["x.out"] == b"".join(f"<{size}>\n".encode() for size in sizes * 3)


def test_records_of_recordio_keep_their_frames_where_several_go_together(aws, name, models):
    """Section 11: with MultiRecord the padding stays, which the XGBoost image wants."""
    batch = Batch(aws, name, models.xgboost_archive("json"), image="sagemaker-xgboost:3.0-5")
    entry = lambda number, data: bytes([number << 3 | 2]) + (
        bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])) + data
    rows = models.cancer_rows[:7]
    batch.put("in/x", b"".join(record_io(entry(1, entry(1, b"values") + entry(2, entry(2, entry(
        1, np.asarray(row, "<f4").tobytes()))))) for row in rows))
    lines = batch.run(split="RecordIO", content_type="application/x-recordio-protobuf",
                      BatchStrategy="MultiRecord")["x.out"].decode().splitlines()
    np.testing.assert_allclose([float(line) for line in lines], models.xgboost_answer()[:7], rtol=1e-5)


def test_the_container_is_told_of_the_job(echo_batch):
    """Section 11: SAGEMAKER_BATCH always, the other three only as the user set them."""
    echo_batch.put("in/x", b"environment\n")
    few = json.loads(echo_batch.run(Environment={"MINE": "1"})["x.out"])
    assert few["SAGEMAKER_BATCH"] == "true" and few["MINE"] == "1"
    assert not {k for k in few if k.startswith("SAGEMAKER_MAX_") or k.endswith("_STRATEGY")}
    all_of_them = json.loads(echo_batch.run(
        MaxPayloadInMB=2, MaxConcurrentTransforms=3, BatchStrategy="SingleRecord")["x.out"])
    assert all_of_them["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "2"
    assert all_of_them["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] == "3"
    assert all_of_them["SAGEMAKER_BATCH_STRATEGY"] == "SINGLE_RECORD"


def test_a_failed_record_is_named_and_other_files_go_on(echo_batch, aws):
    """Section 11: nothing uploaded for a file with a failed record; the job then Failed."""
    echo_batch.put("in/1", b"fine\n")
    echo_batch.put("in/2", b"fine\nbad\nfine\n")
    echo_batch.put("in/3", b"fine\n")
    job = echo_batch.start(BatchStrategy="SingleRecord",
                           ModelClientConfig={"InvocationsMaxRetries": 0})
    described = echo_batch.wait(job)
    assert described["TransformJobStatus"] == "Failed"
    reason = described["FailureReason"]
    assert reason.startswith(f"AlgorithmError: s3://{echo_batch.name}/in/2: record 2 (bytes 5 to 9)")
    assert "500" in reason and "this record is bad" in reason
    assert set(echo_batch.outputs()) == {"1.out", "3.out"}
    events = aws.logs.get_log_events(logGroupName="/aws/sagemaker/TransformJobs",
                                     logStreamName=f"{job}/data-log")["events"]
    text = "\n".join(event["message"] for event in events)
    assert "record 2 (bytes 5 to 9)" in text and "files 2 of 3, failed 1" in text


def test_a_late_answer_is_tried_again_and_then_fails_the_file(echo_batch):
    """Section 11: failure of timeouts: retry InvocationsMaxRetries, then the file fails."""
    echo_batch.put("in/1", b"late\n")
    job = echo_batch.start(ModelClientConfig={"InvocationsTimeoutInSeconds": 1,
                                              "InvocationsMaxRetries": 1})
    described = echo_batch.wait(job)
    assert described["TransformJobStatus"] == "Failed"
    assert "no answer after 2 tries" in described["FailureReason"]
    assert echo_batch.outputs() == {}


def test_a_container_that_dies_costs_its_file_only(echo_batch):
    echo_batch.put("in/1", b"die\n")
    echo_batch.put("in/2", b"fine\n")
    described = echo_batch.wait(echo_batch.start(ModelClientConfig={"InvocationsMaxRetries": 1}))
    assert described["TransformJobStatus"] == "Failed"
    assert "/in/1: record 1" in described["FailureReason"]
    assert set(echo_batch.outputs()) == {"2.out"}


def test_stop_ends_a_job_soon(echo_batch, aws):
    echo_batch.put("in/1", b"late\n" * 100)
    job = echo_batch.start(BatchStrategy="SingleRecord")
    while "TransformStartTime" not in aws.sagemaker.describe_transform_job(TransformJobName=job):
        time.sleep(0.2)
    started = time.monotonic()
    aws.sagemaker.stop_transform_job(TransformJobName=job)
    described = echo_batch.wait(job)
    assert described["TransformJobStatus"] == "Stopped" and time.monotonic() - started < 10
    assert echo_batch.outputs() == {}


def test_a_job_is_described_and_listed_as_it_was_made(mlp_batch, aws):
    mlp_batch.put("in/x.csv", csv_of(rows_of(1, 8)))
    job = mlp_batch.start(MaxPayloadInMB=5, MaxConcurrentTransforms=2, BatchStrategy="MultiRecord",
                          ExperimentConfig={"TrialName": "trial"}, Tags=[{"Key": "k", "Value": "v"}],
                          ModelClientConfig={"InvocationsTimeoutInSeconds": 60,
                                             "InvocationsMaxRetries": 2})
    described = mlp_batch.wait(job)
    assert described["TransformJobArn"].endswith(f":transform-job/{job}")
    assert described["MaxPayloadInMB"] == 5 and described["MaxConcurrentTransforms"] == 2
    assert described["ModelClientConfig"]["InvocationsMaxRetries"] == 2
    assert described["ExperimentConfig"] == {"TrialName": "trial"}
    assert described["DataProcessing"] == {  # as AWS fills it in
        "InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    assert described["CreationTime"] <= described["TransformStartTime"] <= described["TransformEndTime"]
    tags = aws.sagemaker.list_tags(ResourceArn=described["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    listed = aws.sagemaker.list_transform_jobs(NameContains=mlp_batch.name, StatusEquals="Completed")
    assert [j["TransformJobName"] for j in listed["TransformJobSummaries"]] == [job]


@pytest.mark.parametrize("how, code, words", [
    ({"MaxPayloadInMB": 101}, "ValidationException", "at most 100"),
    ({"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 3}, "ValidationException", "at most 100"),
    ({"split": "None", "BatchStrategy": "MultiRecord"}, "ValidationException", "SplitType"),
    ({"kind": "AugmentedManifestFile"}, "ValidationException", "AugmentedManifestFile"),
    ({"DataProcessing": {"InputFilter": "$.a"}}, "ValidationException", "positions"),
    ({"DataProcessing": {"JoinSource": "Input"}, "accept": "application/json"},
     "ValidationException", "JoinSource"),
    ({"Environment": {f"K{i}": "v" for i in range(17)}}, "ValidationException", "16"),
    ({"ModelClientConfig": {"InvocationsMaxRetries": 4}}, "ValidationException", "3"),
])
def test_what_cannot_work_is_refused_when_the_job_is_made(mlp_batch, how, code, words):
    """Section 4: limits, one past each."""
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        mlp_batch.start(**how)
    assert refused.value.response["Error"]["Code"] == code
    assert words in refused.value.response["Error"]["Message"]


def test_a_model_that_is_many_transforms_nothing(mlp_batch, aws):
    model = f"{mlp_batch.name}-many"
    aws.sagemaker.create_model(ModelName=model, ExecutionRoleArn=ROLE, PrimaryContainer={
        "Image": f"{REGISTRY}/slipway-inference:latest", "Mode": "MultiModel",
        "ModelDataUrl": f"s3://{mlp_batch.name}/models/"})
    with pytest.raises(botocore.exceptions.ClientError, match="MultiModel") as refused:
        mlp_batch.start(model=model)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def of_two_containers(batch, aws, mode):
    model = f"{batch.name}-{mode.lower()}"
    aws.sagemaker.create_model(
        ModelName=model, ExecutionRoleArn=ROLE, InferenceExecutionConfig={"Mode": mode},
        Containers=[{"Image": f"{REGISTRY}/slipway-inference:latest", "ContainerHostname": hostname,
                     "ModelDataUrl": f"s3://{batch.name}/model.tar.gz"}
                    for hostname in ("one", "two")])
    return model


def test_an_inference_pipeline_transforms_by_all_of_its_containers(echo_batch, aws):
    """AWS: "You can use an entire inference pipeline ... to process batch transforms"."""
    echo_batch.put("in/x", b"abc\nde\n")
    model = of_two_containers(echo_batch, aws, "Serial")
    assert echo_batch.run(model=model, instances=2)["x.out"] == b"<3>\n<3>\n"
    # What the first one answers holds the word to which the second one answers with its own.
    echo_batch.put("in/x", b"environment\n")
    seen = json.loads(echo_batch.run(model=model, Environment={"MINE": "environment"})["x.out"])
    assert seen["MINE"] == "environment"
    assert seen["SAGEMAKER_BATCH"] == "true"


def test_containers_that_are_asked_by_name_transform_nothing(echo_batch, aws):
    with pytest.raises(botocore.exceptions.ClientError, match="Mode Direct") as refused:
        echo_batch.start(model=of_two_containers(echo_batch, aws, "Direct"))
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_names_are_taken_for_good_and_unknown_jobs_are_said(mlp_batch, aws):
    mlp_batch.put("in/x.csv", csv_of(rows_of(1, 8)))
    job = mlp_batch.start()
    mlp_batch.wait(job)
    mlp_batch.jobs -= 1
    with pytest.raises(aws.sagemaker.exceptions.ResourceInUse):
        mlp_batch.start()
    for call in (aws.sagemaker.describe_transform_job, aws.sagemaker.stop_transform_job):
        with pytest.raises(botocore.exceptions.ClientError, match="Could not find requested job"):
            call(TransformJobName="nobody")


def test_no_input_and_too_large_a_record_fail_the_job(echo_batch):
    described = echo_batch.wait(echo_batch.start(uri="nothing/"))
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"].startswith("ClientError: there is no object at")
    echo_batch.put("in/x", b"a" * MEBIBYTE + b"\n")
    described = echo_batch.wait(echo_batch.start(MaxPayloadInMB=1))
    assert "record 1 (byte 0): a record is larger than" in described["FailureReason"]
    echo_batch.put("in/x", b"a" * (MEBIBYTE - 1) + b"\n")
    assert echo_batch.run(MaxPayloadInMB=1)["x.out"] == f"<{MEBIBYTE - 1}>\n".encode()


def test_kill_in_the_middle_loses_and_doubles_no_output(own_server, name, models):
    """The server is killed and stopped between files; each has its one right output at the end."""
    aws = Clients(own_server)
    batch = Batch(aws, name, models.mlp_archive)
    rows = {i: rows_of(1000, 100 + i) for i in range(24)}
    for i, each in rows.items():
        batch.put(f"in/{i:02}.csv", csv_of(each))
    aws.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    job = batch.start(BatchStrategy="SingleRecord", MaxConcurrentTransforms=1)
    ended_within = 0
    for wanted, end in ((1, own_server.kill), (4, own_server.stop), (8, own_server.kill)):
        while len(batch.output_keys()) < wanted:
            time.sleep(0.01)
        described = aws.sagemaker.describe_transform_job(TransformJobName=job)
        ended_within += described["TransformJobStatus"] == "InProgress"
        end()
        own_server.start()
    assert ended_within == 3
    assert batch.wait(job)["TransformJobStatus"] == "Completed"
    versions = aws.s3.list_object_versions(Bucket=name, Prefix="out/")["Versions"]
    assert len(versions) == len(rows)
    outputs = batch.outputs()
    for i, each in rows.items():
        np.testing.assert_allclose(numbers(outputs[f"{i:02}.csv.out"]), models.mlp_answer(each),
                                   rtol=1e-4, atol=1e-5)


def test_without_a_limit_a_whole_object_goes_as_it_is_read(echo_batch):
    """Section 4: MaxPayloadInMB 0: streamed, whatever its size."""
    echo_batch.put("in/large", (b"a" * (MEBIBYTE - 1) + b"\n") * 8)
    echo_batch.put("in/small", b"abc")
    outputs = echo_batch.run(split="None", assemble="None", MaxPayloadInMB=0)
    assert outputs == {"large.out": f"<{MEBIBYTE - 1}>\n".encode() * 8, "small.out": b"<3>\n"}


def test_status_shows_jobs_and_how_far_they_are(mlp_batch, server):
    from server import binary
    mlp_batch.put("in/x.csv", csv_of(rows_of(7, 8)))
    job = mlp_batch.start()
    mlp_batch.wait(job)
    environment = {**os.environ, **server.client_environment()}
    for arguments in ([], [job]):
        done = subprocess.run([binary(), "status", *arguments], env=environment,
                              capture_output=True, text=True, timeout=30)
        assert job in done.stdout and "files 1 of 1, failed 0, records 7" in done.stdout


def test_what_a_job_asks_is_counted_apart(mlp_batch, server):
    mlp_batch.put("in/x.csv", csv_of(rows_of(7, 8)))
    job = mlp_batch.start()
    mlp_batch.wait(job)
    counted = [row for row in server.traffic() if row["endpoint"].endswith(f"/{job}")]
    assert {row["way"] for row in counted} == {"batch"} and sum(row["invocations"] for row in counted) > 0


def test_the_sdk_transformer_runs_a_job(server, name, models, mlp_batch):
    """The SageMaker Python SDK's Transformer, end to end."""
    if "SLIPWAY_SAGEMAKER2" not in os.environ:
        pytest.skip("SLIPWAY_SAGEMAKER2 is not set")
    rows = rows_of(6, 9)
    mlp_batch.put("in/x.csv", csv_of(rows))
    program = pathlib.Path(__file__).parent / "sdk_programs" / "transformer_v2.py"
    python = pathlib.Path(os.environ["SLIPWAY_SAGEMAKER2"]) / "bin/python"
    done = subprocess.run(
        [python, program, name, f"s3://{name}/in/x.csv", f"s3://{name}/sdk"],
        env={**os.environ, **server.client_environment()}, capture_output=True, text=True,
        timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    body = mlp_batch.aws.s3.get_object(Bucket=name, Key="sdk/x.csv.out")["Body"].read()
    np.testing.assert_allclose(numbers(body)[:, -10:], models.mlp_answer(rows), rtol=1e-4, atol=1e-5)


def test_the_example_runs(server):
    root = pathlib.Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, root / "examples/ways/batch_transform.py"],
                          env={**os.environ, **server.client_environment()}, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Completed" in done.stdout
