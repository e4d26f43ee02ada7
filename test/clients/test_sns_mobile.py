"""Mobile applications, texts and mail: kept as on AWS, said in the log, and never sent."""
import json
import time

import pytest
from botocore.exceptions import ClientError

NUMBER = "+15551234567"


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def application(aws, name):
    return aws.sns.create_platform_application(Name=name, Platform="APNS", Attributes={
        "PlatformCredential": "a private key", "PlatformPrincipal": "a certificate"})["PlatformApplicationArn"]


@pytest.fixture
def topic(aws, name):
    return aws.sns.create_topic(Name=name)["TopicArn"]


def said(server, word, seconds=10):
    """The lines of the server's log with that word in them, once there is one."""
    deadline = time.monotonic() + seconds
    while not (lines := [each for each in server.log.read_text().splitlines() if word in each]):
        assert time.monotonic() < deadline, f"the log does not say {word}"
        time.sleep(0.05)
    return lines


def test_an_application_is_kept_without_its_secrets(aws, name, application):
    assert application == f"arn:aws:sns:us-east-1:000000000000:app/APNS/{name}"
    sns, named = aws.sns, {"PlatformApplicationArn": application}
    assert sns.get_platform_application_attributes(**named)["Attributes"] == {"Enabled": "true"}
    sns.set_platform_application_attributes(**named, Attributes={"Enabled": "False"})
    assert sns.get_platform_application_attributes(**named)["Attributes"] == {"Enabled": "false"}
    listed = [each for page in sns.get_paginator("list_platform_applications").paginate()
              for each in page["PlatformApplications"]]
    assert {"PlatformApplicationArn": application, "Attributes": {"Enabled": "false"}} in listed
    sns.delete_platform_application(**named)
    sns.delete_platform_application(**named)
    assert error_of(sns.get_platform_application_attributes, **named) == (
        "NotFound", "PlatformApplication does not exist")


@pytest.mark.parametrize("given,message", [
    ({"Name": "a b"}, "Invalid parameter: a b Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', "
                      "'-', and '.'"),
    ({"Platform": "PIGEON"}, "Invalid parameter: Platform Reason: PIGEON is not supported"),
    ({"Platform": "GCM", "Attributes": {"PlatformPrincipal": "p"}},
     "Invalid parameter: Attributes Reason: PlatformCredential attribute required"),
    ({"Attributes": {"PlatformCredential": "c"}},
     "Invalid parameter: Attributes Reason: PlatformCredential attribute provided without PlatformPrincipal"),
    ({"Attributes": {"Colour": "red"}}, "Invalid parameter: Attributes Reason: Invalid attribute name: Colour"),
    ({"Attributes": {"ApplePlatformTeamID": "x" * 257}},
     "Invalid parameter: Attributes Reason: Invalid value for attribute: ApplePlatformTeamID"),
    ({"Attributes": {"SuccessFeedbackSampleRate": "101"}},
     "Invalid parameter: Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate"),
    ({"Attributes": {"SuccessFeedbackRoleArn": "a role"}},
     "Invalid parameter: Attributes Reason: Invalid value for attribute: SuccessFeedbackRoleArn"),
    ({"Attributes": {"EventEndpointCreated": "a topic"}},
     "Invalid parameter: Attributes Reason: Invalid value for attribute: EventEndpointCreated")])
def test_what_is_no_application_is_refused(aws, given, message):
    assert error_of(aws.sns.create_platform_application,
                    **{"Name": "good", "Platform": "APNS", "Attributes": {"Enabled": "true"}, **given}) == ("InvalidParameter", message)


def test_one_token_is_one_device(aws, application):
    register = {"PlatformApplicationArn": application, "Token": "t1"}
    device = aws.sns.create_platform_endpoint(**register)["EndpointArn"]
    assert device.startswith(application.replace(":app/", ":endpoint/") + "/")
    assert aws.sns.create_platform_endpoint(**register)["EndpointArn"] == device
    assert error_of(aws.sns.create_platform_endpoint, **register, CustomUserData="ann") == (
        "InvalidParameter", f"Invalid parameter: Token Reason: Endpoint {device} already exists with the same Token, "
                            "but different attributes.")
    other = aws.sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t2", CustomUserData="bob",
                                             Attributes={"Enabled": "false"})["EndpointArn"]
    assert aws.sns.get_endpoint_attributes(EndpointArn=other)["Attributes"] == {
        "Enabled": "false", "Token": "t2", "CustomUserData": "bob"}
    assert error_of(aws.sns.set_endpoint_attributes, EndpointArn=other, Attributes={"Token": "t1"})[0] == (
        "InvalidParameter")
    aws.sns.set_endpoint_attributes(EndpointArn=other, Attributes={"Enabled": "true", "Token": "t3"})
    listed = aws.sns.list_endpoints_by_platform_application(PlatformApplicationArn=application)["Endpoints"]
    assert {each["EndpointArn"]: each["Attributes"]["Token"] for each in listed} == {device: "t1", other: "t3"}
    aws.sns.delete_endpoint(EndpointArn=device)
    aws.sns.delete_endpoint(EndpointArn=device)
    assert error_of(aws.sns.get_endpoint_attributes, EndpointArn=device) == ("NotFound", "Endpoint does not exist")
    aws.sns.delete_platform_application(PlatformApplicationArn=application)
    assert error_of(aws.sns.get_endpoint_attributes, EndpointArn=other)[0] == "NotFound"


def test_devices_are_listed_page_by_page(aws, application):
    made = {aws.sns.create_platform_endpoint(PlatformApplicationArn=application, Token=f"t{i}")["EndpointArn"]
            for i in range(101)}
    pages = list(aws.sns.get_paginator("list_endpoints_by_platform_application").paginate(
        PlatformApplicationArn=application))
    assert [len(page["Endpoints"]) for page in pages] == [100, 1]
    assert {each["EndpointArn"] for page in pages for each in page["Endpoints"]} == made


def test_arns_are_read_as_aws_reads_them(aws, application):
    assert error_of(aws.sns.get_endpoint_attributes, EndpointArn="x:1") == (
        "InvalidParameter", "Invalid parameter: EndpointArn Reason: An ARN must have at least 6 elements, not 2")
    assert error_of(aws.sns.get_platform_application_attributes, PlatformApplicationArn=application + "/x") == (
        "InvalidParameter", "Invalid parameter: PlatformApplicationArn Reason: Wrong number of slashes in relative "
                            "portion of the ARN.")
    device = aws.sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t")["EndpointArn"]
    assert error_of(aws.sns.get_endpoint_attributes, EndpointArn=device + "x") == (
        "InvalidParameter", "Invalid parameter: EndpointArn Reason: ARN specifies an invalid endpointId: UUID must be "
                            "encoded in exactly 36 characters.")


def test_a_push_message_is_logged(aws, server, application):
    device = aws.sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t")["EndpointArn"]
    message = aws.sns.publish(TargetArn=device, MessageStructure="json",
                              Message=json.dumps({"APNS": "{}"}))["MessageId"]
    assert "a push message was not sent" in said(server, message)[0]
    aws.sns.set_endpoint_attributes(EndpointArn=device, Attributes={"Enabled": "false"})
    assert error_of(aws.sns.publish, TargetArn=device, Message="m") == ("EndpointDisabled", "Endpoint is disabled")
    aws.sns.delete_endpoint(EndpointArn=device)
    assert error_of(aws.sns.publish, TargetArn=device, Message="m") == (
        "InvalidParameter", "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified")


def test_a_text_message_is_logged_without_the_number(aws, server):
    message = aws.sns.publish(PhoneNumber=NUMBER, Message="secret text")["MessageId"]
    line, = said(server, message)
    assert "+*********67" in line and "555123" not in line and "secret" not in line
    assert error_of(aws.sns.publish, PhoneNumber="NAA+15551234567", Message="m") == (
        "InvalidParameter", "Invalid parameter: PhoneNumber Reason: NAA+15551234567 is not valid to publish to")


def test_people_subscribe_and_are_written_to_in_the_log_alone(aws, server, topic, application):
    device = aws.sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t")["EndpointArn"]
    text = aws.sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+1555-123.4567")["SubscriptionArn"]
    push = aws.sns.subscribe(TopicArn=topic, Protocol="application", Endpoint=device)["SubscriptionArn"]
    assert aws.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.com")[
        "SubscriptionArn"] == "pending confirmation"
    shown = aws.sns.get_subscription_attributes(SubscriptionArn=text)["Attributes"]
    assert (shown["Protocol"], shown["Endpoint"], shown["PendingConfirmation"],
            shown["ConfirmationWasAuthenticated"]) == ("sms", NUMBER, "false", "true")
    assert aws.sns.get_subscription_attributes(SubscriptionArn=push)["Attributes"]["Endpoint"] == device
    listed = aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert {(each["Protocol"], each["SubscriptionArn"]) for each in listed} == {
        ("sms", text), ("application", push), ("email", "PendingConfirmation")}
    # Who runs the server finds in the log what the mail would have said.
    asked = next(each for each in said(server, "a***@example.com") if "confirm" in each)
    token = json.loads(asked)["token"] if asked.startswith("{") else asked.split("token=")[1].split()[0]
    aws.sns.confirm_subscription(TopicArn=topic, Token=token)
    message = aws.sns.publish(TopicArn=topic, Message="m")["MessageId"]
    deadline = time.monotonic() + 10
    while len(lines := said(server, message)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kinds = {"text message", "mail", "push message"}
    assert {kind for kind in kinds for line in lines if f"a {kind} was not sent" in line} == kinds


@pytest.mark.parametrize("protocol,endpoint,message", [
    ("sms", "NAA+15551234567", "Invalid SMS endpoint: NAA+15551234567"),
    ("sms", "+15--551234567", "Invalid SMS endpoint: +15--551234567"),
    ("email", "nobody", "Invalid parameter: Email address"),
    ("email", "\u00e9a@example.com", "Invalid parameter: Email address"),
    ("application", "arn:aws:sns:us-east-1:000000000000:thing",
     "Invalid parameter: Application endpoint arn invalid:arn:aws:sns:us-east-1:000000000000:thing"),
    ("pigeon", "home", "Invalid parameter: Amazon SNS does not support this protocol string: pigeon")])
def test_what_is_no_endpoint_of_its_protocol_is_refused(aws, topic, protocol, endpoint, message):
    assert error_of(aws.sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint) == (
        "InvalidParameter", message)


def test_nothing_is_bare_for_people(aws, topic):
    refused = "Delivery protocol [sms] does not support raw message delivery."
    bare = {"TopicArn": topic, "Protocol": "sms", "Endpoint": NUMBER, "Attributes": {"RawMessageDelivery": "true"}}
    assert error_of(aws.sns.subscribe, **bare) == ("InvalidParameter", f"Invalid parameter: Attributes Reason: {refused}")
    made = aws.sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=NUMBER)["SubscriptionArn"]
    change = {"SubscriptionArn": made, "AttributeName": "RawMessageDelivery"}
    aws.sns.set_subscription_attributes(**change, AttributeValue="false")
    assert error_of(aws.sns.set_subscription_attributes, **change, AttributeValue="true") == (
        "InvalidParameter", f"Invalid parameter: {refused}")


def test_how_texts_are_sent_is_kept(aws):
    assert aws.sns.get_sms_attributes()["attributes"]["MonthlySpendLimit"]
    aws.sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional", "DefaultSenderID": "house"})
    assert aws.sns.get_sms_attributes(attributes=["DefaultSMSType"])["attributes"] == {
        "DefaultSMSType": "Transactional"}
    assert error_of(aws.sns.set_sms_attributes, attributes={"test": "test"}) == (
        "InvalidParameter", "test is not a valid attribute")
    for name, value in (("DefaultSenderID", "x" * 12), ("DefaultSenderID", "123"), ("UsageReportS3Bucket", "b" * 64)):
        assert error_of(aws.sns.set_sms_attributes, attributes={name: value}) == (
            "InvalidParameter", f"{name} is invalid")
    aws.sns.set_sms_attributes(attributes={"DefaultSenderID": ""})
    assert aws.sns.get_sms_attributes(attributes=["DefaultSenderID"])["attributes"] == {}
    assert aws.sns.check_if_phone_number_is_opted_out(phoneNumber=NUMBER)["isOptedOut"] is False
    assert error_of(aws.sns.check_if_phone_number_is_opted_out, phoneNumber="+44742LALALA") == (
        "InvalidParameter", "Invalid parameter: PhoneNumber Reason: input incorrectly formatted")
    assert aws.sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    aws.sns.opt_in_phone_number(phoneNumber=NUMBER)
    assert aws.sns.get_sms_sandbox_account_status()["IsInSandbox"] is False


def test_a_message_says_how_it_is_to_be_sent(aws, topic):
    """By attributes whose names are reserved, which AWS's examples of texts all have."""
    how = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"},
           "AWS.SNS.SMS.MaxPrice": {"DataType": "Number", "StringValue": "0.50"},
           "AWS.SNS.MOBILE.APNS.TTL": {"DataType": "String", "StringValue": "60"}}
    assert aws.sns.publish(PhoneNumber=NUMBER, Message="m", MessageAttributes=how)["MessageId"]
    assert aws.sns.publish(TopicArn=topic, Message="m", MessageAttributes=how)["MessageId"]
    assert error_of(aws.sns.publish, TopicArn=topic, Message="m", MessageAttributes={
        "AWS.Other": {"DataType": "String", "StringValue": "v"}})[0] == "ParameterValueInvalid"


def test_what_xml_cannot_say_makes_no_list_unreadable(aws, application):
    device = aws.sns.create_platform_endpoint(PlatformApplicationArn=application, Token="t\uffff",
                                              CustomUserData="a\ufffeb")["EndpointArn"]
    listed, = aws.sns.list_endpoints_by_platform_application(PlatformApplicationArn=application)["Endpoints"]
    assert listed == {"EndpointArn": device, "Attributes": {"Enabled": "true", "Token": "t", "CustomUserData": "ab"}}
