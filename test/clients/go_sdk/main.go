// Does with the AWS SDK for Go v2 what its users do with S3 and SQS, and compares each byte.
//
// usage: go run . NAME BUCKET_WITH_A_THOUSAND      (AWS_ENDPOINT_URL and keys in the environment)
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const partBytes = 5 * 1024 * 1024

var (
	ctx    = context.Background()
	name   = os.Args[1]
	client *s3.Client
	queues *sqs.Client
)

func main() {
	settings, err := config.LoadDefaultConfig(ctx)
	must(err)
	client = s3.NewFromConfig(settings, func(options *s3.Options) { options.UsePathStyle = true })
	queues = sqs.NewFromConfig(settings)
	_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	must(err)
	objects()
	parts()
	copiesAndDeletes()
	urls()
	pages(os.Args[2])
	messages()
	fifo()
	fmt.Println(`"done"`)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func want(holds bool, what string) {
	if !holds {
		panic("not so: " + what)
	}
}

func put(key string, data []byte) {
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: &key, Body: bytes.NewReader(data)})
	must(err)
}

func get(key string, span *string) []byte {
	answer, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &name, Key: &key, Range: span})
	must(err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	must(err)
	return data
}

func objects() {
	for key, data := range map[string]string{"empty": "", "after": "after", "größe/a+b&c d.txt": "odd"} {
		put(key, []byte(data))
		want(string(get(key, nil)) == data, key)
	}
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &name, Key: aws.String("after"), ChecksumMode: types.ChecksumModeEnabled})
	must(err)
	want(head.ChecksumCRC32 != nil, "the SDK sends a checksum of its own accord")
}

// No byte stands where another part has the same.
func large() []byte {
	data := make([]byte, 0, 2*partBytes+12344)
	for number := 0; len(data) < 2*partBytes+12344; number++ {
		data = fmt.Appendf(data, "%08x", number)
	}
	return data
}

func parts() {
	data := large()
	uploader := manager.NewUploader(client, func(u *manager.Uploader) { u.PartSize = partBytes })
	_, err := uploader.Upload(ctx, &s3.PutObjectInput{
		Bucket: &name, Key: aws.String("large"), Body: bytes.NewReader(data)})
	must(err)
	into := manager.NewWriteAtBuffer(nil)
	downloader := manager.NewDownloader(client, func(d *manager.Downloader) { d.PartSize = partBytes })
	_, err = downloader.Download(ctx, into, &s3.GetObjectInput{Bucket: &name, Key: aws.String("large")})
	must(err)
	want(bytes.Equal(into.Bytes(), data), "large")
	span := fmt.Sprintf("bytes=%d-%d", partBytes-5, partBytes+4)
	want(bytes.Equal(get("large", &span), data[partBytes-5:partBytes+5]), span)
}

func copiesAndDeletes() {
	_, err := client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &name, Key: aws.String("copy"), CopySource: aws.String(name + "/large")})
	must(err)
	want(bytes.Equal(get("copy", nil), large()), "copy")
	answer, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &name, Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("copy")}, {Key: aws.String("größe/a+b&c d.txt")}}}})
	must(err)
	want(len(answer.Deleted) == 2 && len(answer.Errors) == 0, "deleted")
}

func urls() {
	presigner := s3.NewPresignClient(client)
	up, err := presigner.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &name, Key: aws.String("by url")})
	must(err)
	request, err := http.NewRequest(up.Method, up.URL, bytes.NewReader([]byte("by url")))
	must(err)
	answer, err := http.DefaultClient.Do(request)
	must(err)
	want(answer.StatusCode == 200, "PUT by url: "+answer.Status)
	down, err := presigner.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &name, Key: aws.String("by url")})
	must(err)
	answer, err = http.Get(down.URL)
	must(err)
	data, err := io.ReadAll(answer.Body)
	must(err)
	want(string(data) == "by url", "GET by url")
}

func pages(bucket string) {
	found := map[string]bool{}
	lists := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket})
	for lists.HasMorePages() {
		page, err := lists.NextPage(ctx)
		must(err)
		for _, object := range page.Contents {
			found[*object.Key] = true
		}
	}
	want(len(found) == 1005 && found["key-0000"] && found["key-1004"], "a thousand keys")
}

func queue(name string, attributes map[string]string) *string {
	made, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	must(err)
	return made.QueueUrl
}

func receive(url *string) []sqstypes.Message {
	answer, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 5, MessageAttributeNames: []string{"All"}})
	must(err)
	return answer.Messages
}

// The SDK itself compares the MD5 of bodies and attributes.
func messages() {
	url := queue(name, nil)
	var entries []sqstypes.SendMessageBatchRequestEntry
	for _, id := range []string{"0", "1", "2"} {
		entries = append(entries, sqstypes.SendMessageBatchRequestEntry{
			Id: aws.String(id), MessageBody: aws.String("body ü " + id),
			MessageAttributes: map[string]sqstypes.MessageAttributeValue{
				"id": {DataType: aws.String("Number"), StringValue: aws.String(id)}}})
	}
	sent, err := queues.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: entries})
	must(err)
	want(len(sent.Successful) == 3, "three sent")
	var gone []sqstypes.DeleteMessageBatchRequestEntry
	for len(gone) < 3 {
		for _, message := range receive(url) {
			id := message.MessageAttributes["id"].StringValue
			want(*message.Body == "body ü "+*id, *message.Body)
			gone = append(gone, sqstypes.DeleteMessageBatchRequestEntry{Id: id, ReceiptHandle: message.ReceiptHandle})
		}
	}
	deleted, err := queues.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: gone})
	must(err)
	want(len(deleted.Successful) == 3, "three deleted")
}

func fifo() {
	url := queue(name+".fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	for _, body := range []string{"1", "1", "2"} {
		_, err := queues.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: url, MessageBody: aws.String(body), MessageGroupId: aws.String("g")})
		must(err)
	}
	taken := receive(url)
	want(len(taken) == 2 && *taken[0].Body == "1" && *taken[1].Body == "2", "in order, once")
	_, err := queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{
		QueueUrl: url, ReceiptHandle: taken[0].ReceiptHandle})
	must(err)
}
