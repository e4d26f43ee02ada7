"""A new model beside the one that answers: it gets copies of half the requests, and answers nobody.

usage: shadow.py
"""
import io
import json
import tarfile
import time

import boto3

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"

# What each model answers, as a handler of the built-in image. The new one prints what it would say.
STEPS = {
    "old": "sum(data)",
    "new": "print('the shadow would say', 1.1 * sum(data), flush=True)",
}
HANDLER = """
import json

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    data = json.loads(body)
    return json.dumps({}), "application/json"
"""


def archive(step):
    """A model.tar.gz that holds nothing but the step's script."""
    script, data = HANDLER.replace("{}", step).encode(), io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(script)
        tar.addfile(entry, io.BytesIO(script))
    return data.getvalue()


def main():
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    runtime = boto3.client("sagemaker-runtime")
    name = f"shadow-{int(time.time() * 1000)}"

    s3.create_bucket(Bucket=name)
    for step, code in STEPS.items():
        s3.put_object(Bucket=name, Key=f"{step}.tar.gz", Body=archive(code))
    for step in STEPS:
        sagemaker.create_model(
            ModelName=f"{name}-{step}", ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{name}/{step}.tar.gz"})

    def variant(step, weight):
        return {"VariantName": step, "ModelName": f"{name}-{step}", "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1, "InitialVariantWeight": weight}

    # The shadow's weight over the other's is the share of the requests that is copied.
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant("old", 1.0)],
        ShadowProductionVariants=[variant("new", 0.5)])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    for i in range(20):
        answer = runtime.invoke_endpoint(
            EndpointName=name, ContentType="application/json", Body=json.dumps([i, 1]))
        assert json.loads(answer["Body"].read()) == i + 1
        assert answer["InvokedProductionVariant"] == "old"
    time.sleep(1)  # the copies are sent behind the answers

    logs, group = boto3.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    [stream] = logs.describe_log_streams(
        logGroupName=group, logStreamNamePrefix="new/")["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"],
                                 startFromHead=True)["events"]
    copies = [event["message"] for event in events if "the shadow would say" in event["message"]]
    print(f"20 answers of the old model; the shadow saw {len(copies)} of them, the first: {copies[0]}")

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    for step in STEPS:
        sagemaker.delete_model(ModelName=f"{name}-{step}")


if __name__ == "__main__":
    main()
