"""What a container definition and its variant may say (hosting-contract sections 4 and 5): each
limit at it and one past it, as the server itself judges (boto3's own checks are off)."""
import botocore.config
import pytest
from botocore.exceptions import ClientError
from conftest import REGISTRY, ROLE

IMAGE = f"{REGISTRY}/slipway-inference:latest"


@pytest.fixture(scope="module")
def sagemaker(aws):
    config = botocore.config.Config(parameter_validation=False, retries={"max_attempts": 1})
    return aws.session.client("sagemaker", endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
                              config=config)


def is_refused(call, **arguments):
    """Whether the call was refused as one that breaks the API's limits."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        assert error.response["Error"]["Code"] == "ValidationException", error
        return True
    return False


def environment(count, key_bytes=0, value_bytes=1):
    return {f"K{i}".ljust(key_bytes, "K"): "v" * value_bytes for i in range(count)}


@pytest.mark.parametrize("allowed, beyond", [
    (environment(100), environment(101)),
    (environment(1, key_bytes=1024), environment(1, key_bytes=1025)),
    (environment(1, value_bytes=1024), environment(1, value_bytes=1025)),
    # 32 entries of 1,024 bytes are 32 KiB together.
    (environment(32, key_bytes=24, value_bytes=1000), environment(33, key_bytes=24, value_bytes=1000)),
], ids=["entries", "key", "value", "together"])
def test_the_environment_map(sagemaker, name, allowed, beyond):
    """Section 5: Environment map: <= 100 entries, 1024 B each, 32 KB together."""
    def create(entries, suffix):
        return is_refused(sagemaker.create_model, ModelName=name + suffix, ExecutionRoleArn=ROLE,
                          PrimaryContainer={"Image": IMAGE, "Environment": entries})
    assert not create(allowed, "-at")
    assert create(beyond, "-past")


def test_additional_sources(sagemaker, name):
    """Section 5: AdditionalModelDataSources <= 5."""
    def create(count):
        sources = [{"ChannelName": f"c{i}", "S3DataSource": {
            "S3Uri": f"s3://{name}/{i}/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
            for i in range(count)]
        return is_refused(sagemaker.create_model, ModelName=f"{name}-{count}", ExecutionRoleArn=ROLE,
                          PrimaryContainer={"Image": IMAGE, "AdditionalModelDataSources": sources})
    assert create(6)


@pytest.mark.parametrize("member", ["ContainerStartupHealthCheckTimeoutInSeconds",
                                    "ModelDataDownloadTimeoutInSeconds"])
@pytest.mark.parametrize("seconds, refused", [(59, True), (60, False), (3600, False), (3601, True)])
def test_the_time_to_start(sagemaker, name, member, seconds, refused):
    """Section 4: ContainerStartupHealthCheckTimeoutInSeconds and ModelDataDownloadTimeoutInSeconds
    60-3600."""
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    assert refused == is_refused(
        sagemaker.create_endpoint_config, EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1,
                             "InstanceType": "ml.m5.large", member: seconds}])


@pytest.mark.parametrize("count, refused", [(10, False), (11, True)])
def test_the_variants_of_an_endpoint(sagemaker, name, count, refused):
    """Section 4: 10 variants."""
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    assert refused == is_refused(
        sagemaker.create_endpoint_config, EndpointConfigName=name,
        ProductionVariants=[{"VariantName": f"v{i}", "ModelName": name, "InitialInstanceCount": 1,
                             "InstanceType": "ml.m5.large"} for i in range(count)])
