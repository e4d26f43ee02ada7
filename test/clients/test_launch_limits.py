"""A machine has so many cores, whatever instance types are asked of it."""
import os

import pytest
from botocore.exceptions import ClientError


def test_more_instances_than_the_machine_bears_are_refused_like_a_quota(aws, models, deployment):
    model = deployment.model(models.mlp_archive)
    aws.sagemaker.create_endpoint_config(EndpointConfigName=model, ProductionVariants=[
        {"VariantName": "all", "ModelName": model, "InstanceType": "ml.p4d.24xlarge",
         "InitialInstanceCount": 24 * os.cpu_count() + 12}])
    with pytest.raises(ClientError) as caught:
        deployment.start()
    error = caught.value.response["Error"]
    assert error["Code"] == "ResourceLimitExceeded"
    assert "The account-level service limit 'ml.p4d.24xlarge for endpoint usage' is" in error["Message"]
    with pytest.raises(ClientError) as caught:
        deployment.status()
    assert "Could not find endpoint" in caught.value.response["Error"]["Message"]
