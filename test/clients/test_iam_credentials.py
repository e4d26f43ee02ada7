"""What IAM's users hold beside access keys, and what accounts upload: passwords and what they are held
to, second factors, keys and certificates, metadata of SAML providers; when keys were used last."""
import base64
import csv
import datetime
import hmac
import subprocess
import time

import pytest
import qr_codes
from botocore.exceptions import ClientError
from policies import People, Someone, allow, document

ACCOUNT = "000000000000"
GOOD = "Correct-horse-9"


METADATA = f"""<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com"
    validUntil="2046-08-30T00:00:00Z">
  <!-- {"x" * 1000} -->
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>"""


class Certificates:
    """Made by OpenSSL: an authority, two that it signed, and one that nobody did; with their keys."""

    def __init__(self, folder):
        self.folder = folder
        self._run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=ca "
                  "-keyout ca.key -out ca.pem")
        for name in ("one", "two"):
            self._run(f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} "
                      f"-keyout {name}.key -out {name}.csr")
            self._run(f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out {name}.pem")
        self._run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=x "
                  "-keyout x.key -out x.pem")
        self._run("genrsa -out ssh.key 2048")
        self._run("rsa -in ssh.key -pubout -out ssh.pem")

    def _run(self, arguments):
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)

    def __getitem__(self, name):
        return (self.folder / name).read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error.get("Message", "")


@pytest.fixture(scope="module")
def people(aws, server):
    return People(aws, server, "credentials")


@pytest.fixture
def user(aws, name):
    aws.iam.create_user(UserName=name)
    return {"UserName": name}


@pytest.fixture
def rules(aws):
    """Sets the account's rules for passwords, which are gone after the test."""
    yield aws.iam.update_account_password_policy
    try:
        aws.iam.delete_account_password_policy()
    except aws.iam.exceptions.NoSuchEntityException:
        pass


def test_the_account_has_rules_for_passwords(aws, rules):
    iam = aws.iam
    none = f"The Password Policy with domain name {ACCOUNT} cannot be found."
    assert error_of(iam.get_account_password_policy) == ("NoSuchEntity", none)
    assert error_of(iam.delete_account_password_policy) == (
        "NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.")
    rules(MinimumPasswordLength=10, RequireNumbers=True, MaxPasswordAge=60, PasswordReusePrevention=3)
    shown = iam.get_account_password_policy()["PasswordPolicy"]
    assert shown == {
        "MinimumPasswordLength": 10, "RequireSymbols": False, "RequireNumbers": True,
        "RequireUppercaseCharacters": False, "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": False, "ExpirePasswords": True,
        "MaxPasswordAge": 60, "PasswordReusePrevention": 3}
    rules()  # what is not given is the default again
    shown = iam.get_account_password_policy()["PasswordPolicy"]
    assert (shown["MinimumPasswordLength"], shown["ExpirePasswords"]) == (6, False)
    assert "MaxPasswordAge" not in shown and "PasswordReusePrevention" not in shown


def test_a_password_keeps_to_the_rules(aws, user, rules):
    iam = aws.iam

    def refused(password):
        code, message = error_of(iam.create_login_profile, **user, Password=password)
        assert code == "PasswordPolicyViolation"
        return message

    assert refused("short") == refused("nothing-but-one-kind") == (
        "Password does not conform to the account password policy.")
    rules(MinimumPasswordLength=8, RequireSymbols=True, RequireNumbers=True,
          RequireUppercaseCharacters=True, RequireLowercaseCharacters=True)
    assert [refused(each) for each in ("aB3-", "ab3-abcd", "AB3-ABCD", "aBc-abcd", "aB3cabcd")] == [
        "Password should have a minimum length of 8",
        "Password should have at least one uppercase letter",
        "Password should have at least one lowercase letter",
        "Password should have at least one number", "Password should have at least one symbol"]


def test_a_user_has_a_login_profile(aws, user):
    iam, name = aws.iam, user["UserName"]
    none = ("NoSuchEntity", f"Login Profile for User {name} cannot be found.")
    assert error_of(iam.get_login_profile, **user) == none
    assert error_of(iam.update_login_profile, **user, Password=GOOD) == none
    assert error_of(iam.delete_login_profile, **user) == none
    assert error_of(iam.create_login_profile, UserName="nobody", Password=GOOD) == (
        "NoSuchEntity", "The user with name nobody cannot be found.")
    made = iam.create_login_profile(**user, Password=GOOD, PasswordResetRequired=True)["LoginProfile"]
    assert made["UserName"] == name and made["PasswordResetRequired"] is True
    assert error_of(iam.create_login_profile, **user, Password=GOOD) == (
        "EntityAlreadyExists", f"Login Profile for user {name} already exists.")
    iam.update_login_profile(**user, PasswordResetRequired=False)
    shown = iam.get_login_profile(**user)["LoginProfile"]
    assert shown == {**made, "PasswordResetRequired": False}
    assert error_of(iam.update_login_profile, **user, Password="short")[0] == "PasswordPolicyViolation"
    assert error_of(iam.delete_user, **user) == (
        "DeleteConflict", "Cannot delete entity, must delete login profile first.")
    iam.update_user(**user, NewUserName=f"{name}-b")
    iam.delete_login_profile(UserName=f"{name}-b")
    iam.delete_user(UserName=f"{name}-b")


def test_users_change_their_passwords(aws, people, rules):
    someone = people.user(allow("iam:ChangePassword"))
    theirs = someone.client("iam")
    assert error_of(theirs.change_password, OldPassword=GOOD, NewPassword=f"{GOOD}0")[0] == "NoSuchEntity"
    rules(PasswordReusePrevention=2)
    aws.iam.create_login_profile(UserName=someone.name, Password=GOOD, PasswordResetRequired=True)
    assert error_of(theirs.change_password, OldPassword="wrong", NewPassword=f"{GOOD}0") == (
        "AccessDenied", "The old password was incorrect.")
    theirs.change_password(OldPassword=GOOD, NewPassword=f"{GOOD}0")
    profile = aws.iam.get_login_profile(UserName=someone.name)["LoginProfile"]
    assert profile["PasswordResetRequired"] is False
    for former in (GOOD, f"{GOOD}0"):
        assert error_of(theirs.change_password, OldPassword=f"{GOOD}0", NewPassword=former)[0] == (
            "PasswordPolicyViolation")
    theirs.change_password(OldPassword=f"{GOOD}0", NewPassword=f"{GOOD}1")
    theirs.change_password(OldPassword=f"{GOOD}1", NewPassword=GOOD)
    assert error_of(aws.iam.change_password, OldPassword=GOOD, NewPassword=f"{GOOD}0") == (
        "InvalidUserType", "Only IAM Users can change their own password")


def test_keys_for_ssh(aws, user, made):
    iam, name = aws.iam, user["UserName"]
    key = iam.upload_ssh_public_key(**user, SSHPublicKeyBody=made["ssh.pem"])["SSHPublicKey"]
    assert key["SSHPublicKeyId"].startswith("APKA") and key["Status"] == "Active"
    assert len(key["Fingerprint"].split(":")) == 16
    named = {**user, "SSHPublicKeyId": key["SSHPublicKeyId"]}
    ssh = iam.get_ssh_public_key(**named, Encoding="SSH")["SSHPublicKey"]
    pem = iam.get_ssh_public_key(**named, Encoding="PEM")["SSHPublicKey"]
    assert pem == key and {**ssh, "SSHPublicKeyBody": made["ssh.pem"]} == pem
    assert ssh["SSHPublicKeyBody"].startswith("ssh-rsa AAAAB3NzaC1yc2E")
    assert error_of(iam.upload_ssh_public_key, **user, SSHPublicKeyBody=ssh["SSHPublicKeyBody"] + " again")[0] == (
        "DuplicateSSHPublicKey")
    assert error_of(iam.upload_ssh_public_key, **user, SSHPublicKeyBody="ssh-rsa AAAA")[0] == "InvalidPublicKey"
    assert error_of(iam.upload_ssh_public_key, **user, SSHPublicKeyBody="key")[0] == (
        "UnrecognizedPublicKeyEncoding")
    iam.update_ssh_public_key(**named, Status="Inactive")
    [listed] = iam.list_ssh_public_keys(**user)["SSHPublicKeys"]
    assert listed == {"UserName": name, "SSHPublicKeyId": key["SSHPublicKeyId"], "Status": "Inactive",
                      "UploadDate": key["UploadDate"]}
    assert error_of(iam.delete_user, **user) == (
        "DeleteConflict", "Cannot delete entity, must remove referenced objects first.")
    iam.delete_ssh_public_key(**named)
    none = ("NoSuchEntity", f"The Public Key with id {key['SSHPublicKeyId']} cannot be found.")
    assert error_of(iam.get_ssh_public_key, **named, Encoding="SSH") == none
    assert error_of(iam.update_ssh_public_key, **named, Status="Active") == none
    assert error_of(iam.delete_ssh_public_key, **named) == none


def test_signing_certificates(aws, user, made, name):
    iam = aws.iam
    ids = [iam.upload_signing_certificate(**user, CertificateBody=made[f"{each}.pem"])["Certificate"]["CertificateId"]
           for each in ("one", "two")]
    assert error_of(iam.upload_signing_certificate, **user, CertificateBody=made["x.pem"]) == (
        "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2")
    other = {"UserName": f"{name}-b"}
    iam.create_user(**other)
    assert error_of(iam.upload_signing_certificate, **other, CertificateBody=made["one.pem"])[0] == (
        "DuplicateCertificate")
    assert error_of(iam.upload_signing_certificate, **other, CertificateBody="none") == (
        "MalformedCertificate", "Certificate none is malformed.")
    iam.update_signing_certificate(**user, CertificateId=ids[0], Status="Inactive")
    pages = iam.get_paginator("list_signing_certificates").paginate(**user, PaginationConfig={"PageSize": 1})
    listed = {each["CertificateId"]: each for page in pages for each in page["Certificates"]}
    assert sorted(listed) == sorted(ids)
    assert (listed[ids[0]]["Status"], listed[ids[0]]["CertificateBody"]) == ("Inactive", made["one.pem"])
    assert error_of(iam.delete_user, **user) == (
        "DeleteConflict", "Cannot delete entity, must delete certificates first.")
    iam.update_user(**user, NewUserName=f"{name}-c")
    renamed = {"UserName": f"{name}-c"}
    page = iam.list_signing_certificates(**renamed, MaxItems=1)
    [first] = page["Certificates"]
    iam.delete_signing_certificate(**renamed, CertificateId=first["CertificateId"])
    # A page begins where the one before ended, though what it ended with is gone.
    [other_one] = iam.list_signing_certificates(**renamed, Marker=page["Marker"])["Certificates"]
    assert {first["CertificateId"], other_one["CertificateId"]} == set(ids)
    iam.delete_signing_certificate(**renamed, CertificateId=other_one["CertificateId"])
    assert error_of(iam.delete_signing_certificate, **other, CertificateId=ids[0]) == (
        "NoSuchEntity", f"The Certificate with id {ids[0]} cannot be found.")
    iam.delete_user(UserName=f"{name}-c")


def test_server_certificates(aws, made, name):
    iam, named = aws.iam, {"ServerCertificateName": name}
    good = {**named, "CertificateBody": made["one.pem"], "PrivateKey": made["one.key"]}

    def refused(**change):
        return error_of(iam.upload_server_certificate, **{**good, **change})

    assert refused(CertificateBody="none") == (
        "MalformedCertificate",
        "Unable to parse certificate. Please ensure the certificate is in PEM format.")
    assert refused(PrivateKey="none") == ("MalformedCertificate", "Invalid Private Key.")
    assert refused(PrivateKey=made["two.key"])[0] == "KeyPairMismatch"
    assert "index within the chain of the invalid certificate is: 0" in refused(CertificateChain=made["x.pem"])[1]
    broken = made["ca.pem"] + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert refused(CertificateChain=broken)[0] == "MalformedCertificate"
    # A key beside a certificate would be kept and shown.
    for combined in ({"CertificateBody": made["one.pem"] + made["one.key"]},
                     {"CertificateChain": made["ca.pem"] + made["ca.key"]}):
        assert refused(**combined) == (
            "MalformedCertificate", "Unable to parse certificate. It holds a private key.")
    uploaded = iam.upload_server_certificate(
        **good, CertificateChain=made["ca.pem"], Path="/cloudfront/",
        Tags=[{"Key": "k", "Value": "v"}])
    data = uploaded["ServerCertificateMetadata"]
    arn = f"arn:aws:iam::{ACCOUNT}:server-certificate/cloudfront/{name}"
    assert data["Arn"] == arn and data["ServerCertificateId"].startswith("ASCA")
    days = (data["Expiration"] - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86_400
    assert 29 < days <= 30
    assert refused() == ("EntityAlreadyExists", f"The Server Certificate with name {name} already exists.")
    shown = iam.get_server_certificate(**named)["ServerCertificate"]
    assert shown == {"ServerCertificateMetadata": data, "CertificateBody": made["one.pem"],
                     "CertificateChain": made["ca.pem"], "Tags": [{"Key": "k", "Value": "v"}]}
    assert data in iam.list_server_certificates(PathPrefix="/cloudfront/")["ServerCertificateMetadataList"]
    assert data not in iam.list_server_certificates(PathPrefix="/other/")["ServerCertificateMetadataList"]
    iam.update_server_certificate(**named, NewServerCertificateName=f"{name}-b", NewPath="/")
    renamed = {"ServerCertificateName": f"{name}-b"}
    iam.tag_server_certificate(**renamed, Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_server_certificate(**renamed, TagKeys=["k"])
    assert iam.list_server_certificate_tags(**renamed)["Tags"] == [{"Key": "l", "Value": "w"}]
    assert error_of(iam.get_server_certificate, **named) == (
        "NoSuchEntity", f"The Server Certificate with name {name} cannot be found.")
    assert iam.get_account_summary()["SummaryMap"]["ServerCertificates"] == 1
    iam.delete_server_certificate(**renamed)
    assert iam.get_account_summary()["SummaryMap"]["ServerCertificates"] == 0


def test_saml_providers(aws, people, name):
    iam, arn = aws.iam, f"arn:aws:iam::{ACCOUNT}:saml-provider/{name}"
    assert error_of(iam.create_saml_provider, Name=name, SAMLMetadataDocument="x" * 1000) == (
        "InvalidInput", "Could not parse metadata")
    assert error_of(iam.create_saml_provider, Name=name, SAMLMetadataDocument=METADATA,
                    AssertionEncryptionMode="Required")[0] == "NotImplemented"
    made = iam.create_saml_provider(Name=name, SAMLMetadataDocument=METADATA, Tags=[{"Key": "k", "Value": "v"}])
    assert made["SAMLProviderArn"] == arn
    assert error_of(iam.create_saml_provider, Name=name, SAMLMetadataDocument=METADATA)[0] == "EntityAlreadyExists"
    shown = iam.get_saml_provider(SAMLProviderArn=arn)
    assert (shown["AssertionEncryptionMode"], shown["PrivateKeyList"]) == ("Allowed", [])
    assert (shown["SAMLMetadataDocument"], shown["ValidUntil"].year, shown["Tags"]) == (
        METADATA, 2046, [{"Key": "k", "Value": "v"}])
    other = METADATA.replace("2046", "2047")
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=other)
    [listed] = [each for each in iam.list_saml_providers()["SAMLProviderList"] if each["Arn"] == arn]
    assert listed["ValidUntil"].year == 2047
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    iam.untag_saml_provider(SAMLProviderArn=arn, TagKeys=["k"])
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == [{"Key": "l", "Value": "w"}]

    someone = people.user(allow("iam:GetSAMLProvider", Condition={"StringEquals": {"aws:ResourceTag/l": "w"}}))
    assert someone.iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == other
    for wrong in (arn.upper().replace("ARN:AWS:IAM", "arn:aws:iam"), arn.replace(ACCOUNT, "111122223333")):
        assert error_of(iam.get_saml_provider, SAMLProviderArn=wrong) == (
            "NoSuchEntity", f"Manifest not found for arn {wrong}")
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert error_of(someone.iam.get_saml_provider, SAMLProviderArn=arn)[0] == "AccessDenied"
    assert error_of(iam.delete_saml_provider, SAMLProviderArn=arn) == (
        "NoSuchEntity", f"Manifest not found for arn {arn}")


class Device:
    """A virtual device of a second factor, as an authenticator has it: its codes by RFC 6238."""

    def __init__(self, aws, name):
        made = aws.iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Path="/phones/")["VirtualMFADevice"]
        self.serial, self.seed, self.picture = (
            made[each] for each in ("SerialNumber", "Base32StringSeed", "QRCodePNG"))
        assert self.serial == f"arn:aws:iam::{ACCOUNT}:mfa/phones/{name}" and len(self.seed) == 64
        self.now = int(time.time()) // 30

    def code(self, steps):
        mac = hmac.digest(base64.b32decode(self.seed), (self.now + steps).to_bytes(8, "big"), "sha1")
        at = mac[-1] & 15
        return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7fffffff) % 1_000_000:06}"

    def two_codes(self, steps):
        return {"AuthenticationCode1": self.code(steps), "AuthenticationCode2": self.code(steps + 1)}

    def shown(self, steps):
        return {"SerialNumber": self.serial, "TokenCode": self.code(steps)}


def test_the_picture_of_a_device_tells_a_phone_its_seed(aws, name):
    device = Device(aws, name)
    assert qr_codes.text_of(device.picture) == (
        f"otpauth://totp/{name}@{ACCOUNT}?secret={device.seed.decode()}")
    aws.iam.delete_virtual_mfa_device(SerialNumber=device.serial)
    longest = aws.iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{name:l<226}")["VirtualMFADevice"]
    assert qr_codes.text_of(longest["QRCodePNG"]) == (
        f"otpauth://totp/{name:l<226}@{ACCOUNT}?secret={longest['Base32StringSeed'].decode()}")
    aws.iam.delete_virtual_mfa_device(SerialNumber=longest["SerialNumber"])


def test_a_device_is_given_to_a_user(aws, user, name):
    iam, device = aws.iam, Device(aws, name)
    named = {**user, "SerialNumber": device.serial}
    assert error_of(iam.create_virtual_mfa_device, VirtualMFADeviceName=name, Path="/phones/") == (
        "EntityAlreadyExists", "MFA device already exists.")
    wrong = {"AuthenticationCode1": device.code(-1), "AuthenticationCode2": "000000"}
    assert error_of(iam.enable_mfa_device, **named, **wrong) == (
        "InvalidAuthenticationCode", "Authentication code for device is not valid.")
    assert iam.list_mfa_devices(**user)["MFADevices"] == []
    iam.enable_mfa_device(**named, **device.two_codes(-3))
    [listed] = iam.list_mfa_devices(**user)["MFADevices"]
    assert (listed["UserName"], listed["SerialNumber"]) == (name, device.serial)
    assert iam.get_mfa_device(**named)["EnableDate"] == listed["EnableDate"]
    assigned = {each["SerialNumber"]: each for each in iam.list_virtual_mfa_devices(
        AssignmentStatus="Assigned")["VirtualMFADevices"]}
    assert assigned[device.serial]["User"]["UserName"] == name and "Base32StringSeed" not in assigned[device.serial]
    assert device.serial not in [each["SerialNumber"] for each in iam.list_virtual_mfa_devices(
        AssignmentStatus="Unassigned")["VirtualMFADevices"]]
    assert iam.get_account_summary()["SummaryMap"]["MFADevicesInUse"] >= 1
    iam.resync_mfa_device(**named, **device.two_codes(-2))
    assert error_of(iam.delete_virtual_mfa_device, SerialNumber=device.serial) == (
        "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
    assert error_of(iam.delete_user, **user) == (
        "DeleteConflict", "Cannot delete entity, must delete MFA device first.")
    iam.tag_mfa_device(SerialNumber=device.serial, Tags=[{"Key": "k", "Value": "v"}])
    assert iam.list_mfa_device_tags(SerialNumber=device.serial)["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.untag_mfa_device(SerialNumber=device.serial, TagKeys=["k"])
    iam.deactivate_mfa_device(**named)
    assert error_of(iam.deactivate_mfa_device, **named) == ("NoSuchEntity", "MFA Device invalid for user.")
    iam.delete_virtual_mfa_device(SerialNumber=device.serial)
    assert error_of(iam.delete_virtual_mfa_device, SerialNumber=device.serial) == (
        "NoSuchEntity", f"MFA Device with serial number {device.serial} does not exist.")
    iam.delete_user(**user)


def test_devices_come_page_by_page_whatever_their_case(aws, user, name):
    devices = [Device(aws, f"a-{name}"), Device(aws, f"B-{name}")]
    for device in devices:
        aws.iam.enable_mfa_device(**user, SerialNumber=device.serial, **device.two_codes(-3))
    pages = aws.iam.get_paginator("list_mfa_devices").paginate(**user, PaginationConfig={"PageSize": 1})
    assert [each["SerialNumber"] for each in pages.search("MFADevices[]")] == [each.serial for each in devices]


def test_a_second_factor_counts_in_policies(aws, people, server, name):
    device = Device(aws, name)
    young = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "600"}}
    someone = people.user(allow(["s3:ListAllMyBuckets", "iam:ListUsers"], Condition=young), allow("sts:AssumeRole"))
    aws.iam.enable_mfa_device(UserName=someone.name, SerialNumber=device.serial, **device.two_codes(-3))
    trust = document({"Effect": "Allow", "Principal": {"AWS": someone.arn}, "Action": "sts:AssumeRole",
                      "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}})
    role = aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def session(**shown):
        return Someone(server, someone.arn, someone.sts.get_session_token(**shown)["Credentials"])

    assert error_of(someone.s3.list_buckets)[0] == "AccessDenied"
    assert error_of(session().s3.list_buckets)[0] == "AccessDenied"
    assert error_of(someone.sts.assume_role, RoleArn=role, RoleSessionName="session")[0] == "AccessDenied"
    one_alone = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
    assert error_of(session, TokenCode="123456") == ("AccessDenied", one_alone)
    invalid = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
    assert error_of(session, SerialNumber=device.serial, TokenCode="000000") == ("AccessDenied", invalid)
    assert "unable to validate MFA code" in error_of(
        session, SerialNumber=device.serial + "x", TokenCode=device.code(-1))[1]

    proven = session(**device.shown(-1))
    proven.s3.list_buckets()
    proven.iam.list_users()  # credentials without a second factor may not call IAM at all
    proven.sts.assume_role(RoleArn=role, RoleSessionName="session")
    assert error_of(session, **device.shown(-1)) == ("AccessDenied", invalid)  # it counted already
    someone.sts.assume_role(RoleArn=role, RoleSessionName="session", **device.shown(0))


def test_passwords_for_one_service(aws, people, user):
    iam, name, service = aws.iam, user["UserName"], "codecommit.amazonaws.com"
    none = "No such service {} is supported for Service Specific Credentials"
    for wrong in ("nonexistent.amazonaws.com", "o3on3n3onosneo", "lambda.amazonaws.com"):
        refusal = ("NoSuchEntity", none.format(wrong))
        assert error_of(iam.create_service_specific_credential, **user, ServiceName=wrong) == refusal
        assert error_of(iam.list_service_specific_credentials, **user, ServiceName=wrong) == refusal
    assert error_of(iam.create_service_specific_credential, UserName="nobody", ServiceName="none") == (
        "NoSuchEntity", "The user with name nobody cannot be found.")
    made = iam.create_service_specific_credential(**user, ServiceName=service)["ServiceSpecificCredential"]
    password = made.pop("ServicePassword")
    assert made["ServiceUserName"] == f"{name}-at-{ACCOUNT}" and password.endswith("=")
    assert made["ServiceSpecificCredentialId"].startswith("ACCA") and made["Status"] == "Active"
    named = {**user, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**named, Status="Inactive")
    inactive = {**made, "Status": "Inactive"}
    assert iam.list_service_specific_credentials(**user, ServiceName=service)[
        "ServiceSpecificCredentials"] == [inactive]
    assert iam.list_service_specific_credentials(**user, ServiceName="cassandra.amazonaws.com")[
        "ServiceSpecificCredentials"] == []
    again = iam.reset_service_specific_credential(**named)["ServiceSpecificCredential"]
    assert again.pop("ServicePassword") != password and again == inactive
    iam.create_service_specific_credential(**user, ServiceName=service)
    assert error_of(iam.create_service_specific_credential, **user, ServiceName=service)[0] == "LimitExceeded"
    iam.create_service_specific_credential(**user, ServiceName="cassandra.amazonaws.com")
    seen, page = [], {"MaxItems": 2}
    while page:
        listed = iam.list_service_specific_credentials(AllUsers=True, **page)
        seen += [each["ServiceSpecificCredentialId"] for each in listed["ServiceSpecificCredentials"]]
        page = {"MaxItems": 2, "Marker": listed["Marker"]} if listed["IsTruncated"] else None
    assert len(seen) == len(set(seen)) == 3
    assert error_of(iam.list_service_specific_credentials, **user, AllUsers=True)[0] == "InvalidInput"
    # Who may ask about himself may not ask about all.
    ask = "iam:ListServiceSpecificCredentials"
    himself = people.user(allow(ask, "arn:aws:iam::*:user/${aws:username}"))
    assert himself.iam.list_service_specific_credentials()["ServiceSpecificCredentials"] == []
    assert error_of(himself.iam.list_service_specific_credentials, AllUsers=True)[0] == "AccessDenied"
    everyone = people.user(allow(ask, f"arn:aws:iam::{ACCOUNT}:user/*"))
    assert everyone.iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"]
    assert error_of(iam.delete_user, **user) == (
        "DeleteConflict", "Cannot delete entity, must remove referenced objects first.")
    iam.delete_service_specific_credential(**named)
    wrong = ("NoSuchEntity", f"No such credential {named['ServiceSpecificCredentialId']} exists")
    assert error_of(iam.reset_service_specific_credential, **named) == wrong
    assert error_of(iam.update_service_specific_credential, **named, Status="Active") == wrong
    assert error_of(iam.delete_service_specific_credential, **named) == wrong


def until(look, wanted):
    """What `look` says once `wanted` holds of it: uses are noted behind the requests."""
    for _ in range(100):
        seen = look()
        if wanted(seen):
            return seen
        time.sleep(0.05)
    return seen


def test_the_last_use_of_a_key_and_of_a_role_is_told(aws, people):
    someone = people.user(allow("s3:ListAllMyBuckets"), allow("sts:AssumeRole"))
    [key] = aws.iam.list_access_keys(UserName=someone.name)["AccessKeyMetadata"]

    def used():
        return aws.iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])

    assert used()["UserName"] == someone.name
    assert used()["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    someone.s3.list_buckets()
    last = until(used, lambda seen: "LastUsedDate" in seen["AccessKeyLastUsed"])["AccessKeyLastUsed"]
    assert (last["ServiceName"], last["Region"]) == ("s3", "us-east-1")
    assert abs(last["LastUsedDate"].timestamp() - time.time()) < 60
    role = people.session(allow("s3:ListAllMyBuckets"), by=someone)
    named = {"RoleName": role.arn.split("/")[1]}
    assert aws.iam.get_role(**named)["Role"]["RoleLastUsed"] == {}
    role.s3.list_buckets()
    last = until(lambda: aws.iam.get_role(**named)["Role"]["RoleLastUsed"], bool)
    assert last["Region"] == "us-east-1"
    assert error_of(aws.iam.get_access_key_last_used, AccessKeyId="AKIAIOSFODNN7EXAMPLE") == (
        "AccessDenied", f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform "
        "iam:GetAccessKeyLastUsed on resource: access key AKIAIOSFODNN7EXAMPLE")


def test_the_report_of_credentials(aws, name):
    """Made once in four hours: the test that asks first sees what is there then."""
    iam = aws.iam
    path = '/a",false,"/'
    iam.create_user(UserName=f"{name},x", Path=path)
    iam.create_login_profile(UserName=f"{name},x", Password=GOOD)
    iam.create_access_key(UserName=f"{name},x")
    assert error_of(iam.get_credential_report) == ("ReportNotPresent", "")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = {row["user"]: row for row in csv.DictReader(report["Content"].decode().splitlines())}
    assert rows["<root_account>"]["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    row = rows[f"{name},x"]
    assert row["arn"] == f"arn:aws:iam::{ACCOUNT}:user{path}{name},x"
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT")
    assert row["password_last_changed"].startswith(today) and row["password_last_changed"].endswith("+00:00")
    assert [row[each] for each in ("password_enabled", "mfa_active", "access_key_1_active", "access_key_2_active",
                                   "access_key_1_last_used_date", "cert_1_active", "cert_2_last_rotated")] == [
        "true", "false", "true", "false", "N/A", "false", "N/A"]
