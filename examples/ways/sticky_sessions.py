"""A conversation that stays with one instance, because its container keeps what was said.

usage: sticky_sessions.py IMAGE

IMAGE is a stateful container: asked with SessionId NEW_SESSION it answers with the header
X-Amzn-SageMaker-New-Session-Id ("<id>; Expires=<time>"), later calls of that session add to what it
has heard, and a body {"requestType": "CLOSE"} ends it with X-Amzn-SageMaker-Closed-Session-Id.
Without a container engine: `slipway serve --program NAME=/path/of/a/program`, IMAGE is then NAME.
"""
import json
import sys
import time

import boto3

ROLE = "arn:aws:iam::000000000000:role/example"


def main(image):
    sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
    name = f"sticky-{int(time.time() * 1000)}"
    if "/" not in image:
        image = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{image}"

    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image})
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name,
                             "InstanceType": "ml.m5.large", "InitialInstanceCount": 3}])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    def ask(session, **body):
        return runtime.invoke_endpoint(EndpointName=name, SessionId=session, Body=json.dumps(body),
                                       ContentType="application/json")

    begun = ask("NEW_SESSION", requestType="NEW_SESSION")["NewSessionId"]
    session = begun.split(";")[0]
    print(f"a session begins: {begun}")
    for word in ("one", "two", "three"):
        answer = ask(session, text=word)
        print(f"{word}: it has heard {answer['Body'].read().decode()}")
    print(f"it is closed: {ask(session, requestType='CLOSE')['ClosedSessionId'] == session}")

    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    sagemaker.delete_model(ModelName=name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
