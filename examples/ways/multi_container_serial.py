"""A pipeline: the answer of one container is the request of the next, and the last one's is yours.

usage: multi_container_serial.py
"""
import io
import json
import tarfile
import time

import boto3

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"

# What each container does with JSON, as a handler of the built-in image.
STEPS = {
    "scale": "[x / 100 for x in data]",
    "score": "[2 * x + 1 for x in data]",
    "label": "['high' if x > 2 else 'low' for x in data]",
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
    name = f"serial-{int(time.time() * 1000)}"

    s3.create_bucket(Bucket=name)
    for step, code in STEPS.items():
        s3.put_object(Bucket=name, Key=f"{step}.tar.gz", Body=archive(code))
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=ROLE, InferenceExecutionConfig={"Mode": "Serial"},
        Containers=[{"Image": IMAGE, "ModelDataUrl": f"s3://{name}/{step}.tar.gz",
                     "ContainerHostname": step} for step in STEPS])
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    answer = runtime.invoke_endpoint(
        EndpointName=name, ContentType="application/json", Body=json.dumps([10, 80]))
    print(f"[10, 80] -> {' -> '.join(STEPS)} -> {answer['Body'].read().decode()}")

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)


if __name__ == "__main__":
    main()
