"""A topic that copies what happened into a queue, filtered: the way to hear of finished jobs.

    eval "$(slipway env)"; python examples/boto3/notifications.py
"""
import json

import boto3

sns, sqs = boto3.client("sns"), boto3.client("sqs")

topic = sns.create_topic(Name="jobs")["TopicArn"]
queue = sqs.create_queue(QueueName="failed-jobs")["QueueUrl"]
queue_arn = sqs.get_queue_attributes(
    QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({
    "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage", "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]})})
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={
    "RawMessageDelivery": "true",
    "FilterPolicyScope": "MessageBody",
    "FilterPolicy": json.dumps({"state": ["Failed"]})})

for number, state in enumerate(["Completed", "Failed", "Completed"]):
    sns.publish(TopicArn=topic, Message=json.dumps({"job": number, "state": state}))

for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]:
    print("heard of", message["Body"])
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
