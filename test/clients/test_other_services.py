"""Services of AWS that Slipway has not: each is refused by name, in its own protocol."""
import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize("service, asked, call", [
    ("cloudformation", "cloudformation ListStacks", lambda client: client.list_stacks()),
    ("ec2", "ec2 DescribeVpcs", lambda client: client.describe_vpcs()),
    ("dynamodb", "dynamodb ListTables", lambda client: client.list_tables()),
    ("kms", "kms ListKeys", lambda client: client.list_keys()),
    ("lambda", "lambda", lambda client: client.list_functions()),
    ("cloudwatch", "cloudwatch ListMetrics", lambda client: client.list_metrics()),
    ("route53", "route53", lambda client: client.list_hosted_zones()),
])
def test_a_service_that_is_not_there_says_so_in_its_own_words(aws, service, asked, call):
    with pytest.raises(ClientError) as caught:
        call(aws.client(service))
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert answer["Error"]["Code"] in ("NotImplementedException", "NotImplemented")  # as Query has it
    assert answer["Error"]["Message"] == (
        f"Slipway does not implement {asked} yet. `slipway ops` lists what it does.")
