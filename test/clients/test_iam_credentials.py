"""What IAM's users hold beside access keys: passwords and what they are held to."""
import pytest
from botocore.exceptions import ClientError
from policies import People, allow

ACCOUNT = "000000000000"
GOOD = "Correct-horse-9"


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


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
        "AllowUsersToChangePassword": False, "ExpirePasswords": True, "HardExpiry": False,
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
