"""A page of a list of ten and of ten thousand: what it costs must be what it shows."""
import http.client
import json
import threading
import urllib.parse

import load
import peers
from load import Request
from measures import ROLE, IMAGE, Row

MANY = 10_000
FEW = 10
MESSAGES = 100_000
MAKERS = 16
ACCOUNT = "000000000000"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})


def credential(service):
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{service}/aws4_request, "
                             "SignedHeaders=host, Signature=0"}


def call(server, operation, body=b"{}"):
    """Of SageMaker."""
    return json_call(server, "sagemaker", f"SageMaker.{operation}", body)


def json_call(server, service, target, body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(server.url + "/", "POST", {"Content-Type": "application/x-amz-json-1.1",
                                              "X-Amz-Target": target, **credential(service)}, body)


def form_call(server, service, action, **values):
    """Of IAM and SNS."""
    body = urllib.parse.urlencode({"Action": action, **values}).encode()
    return Request(server.url + "/", "POST", {"Content-Type": "application/x-www-form-urlencoded",
                                              **credential(service)}, body)


def object_call(server, method, path, body=b""):
    return Request(f"{server.url}/{path}", method, credential("s3"), body)


def many(count, do):
    """do(i) for each i below count, by a few threads."""
    failures = []

    def some(first):
        try:
            for i in range(first, count, MAKERS):
                do(i)
        except Exception as failure:  # told below, in the main thread
            failures.append(failure)

    threads = [threading.Thread(target=some, args=(first,)) for first in range(min(MAKERS, count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def make(server, count, request):
    """Sends request(i) for each i below count, on a connection for each thread: a boto3 client takes ten
    times as long."""
    own = threading.local()
    address = urllib.parse.urlsplit(server.url).netloc

    def send(i):
        wanted = request(i)
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection(address)
        own.connection.request(wanted.method, wanted.url.removeprefix(server.url), wanted.body, wanted.headers)
        answer = own.connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{wanted.url} {wanted.body[:80]}: {answer.status} {said[:300]}")

    many(count, send)


def sagemaker(server, count):
    """Endpoints without a server of their own start nothing until they are asked."""
    make(server, count, lambda i: call(server, "CreateModel", {
        "ModelName": f"m{i}", "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": IMAGE.format("slipway-inference")}}))
    make(server, count, lambda i: call(server, "CreateEndpointConfig", {
        "EndpointConfigName": f"c{i}", "ProductionVariants": [
            {"VariantName": "v", "ModelName": "m0",
             "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}]}))
    make(server, count, lambda i: call(server, "CreateEndpoint", {
        "EndpointName": f"e{i}", "EndpointConfigName": "c0"}))
    return {name: (count, call(server, name, {"MaxResults": 10}))
            for name in ("ListModels", "ListEndpointConfigs", "ListEndpoints")}


def sqs(server, count):
    def of(action, **body):
        return json_call(server, "sqs", f"AmazonSQS.{action}", body)

    make(server, count, lambda i: of("CreateQueue", QueueName=f"q{i}"))
    batch = [{"Id": str(i), "MessageBody": "x"} for i in range(10)]
    url = f"{server.url}/{ACCOUNT}/q0"
    messages = count if count == FEW else MESSAGES * count // MANY
    make(server, messages // 10, lambda i: of("SendMessageBatch", QueueUrl=url, Entries=batch))
    return {"ListQueues": (count, of("ListQueues", MaxResults=10)),
            "ListQueues of a prefix": (count, of("ListQueues", MaxResults=10, QueueNamePrefix="q9")),
            "GetQueueAttributes, messages": (messages, of(
                "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"]))}


def sns(server, count):
    """Pages have a hundred rows, so there are that many at least."""
    count = max(count, 101)
    make(server, count, lambda i: form_call(server, "sns", "CreateTopic", Name=f"t{i}"))
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:t0"
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    make(server, count, lambda i: form_call(server, "sns", "Subscribe", TopicArn=topic, Protocol="sqs",
                                            Endpoint=f"{queue}{i}"))
    return {"ListTopics": (count, form_call(server, "sns", "ListTopics")),
            "ListSubscriptions": (count, form_call(server, "sns", "ListSubscriptions")),
            "ListSubscriptionsByTopic": (count, form_call(
                server, "sns", "ListSubscriptionsByTopic", TopicArn=topic)),
            "GetTopicAttributes, subscriptions": (count, form_call(
                server, "sns", "GetTopicAttributes", TopicArn=topic))}


def iam(server, count):
    """As many as AWS's quotas allow."""
    kinds = {"Role": (990, {"AssumeRolePolicyDocument": TRUST}), "User": (4_990, {}),
             "Policy": (1_490, {"PolicyDocument": POLICY})}
    boundary = {"PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/p"}
    make(server, 1, lambda i: form_call(server, "iam", "CreatePolicy", PolicyName="p", PolicyDocument=POLICY))
    lists = {}
    for kind, (most, values) in kinds.items():
        there = min(count, most)
        limits = {} if kind == "Policy" else boundary
        make(server, there, lambda i, kind=kind, values={**values, **limits}: form_call(
            server, "iam", f"Create{kind}", **{f"{kind}Name": f"n{i}"}, **values))
        plural = "Policies" if kind == "Policy" else f"{kind}s"
        scope = {"Scope": "Local"} if kind == "Policy" else {}
        lists[f"List{plural}"] = (there, form_call(server, "iam", f"List{plural}", MaxItems=10, **scope))
    return lists


def s3(server, count):
    make(server, count, lambda i: object_call(server, "PUT", f"bench-{i:05}"))
    bucket = "bench-00000"
    make(server, 1, lambda _: object_call(
        server, "PUT", f"{bucket}?versioning",
        b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"))
    make(server, count, lambda i: object_call(server, "PUT", f"{bucket}/{i % 20:02}/{i:05}", b"x"))
    make(server, count, lambda i: object_call(server, "PUT", f"{bucket}/versions", b"x"))
    make(server, count, lambda i: object_call(server, "POST", f"{bucket}/{i % 20:02}/{i:05}?uploads"))
    lists = {"ListBuckets": "?max-buckets=10",
             "ListObjectsV2": f"{bucket}?list-type=2&max-keys=10",
             "ListObjectsV2 by a delimiter": f"{bucket}?list-type=2&max-keys=10&delimiter=/",
             "ListObjectVersions": f"{bucket}?versions&max-keys=10&prefix=versions",
             "ListMultipartUploads": f"{bucket}?uploads&max-uploads=10",
             "ListMultipartUploads by a delimiter": f"{bucket}?uploads&max-uploads=10&delimiter=/"}
    return {name: (count, object_call(server, "GET", path)) for name, path in lists.items()}


def compare(name, few, much, runs=3):
    """The server's processor time for the same request where there is little and where there is much."""
    servers = {"few": few[0], "much": much[0]}
    got = load.interleaved({"few": few[2], "much": much[2]}, 16, seconds=1, runs=runs,
                           pids_of=lambda which: [servers[which].child.pid])
    ratio = got["much"].cpu_us / got["few"].cpu_us
    return Row(f"{name} of {much[1]:,}", f"{got['much'].cpu_us:.0f} us, {got['much'].per_second:,.0f}/s",
               f"of {few[1]}: {got['few'].cpu_us:.0f} us", f"{ratio:.2f}", "<= 1.50", ratio <= 1.5)


def lists(scale=1.0):
    """Each list of every service that thousands of rows may stand behind."""
    rows = []
    with peers.slipway("--auth", "none") as few, peers.slipway("--auth", "none") as much:
        for service in (sagemaker, sqs, sns, iam, s3):
            little, all_of_it = service(few, FEW), service(much, int(MANY * scale))
            rows += [compare(name, (few, *little[name]), (much, *all_of_it[name])) for name in little]
    return rows


ALL = {"lists": lists}
