"""The main job through boto3: a model in, an answer out."""
import concurrent.futures
import io
import json
import threading
import time

import numpy as np
import pytest
from botocore.exceptions import ClientError, WaiterError
from conftest import REGISTRY, ROLE
from make_model import tar_gz
from models import csv

NEAR = {"rtol": 1e-4, "atol": 1e-5}


def numbers(body):
    """The numbers of an answer: {"predictions": [...]}, and [{"score": x}, ...] as XGBoost's has it."""
    value = json.loads(body)
    while isinstance(value, dict):
        assert len(value) == 1, f"one member was expected: {value}"
        value = next(iter(value.values()))
    rows = [row["score"] if isinstance(row, dict) else row for row in value]
    return np.array(rows, dtype=np.float64)


def error_of(caught):
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


# ---- answers ---------------------------------------------------------------------------------------


def test_an_onnx_model_answers_as_onnx_runtime_does(deployment, models):
    deployment.deploy(models.mlp_archive)
    for record in models.records:
        np.testing.assert_allclose(
            numbers(deployment.invoke(csv(record))).ravel(), models.mlp_answer(record).ravel(), **NEAR)


def test_several_records_come_back_in_order(deployment, models):
    deployment.deploy(models.mlp_archive)
    answer = numbers(deployment.invoke(csv(models.records)))
    np.testing.assert_allclose(answer, models.mlp_answer(models.records), **NEAR)


@pytest.mark.parametrize("content_type", ["application/json", "application/jsonlines",
                                          "application/x-npy", "instances", "inputs"])
def test_every_content_type_gives_the_same_answer(deployment, models, content_type):
    rows = models.records.tolist()
    npy = io.BytesIO()
    np.save(npy, models.records)
    body, header = {
        "application/json": (json.dumps(rows), "application/json"),
        "instances": (json.dumps({"instances": rows}), "application/json"),
        "inputs": (json.dumps({"inputs": {"input": rows}}), "application/json"),
        "application/jsonlines": ("\n".join(map(json.dumps, rows)), "application/jsonlines"),
        "application/x-npy": (npy.getvalue(), "application/x-npy"),
    }[content_type]
    deployment.deploy(models.mlp_archive)
    answer = deployment.invoke(body, header, accept="application/x-npy")
    np.testing.assert_allclose(np.load(io.BytesIO(answer)), models.mlp_answer(models.records), **NEAR)


@pytest.mark.parametrize("form", ["json", "ubj", "xgboost-model"])
def test_an_xgboost_model_answers_as_xgboost_does(deployment, models, form):
    deployment.deploy(models.xgboost_archive(form), image="sagemaker-xgboost:1.7-1")
    answer = deployment.invoke(csv(models.cancer_rows), accept="text/csv").decode()
    np.testing.assert_allclose(
        np.array(answer.replace("\n", ",").strip(",").split(","), dtype=float),
        models.xgboost_answer(), **NEAR)


def test_libsvm_reaches_an_xgboost_model(deployment, models):
    deployment.deploy(models.xgboost_archive("json"), image="sagemaker-xgboost:1.7-1")
    lines = "\n".join(" ".join(["0", *(f"{i}:{x!r}" for i, x in enumerate(map(float, row)))])
                      for row in models.cancer_rows)
    answer = deployment.invoke(lines, "text/libsvm", accept="application/json")
    np.testing.assert_allclose(numbers(answer).ravel(), models.xgboost_answer(), **NEAR)


def test_a_python_handler_is_what_answers(deployment, models):
    deployment.deploy(models.handler_archive)
    answer = json.loads(deployment.invoke("[1, 2, 4]", "application/json"))
    assert answer == {"scaled": [2.5, 5.0, 10.0]}


def test_a_scikit_learn_model_answers_as_scikit_learn_does(deployment, models):
    deployment.deploy(models.sklearn_archive, image="sagemaker-scikit-learn:1.2-1-cpu-py3")
    answer = numbers(deployment.invoke(csv(models.iris_rows)))
    assert answer.ravel().tolist() == models.forest.predict(models.iris_rows).tolist()


# ---- what clients see of a deployment --------------------------------------------------------------


def test_describe_tells_the_whole_deployment(deployment, models, aws):
    deployment.deploy(models.mlp_archive, environment={"COLOUR": "blue"}, instances=2)
    name = deployment.name
    endpoint = deployment.status()
    assert endpoint["EndpointStatus"] == "InService"
    assert endpoint["EndpointArn"].endswith(f":endpoint/{name}")
    assert endpoint["CreationTime"] <= endpoint["LastModifiedTime"]
    [variant] = endpoint["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentInstanceCount"]) == ("all", 2)
    model = aws.sagemaker.describe_model(ModelName=name)
    assert model["PrimaryContainer"]["Environment"] == {"COLOUR": "blue"}
    assert model["ExecutionRoleArn"] == ROLE
    config = aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"
    assert "DataCaptureConfig" not in config and "VpcConfig" not in model


def test_a_deployment_takes_seconds_not_half_a_minute(deployment, models):
    started = time.monotonic()
    deployment.deploy(models.mlp_archive)
    assert time.monotonic() - started < 10


def test_an_answer_names_the_variant_and_carries_custom_attributes(deployment, models, aws):
    deployment.deploy(models.mlp_archive)
    answer = aws.runtime.invoke_endpoint(
        EndpointName=deployment.name, ContentType="text/csv", Body=csv(models.records[0]))
    assert answer["InvokedProductionVariant"] == "all"
    assert answer["ContentType"].startswith("application/json")


def test_target_variant_chooses_the_model(deployment, models):
    first = deployment.model(models.mlp_archive)
    second = deployment.model(models.other_mlp_archive, suffix="-b")
    deployment.config({"a": (first, 1.0, 1), "b": (second, 0.0, 1)})
    deployment.start()
    deployment.wait()
    record = models.records[0]
    for variant, seed in (("a", 7), ("b", 8)):
        answer = numbers(deployment.invoke(csv(record), TargetVariant=variant))
        np.testing.assert_allclose(answer.ravel(), models.mlp_answer(record, seed).ravel(), **NEAR)


def test_an_update_moves_to_the_new_model_and_drops_no_request(deployment, models, aws):
    deployment.deploy(models.mlp_archive)
    config = deployment.config(
        {"all": (deployment.model(models.other_mlp_archive, suffix="-b"), 1.0, 1)}, suffix="-b")
    aws.sagemaker.update_endpoint(EndpointName=deployment.name, EndpointConfigName=config)
    record, seen = models.records[0], []
    deadline = time.monotonic() + 30
    while deployment.status()["EndpointStatus"] == "Updating" and time.monotonic() < deadline:
        seen.append(numbers(deployment.invoke(csv(record))).ravel())
    deployment.wait()
    new = models.mlp_answer(record, seed=8).ravel()
    np.testing.assert_allclose(numbers(deployment.invoke(csv(record))).ravel(), new, **NEAR)
    old = models.mlp_answer(record).ravel()
    assert all(np.allclose(s, old, **NEAR) or np.allclose(s, new, **NEAR) for s in seen)
    assert deployment.status()["EndpointConfigName"] == config


def test_an_update_to_the_same_configuration_takes_the_new_bytes_and_refuses_no_request(
        deployment, models, aws):
    """As on AWS: the data under the same address may have changed, so every update deploys anew."""
    deployment.deploy(models.mlp_archive)
    deployment.upload(models.other_mlp_archive)
    record = models.records[0]
    old, new = (models.mlp_answer(record, seed).ravel() for seed in (7, 8))
    seen, done = [], threading.Event()

    def ask_on():
        while not done.is_set():
            seen.append(numbers(deployment.invoke(csv(record))).ravel())

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask_on) for _ in range(3)]
        aws.sagemaker.update_endpoint(
            EndpointName=deployment.name, EndpointConfigName=deployment.name)
        deployment.wait()
        np.testing.assert_allclose(numbers(deployment.invoke(csv(record))).ravel(), new, **NEAR)
        time.sleep(1)  # the old instance drains and ends
        done.set()
        for each in asking:
            each.result()  # raises what a request was refused with
    assert np.allclose(seen[0], old, **NEAR) and np.allclose(seen[-1], new, **NEAR)
    assert all(np.allclose(s, old, **NEAR) or np.allclose(s, new, **NEAR) for s in seen)


def test_a_model_that_does_not_load_fails_with_a_reason_to_act_on(deployment, aws):
    with pytest.raises(WaiterError):
        deployment.deploy(tar_gz({"model.onnx": b"this is no model"}))
    status = deployment.status()
    assert status["EndpointStatus"] == "Failed"
    assert "model.onnx" in status["FailureReason"]
    with pytest.raises(ClientError) as caught:
        deployment.invoke("1")
    assert error_of(caught) == ("ValidationError", 400)
    with pytest.raises(ClientError) as caught:
        aws.sagemaker.update_endpoint(
            EndpointName=deployment.name, EndpointConfigName=deployment.name)
    assert "DeleteEndpoint is the only operation" in str(caught.value)


def test_an_update_that_fails_leaves_the_old_model_serving(deployment, models, aws):
    deployment.deploy(models.mlp_archive)
    bad = deployment.model(tar_gz({"model.onnx": b"this is no model"}), suffix="-b")
    aws.sagemaker.update_endpoint(
        EndpointName=deployment.name,
        EndpointConfigName=deployment.config({"all": (bad, 1.0, 1)}, suffix="-b"))
    deadline = time.monotonic() + 60
    while deployment.status()["EndpointStatus"] == "Updating" and time.monotonic() < deadline:
        time.sleep(0.2)
    np.testing.assert_allclose(numbers(deployment.invoke(csv(models.records[0]))).ravel(),
                               models.mlp_answer(models.records[0]).ravel(), **NEAR)


@pytest.mark.parametrize("member", ["../outside.txt", "/tmp/slipway-outside.txt"])
def test_an_archive_that_points_outside_is_refused(deployment, models, member):
    with pytest.raises(WaiterError):
        deployment.deploy(tar_gz({"model.onnx": b"x", member: b"boo"}))
    assert member.strip("./") in deployment.status()["FailureReason"]


def test_a_variable_that_would_change_answers_fails_the_deployment_by_name(deployment, models):
    """docs/variables.md: `refused`."""
    with pytest.raises(WaiterError):
        deployment.deploy(models.xgboost_archive("json"), image="sagemaker-xgboost:1.7-1",
                          environment={"SAGEMAKER_HANDLER": "mine.handler:handle"})
    assert "SAGEMAKER_HANDLER is 'mine.handler:handle', which is not done here" in deployment.status()["FailureReason"]


# ---- errors ----------------------------------------------------------------------------------------


UNUSUAL = b'''
import json
def model_fn(model_dir):
    return [float("nan"), float("inf"), -float("inf")]
def transform_fn(model, data, content_type, accept):
    return json.dumps({"predictions": model}) if data == "numbers" else "a" * int(data), accept
'''


def test_an_answer_has_one_limit_however_it_comes(deployment, aws):
    """docs/troubleshooting.md; the last one is too large for the link to the instance as well."""
    deployment.deploy(tar_gz({"code/inference.py": UNUSUAL}))
    assert deployment.invoke("numbers") == b'{"predictions": [NaN, Infinity, -Infinity]}'
    most = 26 << 20
    assert len(deployment.invoke(str(most))) == most
    for size in (most + 1, 33 << 20):
        with pytest.raises(ClientError) as caught:
            deployment.invoke(str(size))
        assert error_of(caught) == ("ModelError", 424)
        assert str(most) in caught.value.response["Error"]["Message"]
    events = aws.runtime.invoke_endpoint_with_response_stream(
        EndpointName=deployment.name, Body=str(33 << 20), ContentType="text/csv")["Body"]
    assert sum(len(event["PayloadPart"]["Bytes"]) for event in events) == 33 << 20


def test_a_wrong_width_is_a_model_error_that_names_the_input(deployment, models, aws):
    deployment.deploy(models.mlp_archive)
    with pytest.raises(ClientError) as caught:
        deployment.invoke("1,2,3\n")
    assert error_of(caught) == ("ModelError", 424)
    assert caught.value.response["OriginalStatusCode"] == 400
    assert "128" in caught.value.response["OriginalMessage"]


def test_an_unknown_endpoint_is_a_validation_error(aws, name):
    with pytest.raises(ClientError) as caught:
        aws.runtime.invoke_endpoint(EndpointName=name, Body=b"1")
    assert error_of(caught) == ("ValidationError", 400)
    assert f"Endpoint {name} of account 000000000000 not found" in str(caught.value)


@pytest.mark.parametrize("target", [{"TargetVariant": "nobody"}, {"TargetModel": "other.tar.gz"},
                                    {"TargetContainerHostname": "second"}])
def test_a_target_that_the_endpoint_does_not_have_is_a_validation_error(deployment, models, target):
    deployment.deploy(models.mlp_archive)
    with pytest.raises(ClientError) as caught:
        deployment.invoke(csv(models.records[0]), **target)
    assert error_of(caught) == ("ValidationError", 400)


@pytest.mark.parametrize("member, value, pattern", [
    ("TargetVariant", "a_b", "^[a-zA-Z0-9](-*[a-zA-Z0-9])*"),
    ("TargetContainerHostname", "-a", "^[a-zA-Z0-9](-*[a-zA-Z0-9])*"),
    ("TargetModel", "a\tb", r"\A\S[\p{Print}]*\z"),
    ("InferenceId", "a\tb", r"\A\S[\p{Print}]*\z"),
    ("InferenceComponentName", "a b", r"^[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?$"),
    ("SessionId", "a_b", "^(NEW_SESSION)$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$")])
def test_what_a_header_says_is_held_to_the_models_pattern(aws, member, value, pattern):
    """The API model's constraints, in the words of AWS's validator."""
    with pytest.raises(ClientError) as caught:
        aws.runtime.invoke_endpoint(EndpointName="any", Body=b"1", **{member: value})
    assert error_of(caught) == ("ValidationError", 400)
    named = member[0].lower() + member[1:]
    assert caught.value.response["Error"]["Message"] == (
        f"1 validation error detected: Value '{value}' at '{named}' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}")


def test_an_instance_type_that_there_is_not_is_refused(aws, deployment, models):
    model = deployment.model(models.mlp_archive)
    with pytest.raises(ClientError) as caught:
        aws.sagemaker.create_endpoint_config(EndpointConfigName=deployment.name, ProductionVariants=[
            {"VariantName": "all", "ModelName": model, "InstanceType": "ml.m5.lagre",
             "InitialInstanceCount": 1}])
    assert error_of(caught) == ("ValidationException", 400)
    assert "Member must satisfy enum value set: [" in str(caught.value)
    aws.sagemaker.create_endpoint_config(EndpointConfigName=deployment.name, ProductionVariants=[
        {"VariantName": "all", "ModelName": model, "InstanceType": "ml.m5.large"}])
    [variant] = aws.sagemaker.describe_endpoint_config(
        EndpointConfigName=deployment.name)["ProductionVariants"]
    assert (variant["InitialVariantWeight"], variant["InitialInstanceCount"]) == (1.0, 1)


def test_names_are_taken_once_and_missing_things_are_named(deployment, models, aws):
    deployment.model(models.mlp_archive)
    with pytest.raises(ClientError) as caught:
        deployment.model(models.mlp_archive)
    assert "already exist" in str(caught.value)
    with pytest.raises(ClientError) as caught:
        aws.sagemaker.describe_endpoint(EndpointName="nobody-made-this")
    assert error_of(caught) == ("ValidationException", 400)
    assert "Could not find endpoint" in str(caught.value)


def test_an_operation_that_is_not_there_says_so_by_name(aws):
    with pytest.raises(ClientError) as caught:
        aws.sagemaker.list_hubs()
    assert "ListHubs" in str(caught.value)


def test_a_wrong_secret_is_refused(server):
    import boto3
    keys = server.client_environment()
    stranger = boto3.client(
        "sagemaker", endpoint_url=server.url, region_name="us-east-1",
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong" * 8)
    with pytest.raises(ClientError) as caught:
        stranger.list_models()
    assert "signature" in str(caught.value).lower()


# ---- lists, tags, the end --------------------------------------------------------------------------


def test_lists_page_and_filter(deployment, models, aws):
    for i in range(5):
        deployment.model(models.mlp_archive, suffix=f"-{i}")
    pages = aws.sagemaker.get_paginator("list_models").paginate(
        NameContains=deployment.name, SortBy="Name", SortOrder="Ascending",
        PaginationConfig={"PageSize": 2})
    names = [model["ModelName"] for page in pages for model in page["Models"]]
    assert names == [f"{deployment.name}-{i}" for i in range(5)]


def test_tags_come_back(deployment, models, aws):
    deployment.deploy(models.mlp_archive)
    arn = deployment.status()["EndpointArn"]
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "blue"}])
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    aws.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_a_deleted_endpoint_is_gone(deployment, models, aws):
    deployment.deploy(models.mlp_archive)
    aws.sagemaker.delete_endpoint(EndpointName=deployment.name)
    aws.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=deployment.name)
    with pytest.raises(ClientError) as caught:
        deployment.invoke("1")
    assert error_of(caught)[0] == "ValidationError"


def test_any_registry_account_region_and_tag_name_the_built_in_image(deployment, models):
    uri = "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    deployment.deploy(models.xgboost_archive("ubj"), image=uri)
    answer = numbers(deployment.invoke(csv(models.cancer_rows), accept="application/json"))
    np.testing.assert_allclose(answer.ravel(), models.xgboost_answer(), **NEAR)


def test_an_uncompressed_prefix_is_a_model_too(deployment, models, aws):
    from make_model import mlp
    aws.s3.put_object(Bucket=deployment.name, Key="m/model.onnx", Body=mlp())
    aws.sagemaker.create_model(
        ModelName=deployment.name, ExecutionRoleArn=ROLE,
        PrimaryContainer={
            "Image": f"{REGISTRY}/slipway-inference:latest",
            "ModelDataSource": {"S3DataSource": {
                "S3Uri": f"s3://{deployment.name}/m/", "S3DataType": "S3Prefix",
                "CompressionType": "None"}}})
    deployment.config({"all": (deployment.name, 1.0, 1)})
    deployment.start()
    deployment.wait()
    answer = numbers(deployment.invoke(csv(models.records[0])))
    np.testing.assert_allclose(answer.ravel(), models.mlp_answer(models.records[0]).ravel(), **NEAR)
