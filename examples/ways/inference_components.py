"""Two models that share the instances of one endpoint, with boto3: inference components.

usage: inference_components.py [model.tar.gz record.csv]
"""
import json
import sys
import time

import boto3

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest"
ROLE = "arn:aws:iam::000000000000:role/example"


def main(model_path, record_path):
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    runtime = boto3.client("sagemaker-runtime")
    name = f"components-example-{int(time.time() * 1000)}"
    components = [f"{name}-small", f"{name}-large"]

    s3.create_bucket(Bucket=name)
    s3.upload_file(model_path, name, "model.tar.gz")

    # 1. An endpoint without a model: instances, and a role for what will run on them.
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ExecutionRoleArn=ROLE,
        ProductionVariants=[{"VariantName": "all", "InstanceType": "ml.m5.xlarge",
                             "InitialInstanceCount": 1}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    # 2. Each component says how much of an instance a copy of it takes: here 1 and 2 of 4 vCPUs.
    for component, cpus in zip(components, (1, 2)):
        sagemaker.create_inference_component(
            InferenceComponentName=component, EndpointName=name, VariantName="all",
            Specification={
                "Container": {"Image": IMAGE, "ArtifactUrl": f"s3://{name}/model.tar.gz"},
                "ComputeResourceRequirements": {"NumberOfCpuCoresRequired": cpus,
                                                "MinMemoryRequiredInMb": 1024}},
            RuntimeConfig={"CopyCount": 1})
    for component in components:
        wait_until(sagemaker, component, "InService")

    # 3. Ask one of them.
    with open(record_path, "rb") as record:
        answer = runtime.invoke_endpoint(
            EndpointName=name, InferenceComponentName=components[1], ContentType="text/csv",
            Accept="application/json", Body=record.read())
    print(json.dumps(json.loads(answer["Body"].read())))

    # 4. One more copy of the small one.
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName=components[0], DesiredRuntimeConfig={"CopyCount": 2})
    described = wait_until(sagemaker, components[0], "InService")
    print(f"{described['RuntimeConfig']['CurrentCopyCount']} copies of {components[0]}")

    # 5. Leave nothing behind: the components, then their endpoint.
    for component in components:
        sagemaker.delete_inference_component(InferenceComponentName=component)
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    s3.delete_object(Bucket=name, Key="model.tar.gz")
    s3.delete_bucket(Bucket=name)


def wait_until(sagemaker, component, wanted):
    """boto3 has no waiter for components."""
    while True:
        described = sagemaker.describe_inference_component(InferenceComponentName=component)
        status = described["InferenceComponentStatus"]
        if status == wanted:
            return described
        if status == "Failed":
            sys.exit(f"{component}: {described['FailureReason']}")
        time.sleep(0.1)


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["model.tar.gz", "record.csv"]))
