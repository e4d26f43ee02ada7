// Does with the AWS SDK for JavaScript v3 what its users do with S3, SQS and SNS. The last line is JSON.
//
// usage: node storage_and_messages.mjs NAME
import assert from "node:assert/strict";

import {
  CopyObjectCommand, CreateBucketCommand, DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand,
  paginateListObjectsV2, PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand, DeleteMessageBatchCommand, GetQueueAttributesCommand, ReceiveMessageCommand,
  SendMessageBatchCommand, SendMessageCommand, SQSClient,
} from "@aws-sdk/client-sqs";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const name = process.argv[2];
const PART = 5 * 1024 * 1024;
const LARGE = Buffer.alloc(2 * PART + 12345, "no part is like another: 37 letters");
const s3 = new S3Client({ forcePathStyle: true });
const sqs = new SQSClient({});
const sns = new SNSClient({});
const Bucket = name;

async function read(Key, more = {}) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from(await answer.Body.transformToByteArray());
}

async function objects() {
  await s3.send(new CreateBucketCommand({ Bucket }));
  for (const [Key, Body] of [["empty", ""], ["after", "after"], ["größe/a+b&c.txt", "odd"]]) {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body }));
    assert.equal((await read(Key)).toString(), Body);
  }
  const upload = new Upload({ client: s3, params: { Bucket, Key: "large", Body: LARGE }, partSize: PART });
  await upload.done();
  assert.ok((await read("large")).equals(LARGE));
  const Range = `bytes=${PART - 5}-${PART + 4}`;
  assert.ok((await read("large", { Range })).equals(LARGE.subarray(PART - 5, PART + 5)));
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "after", ChecksumMode: "ENABLED" }));
  assert.ok(head.ChecksumCRC32, "the SDK sends a checksum of its own accord");
}

async function lists() {
  // The whole source encoded, as the SDK's users write it; and by its parts.
  for (const [Key, CopySource] of [["copy-1", encodeURIComponent(`${Bucket}/größe/a+b&c.txt`)],
    ["copy-2", `${Bucket}/after`]]) {
    await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource }));
  }
  assert.equal((await read("copy-1")).toString(), "odd");
  const keys = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) {
    keys.push(...page.Contents.map((found) => found.Key));
  }
  assert.deepEqual(keys, ["after", "copy-1", "copy-2", "empty", "größe/a+b&c.txt", "large"]);
  const Objects = [{ Key: "copy-1" }, { Key: "größe/a+b&c.txt" }];
  const answer = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.equal(answer.Deleted.length, 2);
}

async function urls() {
  // What the presigner puts into the query stands for headers that the browser does not send.
  const put = await getSignedUrl(s3, new PutObjectCommand({
    Bucket, Key: "by url", Metadata: { who: "ann" }, IfNoneMatch: "*",
  }));
  const send = async (body) =>
    (await fetch(put, { method: "PUT", body, headers: { "If-None-Match": "*" } })).status;
  assert.equal(await send("by url"), 200);
  assert.equal(await send("again"), 412);
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "by url" }));
  assert.equal(await (await fetch(get)).text(), "by url");
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "by url" }));
  assert.equal(head.Metadata.who, "ann");
}

async function forms() {
  const { url, fields } = await createPresignedPost(s3, {
    Bucket, Key: "from/${filename}", Conditions: [["content-length-range", 1, 20]],
  });
  const post = async (text) => {
    const form = new FormData();
    Object.entries(fields).forEach(([field, value]) => form.append(field, value));
    form.append("file", new Blob([text]), "form.txt");
    return (await fetch(url, { method: "POST", body: form })).status;
  };
  assert.equal(await post("by form"), 204);
  assert.equal((await read("from/form.txt")).toString(), "by form");
  assert.equal(await post("more than twenty bytes of it"), 400);
}

async function receive(QueueUrl, more = {}) {
  const answer = await sqs.send(new ReceiveMessageCommand({
    QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10, ...more,
  }));
  return answer.Messages ?? [];
}

async function queues() {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  const Entries = [0, 1, 2].map((number) => ({
    Id: `${number}`, MessageBody: `body ${number} ü`,
    MessageAttributes: { number: { DataType: "Number", StringValue: `${number}` } },
  }));
  assert.equal((await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))).Successful.length, 3);
  const taken = [];
  while (taken.length < 3) taken.push(...await receive(QueueUrl, { MessageAttributeNames: ["All"] }));
  for (const message of taken) {
    assert.equal(message.Body, `body ${message.MessageAttributes.number.StringValue} ü`);
  }
  const gone = taken.map((message, number) => ({ Id: `${number}`, ReceiptHandle: message.ReceiptHandle }));
  await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: gone }));

  const Attributes = { FifoQueue: "true", ContentBasedDeduplication: "true" };
  const fifo = await sqs.send(new CreateQueueCommand({ QueueName: `${name}.fifo`, Attributes }));
  for (const MessageBody of ["1", "1", "2"]) {
    await sqs.send(new SendMessageCommand({ QueueUrl: fifo.QueueUrl, MessageBody, MessageGroupId: "g" }));
  }
  assert.deepEqual((await receive(fifo.QueueUrl)).map((message) => message.Body), ["1", "2"]);
  return QueueUrl;
}

async function topics(QueueUrl) {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: name }));
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: Attributes.QueueArn }));
  const { MessageId } = await sns.send(new PublishCommand({ TopicArn, Message: "news" }));
  const [message] = await receive(QueueUrl);
  assert.deepEqual([JSON.parse(message.Body).MessageId, JSON.parse(message.Body).Message], [MessageId, "news"]);
}

await objects();
await lists();
await forms();
await urls();
await topics(await queues());
console.log(JSON.stringify("done"));
