"""What asking the policies costs: the server's processor time for each request against the same with
`--authorize off`, in the same run. (Rates of a machine that wrk shares move by more than the goal.)"""
import contextlib
import json

import load
import peers
from load import Request
from measures import Row, csv_record, deploy, invocation
from make_model import mlp, tar_gz

CONNECTIONS = 16


def user_of(server):
    """Keys of a user who may what is measured: by name, by tag and by address."""
    iam = server.client("iam")
    iam.create_user(UserName="bench")
    iam.put_user_policy(UserName="bench", PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint",
             "Resource": "arn:aws:sagemaker:*:*:endpoint/bench"},
            {"Effect": "Allow", "Action": ["sagemaker:Describe*", "sagemaker:List*"], "Resource": "*"},
            {"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:bench*"},
            {"Effect": "Deny", "Action": "sagemaker:DeleteEndpoint", "Resource": "*"}]}))
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def requests(server, keys):
    """What is asked of one server, signed with one pair of keys."""
    def describe(_):
        return load.signed(Request(server.url + "/", "POST", {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "SageMaker.DescribeEndpoint"}, b'{"EndpointName":"bench"}'),
            "sagemaker", keys)

    def send(_):
        return load.signed(Request(server.url + "/", "POST", {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"},
            json.dumps({"QueueUrl": f"{server.url}/000000000000/bench", "MessageBody": "x"}).encode()),
            "sqs", keys)

    def invoke(_):
        return load.signed(invocation(server.url, csv_record()), "sagemaker", keys)

    return {"InvokeEndpoint": invoke, "DescribeEndpoint": describe, "SendMessage": send}


def policies():
    """Requests of the root and of a user, with policies and without."""
    rows = []
    with contextlib.ExitStack() as stack:
        servers = {mode: stack.enter_context(peers.slipway("--authorize", mode))
                   for mode in ("on", "off")}
        asked = {}
        for mode, server in servers.items():
            deploy(server, "bench", tar_gz({"model.onnx": mlp()}))
            server.client("sqs").create_queue(QueueName="bench")
            for who, keys in (("root", server.keys), ("user", user_of(server))):
                for name, request in requests(server, keys).items():
                    asked[name, who, mode] = request
        for name, goal in (("InvokeEndpoint", 0.99), ("DescribeEndpoint", 0.95), ("SendMessage", 0.95)):
            got = load.interleaved({key: each for key, each in asked.items() if key[0] == name},
                                   CONNECTIONS, seconds=1, runs=9,
                                   pids_of=lambda key: [servers[key[2]].child.pid])
            for who in ("root", "user"):
                on, off = got[name, who, "on"], got[name, who, "off"]
                ratio = off.cpu_us / on.cpu_us
                rows.append(Row(f"{name} of the {who}, policies asked",
                                f"{on.cpu_us:.1f} us, {on.per_second:,.0f}/s",
                                f"--authorize off {off.cpu_us:.1f} us, {off.per_second:,.0f}/s",
                                f"{ratio:.3f}", f">= {goal}", ratio >= goal))
    return rows


ALL = {"policies": policies}
