"""Batch transform of one large CSV file against a raw ONNX Runtime loop over the same file."""
import os
import pathlib
import re
import subprocess
import tempfile
import time

import peers
from measures import IMAGE, ROLE, Row, csv_record, mlp, tar_gz

BYTES = int(os.environ.get("SLIPWAY_BENCH_BATCH_BYTES", 1 << 30))
ROUNDS = int(os.environ.get("SLIPWAY_BENCH_BATCH_ROUNDS", 3))
RATIO_MIN, MEMORY_MIB_MAX = 0.7, 256


def write_input(path):
    """Lines of 128 numbers, about 1 KB each, all different in their first column."""
    tail = csv_record().split(b",", 1)[1]
    with open(path, "wb") as file:
        line = 0
        while file.tell() < BYTES:
            file.write(b"".join(b"%.4f,%s" % ((line + i) % 20011 / 20011, tail) for i in range(10_000)))
            line += 10_000


def raw_seconds(folder, threads):
    """The best of two sizes of a run: what fits a cache, and what a request carries."""
    best = None
    for piece in (256 << 10, 6 << 20):
        done = subprocess.run(
            [str(peers.BIN / "raw_batch"), "--model", str(folder / "model"), "--input",
             str(folder / "in.csv"), "--output", str(folder / "raw.csv"), "--threads", str(threads),
             "--piece", str(piece)], capture_output=True, text=True, check=True)
        seconds = float(done.stdout)
        best = seconds if best is None else min(best, seconds)
    return best


def peak_mib(pid):
    """Peak resident memory of a process and its descendants."""
    total, waiting = 0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            status = pathlib.Path(f"/proc/{each}/status").read_text()
            for task in pathlib.Path(f"/proc/{each}/task").iterdir():
                waiting += [int(p) for p in (task / "children").read_text().split()]
        except OSError:
            continue
        if match := re.search(r"VmHWM:\s+(\d+)", status):
            total += int(match.group(1)) / 1024
    return total


def transform(server, name):
    """Seconds of the job's own work (start to end), and the peak memory meanwhile."""
    sagemaker = server.client("sagemaker")
    sagemaker.create_transform_job(
        TransformJobName=name, ModelName="batch", BatchStrategy="MultiRecord", MaxPayloadInMB=6,
        TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
                                                        "S3Uri": "s3://batch/in.csv"}},
                        "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": "s3://batch/out", "Accept": "text/csv",
                         "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        DataProcessing={"JoinSource": "Input"})
    peak = 0
    while True:
        job = sagemaker.describe_transform_job(TransformJobName=name)
        peak = max(peak, peak_mib(server.child.pid))
        if job["TransformJobStatus"] != "InProgress":
            break
        time.sleep(0.2)
    if job["TransformJobStatus"] != "Completed":
        raise RuntimeError(job.get("FailureReason"))
    return (job["TransformEndTime"] - job["TransformStartTime"]).total_seconds(), peak


def upload(server, path):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="batch")
    s3.put_object(Bucket="batch", Key="model.tar.gz", Body=tar_gz({"model.onnx": mlp()}))
    s3.upload_file(str(path), "batch", "in.csv")
    server.client("sagemaker").create_model(
        ModelName="batch", ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE.format("slipway-inference"),
                          "ModelDataUrl": "s3://batch/model.tar.gz"})


def batch():
    """CSV, Line, MultiRecord, 6 MB payloads, JoinSource Input."""
    cores = os.cpu_count()
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as text:
        folder = pathlib.Path(text)
        (folder / "model").mkdir()
        (folder / "model" / "model.onnx").write_bytes(mlp())
        write_input(folder / "in.csv")
        with peers.slipway() as server:
            upload(server, folder / "in.csv")
            raw, ours, peaks = [], [], []
            for i in range(ROUNDS):
                raw.append(raw_seconds(folder, cores))
                seconds, peak = transform(server, f"round-{i}")
                ours.append(seconds)
                peaks.append(peak)
    size = BYTES / (1 << 20)
    ratio = min(raw) / min(ours)
    return [
        Row(f"batch: {size:.0f} MiB of CSV, joined", f"{size / min(ours):.0f} MiB/s",
            f"raw loop {size / min(raw):.0f} MiB/s", f"{ratio:.2f}", f">= {RATIO_MIN}",
            ratio >= RATIO_MIN),
        Row("batch: peak resident, server and instance", f"{max(peaks):.0f} MiB", "", "",
            f"<= {MEMORY_MIB_MAX} MiB", max(peaks) <= MEMORY_MIB_MAX)]


ALL = {"batch": batch}
