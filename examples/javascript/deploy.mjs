// Deploys a model and asks it, with the AWS SDK for JavaScript v3.
//
// usage: node deploy.mjs [model.tar.gz record.csv]      (after `npm ci` in this folder)
import { readFile } from "node:fs/promises";

import {
  CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand, CreateEndpointConfigCommand, CreateModelCommand, DeleteEndpointCommand,
  DeleteEndpointConfigCommand, DeleteModelCommand, SageMakerClient, waitUntilEndpointDeleted,
  waitUntilEndpointInService,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";

const IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/slipway-inference:latest";
const ROLE = "arn:aws:iam::000000000000:role/example";

const [modelPath = "model.tar.gz", recordPath = "record.csv"] = process.argv.slice(2);
const name = `js-example-${Date.now()}`;
const s3 = new S3Client({});
const sagemaker = new SageMakerClient({});
const runtime = new SageMakerRuntimeClient({});

// 1. The model goes into a bucket.
await s3.send(new CreateBucketCommand({ Bucket: name }));
await s3.send(
  new PutObjectCommand({ Bucket: name, Key: "model.tar.gz", Body: await readFile(modelPath) }),
);

// 2. What to run, on how much of what, and under which name.
await sagemaker.send(
  new CreateModelCommand({
    ModelName: name,
    ExecutionRoleArn: ROLE,
    PrimaryContainer: { Image: IMAGE, ModelDataUrl: `s3://${name}/model.tar.gz` },
  }),
);
await sagemaker.send(
  new CreateEndpointConfigCommand({
    EndpointConfigName: name,
    ProductionVariants: [
      { VariantName: "all", ModelName: name, InstanceType: "ml.m5.large", InitialInstanceCount: 1 },
    ],
  }),
);
await sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));

// 3. Until it serves. The server answers as soon as it does.
const patience = { client: sagemaker, maxWaitTime: 300 };
await waitUntilEndpointInService(patience, { EndpointName: name });

// 4. Ask.
const answer = await runtime.send(
  new InvokeEndpointCommand({
    EndpointName: name,
    ContentType: "text/csv",
    Accept: "application/json",
    Body: await readFile(recordPath),
  }),
);
console.log(new TextDecoder().decode(answer.Body));

// 5. Leave nothing behind.
await sagemaker.send(new DeleteEndpointCommand({ EndpointName: name }));
await waitUntilEndpointDeleted(patience, { EndpointName: name });
await sagemaker.send(new DeleteEndpointConfigCommand({ EndpointConfigName: name }));
await sagemaker.send(new DeleteModelCommand({ ModelName: name }));
await s3.send(new DeleteObjectCommand({ Bucket: name, Key: "model.tar.gz" }));
await s3.send(new DeleteBucketCommand({ Bucket: name }));
