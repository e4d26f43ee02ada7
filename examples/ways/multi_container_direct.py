"""Several containers behind one endpoint, each asked by its name.

usage: multi_container_direct.py
"""
import io
import json
import tarfile
import time

import boto3

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"

# What each container answers, as a handler of the built-in image.
STEPS = {
    "sum": "sum(data)",
    "mean": "sum(data) / len(data)",
    "largest": "max(data)",
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
    name = f"direct-{int(time.time() * 1000)}"

    s3.create_bucket(Bucket=name)
    for step, code in STEPS.items():
        s3.put_object(Bucket=name, Key=f"{step}.tar.gz", Body=archive(code))
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE, InferenceExecutionConfig={"Mode": "Direct"},
        Containers=[{"Image": IMAGE, "ModelDataUrl": f"s3://{name}/{step}.tar.gz",
                     "ContainerHostname": step} for step in STEPS])
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    for container in STEPS:
        answer = runtime.invoke_endpoint(
            EndpointName=name, TargetContainerHostname=container, ContentType="application/json",
            Body=json.dumps([1, 2, 6]))
        print(f"{container} of [1, 2, 6]: {answer['Body'].read().decode()}")

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)


if __name__ == "__main__":
    main()
