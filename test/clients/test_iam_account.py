"""IAM's instance profiles, identity providers, service-linked roles and the account as a whole."""
import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
LIST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]})


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def role(aws, name):
    aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    return name


def test_an_instance_profile_has_one_role(aws, name, role):
    iam, named = aws.iam, {"InstanceProfileName": f"{name}-p"}
    made = iam.create_instance_profile(**named, Path="/a/")["InstanceProfile"]
    assert (made["Arn"], made["Roles"]) == (f"arn:aws:iam::{ACCOUNT}:instance-profile/a/{name}-p", [])
    assert made["InstanceProfileId"].startswith("AIPA") and "Tags" not in made
    assert error_of(iam.create_instance_profile, **named) == (
        "EntityAlreadyExists", f"Instance Profile {name}-p already exists.")
    iam.add_role_to_instance_profile(**named, RoleName=role)
    assert error_of(iam.add_role_to_instance_profile, **named, RoleName=role) == (
        "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    shown = iam.get_instance_profile(**named)["InstanceProfile"]
    assert [each["RoleName"] for each in shown["Roles"]] == [role] and shown["Tags"] == []
    assert [each["InstanceProfileName"] for each in iam.list_instance_profiles_for_role(RoleName=role)[
        "InstanceProfiles"]] == [f"{name}-p"]
    assert f"{name}-p" in [each["InstanceProfileName"] for each in iam.list_instance_profiles(PathPrefix="/a/")[
        "InstanceProfiles"]]
    must = "Cannot delete entity, must remove roles from instance profile first."
    assert error_of(iam.delete_instance_profile, **named) == ("DeleteConflict", must)
    assert error_of(iam.delete_role, RoleName=role) == ("DeleteConflict", must)
    iam.remove_role_from_instance_profile(**named, RoleName=role)
    assert error_of(iam.remove_role_from_instance_profile, **named, RoleName=role) == (
        "NoSuchEntity", f"Role {role} in Instance Profile {name}-p cannot be found.")
    iam.tag_instance_profile(**named, Tags=[{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}])
    iam.untag_instance_profile(**named, TagKeys=["l"])
    assert iam.list_instance_profile_tags(**named)["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.delete_instance_profile(**named)
    assert error_of(iam.get_instance_profile, **named) == (
        "NoSuchEntity", f"Instance Profile {name}-p cannot be found.")


def test_an_identity_provider_is_kept(aws, name):
    iam, url = aws.iam, f"https://{name}.example.com/path"
    arn = iam.create_open_id_connect_provider(Url=url, ThumbprintList=["a" * 40], ClientIDList=["one"])[
        "OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{name}.example.com/path"
    assert error_of(iam.create_open_id_connect_provider, Url=url, ThumbprintList=["a" * 40]) == (
        "EntityAlreadyExists", f"Provider with url {url} already exists.")
    named = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "k", "Value": "v"}])
    shown = iam.get_open_id_connect_provider(**named)
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"], shown["Tags"]) == (
        f"{name}.example.com/path", ["two"], ["b" * 40], [{"Key": "k", "Value": "v"}])
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.untag_open_id_connect_provider(**named, TagKeys=["k"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == []
    assert error_of(iam.update_open_id_connect_provider_thumbprint, **named,
                    ThumbprintList=[f"{i:040}" for i in range(6)]) == (
        "InvalidInput", "Thumbprint list must contain fewer than 5 entries.")
    iam.delete_open_id_connect_provider(**named)
    assert error_of(iam.get_open_id_connect_provider, **named) == (
        "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
    assert error_of(iam.create_open_id_connect_provider, Url="example.com") == (
        "ValidationError", "Invalid Open ID Connect Provider URL")
    assert error_of(iam.create_open_id_connect_provider, Url="http://example.com") == (
        "InvalidInput", "Invalid Open ID Connect Provider URL. The URL must begin with https://.")
    assert error_of(iam.tag_open_id_connect_provider, **named, Tags=[{"Key": "k", "Value": "v"}]) == (
        "NoSuchEntity", f"OpenId connect Provider {arn} cannot be found.")
    assert error_of(iam.get_open_id_connect_provider,
                    OpenIDConnectProviderArn=f"arn:aws:iam::{ACCOUNT}:role/some") == (
        "ValidationError", "Invalid resource type in ARN")
    other = "arn:aws:iam::999999999999:oidc-provider/example.com"
    assert error_of(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=other) == (
        "AccessDenied", f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform this action on "
        f"resource: {other}")


def test_an_identity_provider_is_named_to_the_letter(aws, name):
    """Its URL with the slash at its end, which is what its tokens say; its tags' keys by their case."""
    iam, url = aws.iam, f"https://{name}.example.com"
    made = [iam.create_open_id_connect_provider(Url=each, ThumbprintList=["A" * 40])[
        "OpenIDConnectProviderArn"] for each in (url, url + "/")]
    assert made[1] == made[0] + "/"
    named = {"OpenIDConnectProviderArn": made[1]}
    assert iam.get_open_id_connect_provider(**named)["ThumbprintList"] == ["a" * 40]
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "k", "Value": "1"}])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "K", "Value": "2"}])
    iam.untag_open_id_connect_provider(**named, TagKeys=["k"])
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [{"Key": "K", "Value": "2"}]
    assert error_of(iam.update_open_id_connect_provider_thumbprint, **named, ThumbprintList=[]) == (
        "InvalidInput", "Thumbprint list must contain at least one entry.")
    for arn in made:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_an_identity_provider_has_one_spelling(aws, name):
    """A denial of its ARN holds, and what is listed is what was made."""
    iam, arn = aws.iam, f"arn:aws:iam::{ACCOUNT}:oidc-provider/{name}.Example.com"
    assert iam.create_open_id_connect_provider(Url=f"https://{name}.Example.com", ThumbprintList=["a" * 40])[
        "OpenIDConnectProviderArn"] == arn
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["Url"] == f"{name}.Example.com"
    other = arn.lower()
    assert error_of(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=other) == (
        "NoSuchEntity", f"OpenIDConnect Provider not found for arn {other}")
    assert error_of(iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=arn,
                    ClientID="one\ntwo")[0] == "InvalidInput"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_policies_are_listed_page_by_page(aws, name, role):
    """The account's own by name, then the provider's, each once, whatever the size of the pages."""
    iam, path = aws.iam, f"/{name}/"
    own = [iam.create_policy(PolicyName=f"{name}-{i}", Path=path if i else f"{path}deep/", PolicyDocument=LIST)[
        "Policy"]["Arn"] for i in range(3)]

    def listed(size=None, **wanted):
        pages = iam.get_paginator("list_policies").paginate(**wanted, PaginationConfig={"PageSize": size} if size else {})
        return [each["Arn"] for page in pages for each in page["Policies"]]

    assert listed(PathPrefix=path) == listed(1, PathPrefix=path) == own
    provided = listed(Scope="AWS")
    assert provided == listed(7, Scope="AWS") and not set(provided) & set(own)
    everything = listed()
    assert everything == listed(5) == listed(1000) and len(set(everything)) == len(everything)
    assert set(own) | set(provided) <= set(everything)
    iam.attach_role_policy(RoleName=role, PolicyArn=own[1])
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=own[2])
    assert listed(1, PathPrefix=path, OnlyAttached=True) == [own[1]]
    assert listed(PathPrefix=path, PolicyUsageFilter="PermissionsPolicy") == [own[1]]
    assert listed(PathPrefix=path, PolicyUsageFilter="PermissionsBoundary") == [own[2]]


def test_the_summary_has_all_of_the_names_of_aws(aws):
    told = aws.iam.get_account_summary()["SummaryMap"]
    assert (told["ServerCertificates"], told["AccountSigningCertificatesPresent"]) == (0, 0)
    assert {"AccountPasswordPresent", "GlobalEndpointTokenVersion", "PolicyVersionsInUseQuota", "ServerCertificatesQuota",
            "SigningCertificatesPerUserQuota"} <= set(told)


def test_a_role_of_a_service_is_its_own(aws, name):
    iam, suffix = aws.iam, name[-6:]
    made = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=suffix,
                                          Description="scales")["Role"]
    role = made["RoleName"]
    assert (role, made["Path"], made["Description"]) == (
        f"AWSServiceRoleForAutoScaling_{suffix}", "/aws-service-role/autoscaling.amazonaws.com/", "scales")
    assert made["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "autoscaling.amazonaws.com"}
    scaled = iam.create_service_linked_role(AWSServiceName="custom-resource.application-autoscaling.amazonaws.com")
    assert scaled["Role"]["RoleName"] == "AWSServiceRoleForApplicationAutoScaling_CustomResource"
    assert error_of(iam.create_service_linked_role, AWSServiceName="autoscaling.amazonaws.com",
                    CustomSuffix=suffix)[0] == "InvalidInput"
    protected = ("UnmodifiableEntity", f"Cannot perform the operation on the protected role '{role}' - this role is only "
                                       "modifiable by AWS")
    assert error_of(iam.delete_role, RoleName=role) == protected
    assert error_of(iam.put_role_policy, RoleName=role, PolicyName="p", PolicyDocument=LIST) == protected
    assert error_of(iam.update_assume_role_policy, RoleName=role, PolicyDocument=TRUST) == protected
    assert error_of(iam.update_role, RoleName=role, MaxSessionDuration=7200) == protected
    iam.create_instance_profile(InstanceProfileName=name)
    assert error_of(iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=role) == protected
    assert error_of(iam.create_service_linked_role, AWSServiceName="..amazonaws.com") == (
        "InvalidInput", "Service name ..amazonaws.com is not valid.")
    iam.update_role_description(RoleName=role, Description="other")
    task = iam.delete_service_linked_role(RoleName=role)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert error_of(iam.get_role, RoleName=role)[0] == "NoSuchEntity"


def test_an_account_has_one_alias(aws):
    aws.iam.create_account_alias(AccountAlias="first-house")
    aws.iam.create_account_alias(AccountAlias="house")
    assert aws.iam.list_account_aliases()["AccountAliases"] == ["house"]
    assert error_of(aws.iam.delete_account_alias, AccountAlias="first-house")[0] == "NoSuchEntity"
    aws.iam.delete_account_alias(AccountAlias="house")
    assert aws.iam.list_account_aliases()["AccountAliases"] == []


def test_all_of_an_account_is_told_page_by_page(aws, name, role):
    iam = aws.iam
    policy = iam.create_policy(PolicyName=name, PolicyDocument=LIST)["Policy"]["Arn"]
    iam.create_user(UserName=name, Tags=[{"Key": "k", "Value": "v"}])
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    iam.put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=LIST)
    told = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    for page in iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3}):
        assert sum(len(page[each]) for each in told) <= 3
        for each, items in told.items():
            items += page[each]
    user, = [each for each in told["UserDetailList"] if each["UserName"] == name]
    assert (user["GroupList"], user["Tags"]) == ([name], [{"Key": "k", "Value": "v"}])
    shown, = [each for each in told["RoleDetailList"] if each["RoleName"] == role]
    assert shown["AttachedManagedPolicies"] == [{"PolicyName": name, "PolicyArn": policy}]
    assert shown["RolePolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(LIST)}]
    own, = [each for each in told["Policies"] if each["Arn"] == policy]
    assert (own["AttachmentCount"], own["PolicyVersionList"][0]["Document"]) == (1, json.loads(LIST))
    assert [each["GroupName"] for each in told["GroupDetailList"]].count(name) == 1
    only = iam.get_account_authorization_details(Filter=["Group"])
    assert only["GroupDetailList"] and not only["UserDetailList"] and not only["Policies"]


def test_a_version_of_no_policy_is_no_version(aws, name):
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    for call in (aws.iam.get_policy_version, aws.iam.set_default_policy_version, aws.iam.delete_policy_version):
        assert error_of(call, PolicyArn=arn, VersionId="v1") == (
            "NoSuchEntity", f"Policy {arn} version v1 does not exist or is not attachable.")
    assert error_of(aws.iam.list_policy_versions, PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.")


def test_a_member_is_looked_for_before_the_group(aws, name):
    iam, both = aws.iam, {"GroupName": name, "UserName": name}
    no_user = ("NoSuchEntity", f"The user with name {name} cannot be found.")
    no_group = ("NoSuchEntity", f"The group with name {name} cannot be found.")
    assert error_of(iam.add_user_to_group, **both) == error_of(iam.remove_user_from_group, **both) == no_user
    iam.create_user(UserName=name)
    assert error_of(iam.add_user_to_group, **both) == error_of(iam.remove_user_from_group, **both) == no_group
    iam.create_group(GroupName=name)
    iam.remove_user_from_group(**both)  # who is none is removed already


def test_a_group_moves_with_its_members_and_their_rights(aws, server, name):
    from policies import People
    iam, bucket = aws.iam, name
    aws.s3.create_bucket(Bucket=bucket)
    member = People(aws, server, "mover").user()
    user = member.arn.rsplit("/", 1)[1]
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="p", PolicyDocument=LIST)
    iam.add_user_to_group(GroupName=name, UserName=user)
    member.s3.list_objects_v2(Bucket=bucket)
    iam.update_group(GroupName=name, NewGroupName=f"{name}-new", NewPath="/there/")
    assert error_of(iam.get_group, GroupName=name)[0] == "NoSuchEntity"
    moved = iam.get_group(GroupName=f"{name}-new")
    assert moved["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/there/{name}-new"
    assert [each["UserName"] for each in moved["Users"]] == [user]
    member.s3.list_objects_v2(Bucket=bucket)
    iam.remove_user_from_group(GroupName=f"{name}-new", UserName=user)
    assert error_of(member.s3.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"


def test_roles_and_policies_are_told_and_refused_as_recorded(aws, name):
    iam = aws.iam
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Description="d")["Role"]
    assert "MaxSessionDuration" not in made and "Description" not in made
    shown = iam.get_role(RoleName=name)["Role"]
    assert (shown["MaxSessionDuration"], shown["Description"]) == (3600, "d")
    described = iam.update_role_description(RoleName=name, Description="e")["Role"]
    assert described["Description"] == "e" and "MaxSessionDuration" not in described
    assert error_of(iam.attach_role_policy, RoleName=name, PolicyArn="longpolicynamebutnoarn") == (
        "ValidationError", "Invalid ARN:  Could not be parsed!")
    none = f"arn:aws:iam::{ACCOUNT}:policy/none"
    assert error_of(iam.put_role_permissions_boundary, RoleName=name, PermissionsBoundary=none) == (
        "NoSuchEntity", f"Scope ARN: {none} does not exist or is not attachable.")


def test_the_providers_policies_are_attached_and_told_with_their_dates(aws, name, role):
    arn = "arn:aws:iam::aws:policy/AWSLambdaExecute"
    aws.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    policy = aws.iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["DefaultVersionId"], policy["AttachmentCount"]) == ("v1", 1)
    assert policy["CreateDate"].isoformat() == "2015-02-06T18:40:46+00:00"
    document = aws.iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert document["Statement"][1]["Resource"] == "arn:aws:s3:::*"
    aws.iam.detach_role_policy(RoleName=role, PolicyArn=arn)


def test_policies_tell_the_keys_that_they_ask_for(aws, name):
    document = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*",
         "Condition": {"StringLike": {"s3:prefix": ["${aws:PrincipalTag/team, 'none'}/*", "${*}"]}}}]})
    assert aws.iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"] == [
        "aws:PrincipalTag/team", "aws:username", "s3:prefix"]
    arn = aws.iam.create_user(UserName=name)["User"]["Arn"]
    aws.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    assert "s3:prefix" in aws.iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"]
