import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;

/**
 * Does with the AWS SDK for Java what its users do with S3 and SQS, and compares each byte.
 *
 * <p>usage: Jobs NAME BUCKET_WITH_A_THOUSAND (AWS_ENDPOINT_URL and keys in the environment)
 */
public final class Jobs {
  private static final int PART_BYTES = 5 * 1024 * 1024;

  private final String name;
  private final S3Client s3 = S3Client.builder().forcePathStyle(true).build();
  private final SqsClient sqs = SqsClient.create();

  private Jobs(String name) {
    this.name = name;
  }

  public static void main(String[] arguments) throws Exception {
    Jobs jobs = new Jobs(arguments[0]);
    jobs.s3.createBucket(bucket -> bucket.bucket(jobs.name));
    jobs.objects();
    jobs.parts();
    jobs.copiesAndDeletes();
    jobs.urls();
    jobs.pages(arguments[1]);
    jobs.messages();
    jobs.fifo();
    System.out.println("\"done\"");
  }

  private void put(String key, byte[] data) {
    s3.putObject(object -> object.bucket(name).key(key), RequestBody.fromBytes(data));
  }

  private byte[] get(String key, String range) {
    ResponseBytes<GetObjectResponse> answer =
        s3.getObjectAsBytes(object -> object.bucket(name).key(key).range(range));
    return answer.asByteArray();
  }

  private void objects() {
    for (String key : List.of("empty", "after", "größe/a+b&c d.txt")) {
      byte[] data = key.equals("empty") ? new byte[0] : key.getBytes();
      put(key, data);
      Wanted.holds(Arrays.equals(get(key, null), data), key);
    }
    String checksum =
        s3.headObject(
                object ->
                    object.bucket(name).key("after").checksumMode(ChecksumMode.ENABLED))
            .checksumCRC32();
    Wanted.holds(checksum != null, "the SDK sends a checksum of its own accord");
  }

  // No byte stands where another part has the same.
  private static byte[] large() {
    ByteBuffer data = ByteBuffer.allocate(2 * PART_BYTES + 12344);
    for (long number = 0; data.remaining() >= Long.BYTES; ++number) {
      data.putLong(number);
    }
    return data.array();
  }

  private void parts() {
    byte[] data = large();
    try (S3AsyncClient parallel =
        S3AsyncClient.builder()
            .forcePathStyle(true)
            .multipartEnabled(true)
            .multipartConfiguration(
                parts -> parts.minimumPartSizeInBytes((long) PART_BYTES).thresholdInBytes((long) PART_BYTES))
            .build()) {
      parallel
          .putObject(
              object -> object.bucket(name).key("large"), AsyncRequestBody.fromBytes(data))
          .join();
    }
    String etag = s3.headObject(object -> object.bucket(name).key("large")).eTag();
    Wanted.holds(etag.endsWith("-3\""), "sent in three parts: " + etag);
    Wanted.holds(Arrays.equals(get("large", null), data), "large");
    String range = "bytes=%d-%d".formatted(PART_BYTES - 5, PART_BYTES + 4);
    Wanted.holds(
        Arrays.equals(
            get("large", range), Arrays.copyOfRange(data, PART_BYTES - 5, PART_BYTES + 5)),
        range);
  }

  private void copiesAndDeletes() {
    s3.copyObject(
        copy ->
            copy.sourceBucket(name)
                .sourceKey("größe/a+b&c d.txt")
                .destinationBucket(name)
                .destinationKey("copy"));
    Wanted.holds(Arrays.equals(get("copy", null), "größe/a+b&c d.txt".getBytes()), "copy");
    int deleted =
        s3.deleteObjects(
                request ->
                    request
                        .bucket(name)
                        .delete(
                            keys ->
                                keys.objects(
                                    ObjectIdentifier.builder().key("copy").build(),
                                    ObjectIdentifier.builder().key("größe/a+b&c d.txt").build())))
            .deleted()
            .size();
    Wanted.holds(deleted == 2, "two deleted");
  }

  private void urls() throws Exception {
    HttpClient http = HttpClient.newHttpClient();
    try (S3Presigner presigner =
        S3Presigner.builder()
            .serviceConfiguration(
                S3Configuration.builder().pathStyleAccessEnabled(true).build())
            .endpointOverride(URI.create(System.getenv("AWS_ENDPOINT_URL")))
            .build()) {
      URI put =
          presigner
              .presignPutObject(
                  url ->
                      url.signatureDuration(Duration.ofMinutes(5))
                          .putObjectRequest(object -> object.bucket(name).key("by url")))
              .url()
              .toURI();
      int status =
          http.send(
                  HttpRequest.newBuilder(put)
                      .PUT(HttpRequest.BodyPublishers.ofString("by url"))
                      .build(),
                  HttpResponse.BodyHandlers.discarding())
              .statusCode();
      Wanted.holds(status == 200, "PUT by url: " + status);
      URI get =
          presigner
              .presignGetObject(
                  url ->
                      url.signatureDuration(Duration.ofMinutes(5))
                          .getObjectRequest(object -> object.bucket(name).key("by url")))
              .url()
              .toURI();
      String body =
          http.send(HttpRequest.newBuilder(get).build(), HttpResponse.BodyHandlers.ofString())
              .body();
      Wanted.holds(body.equals("by url"), "GET by url: " + body);
    }
  }

  private void pages(String bucket) {
    List<String> keys =
        s3.listObjectsV2Paginator(list -> list.bucket(bucket)).contents().stream()
            .map(object -> object.key())
            .toList();
    List<String> all = IntStream.range(0, 1005).mapToObj("key-%04d"::formatted).toList();
    Wanted.holds(keys.equals(all), "a thousand keys");
  }

  private List<Message> receive(String queue) {
    return sqs.receiveMessage(
            ask ->
                ask.queueUrl(queue)
                    .maxNumberOfMessages(10)
                    .waitTimeSeconds(5)
                    .messageAttributeNames("All"))
        .messages();
  }

  // The SDK itself compares the MD5 of bodies and attributes.
  private void messages() {
    String queue = sqs.createQueue(made -> made.queueName(name)).queueUrl();
    List<SendMessageBatchRequestEntry> entries =
        List.of("0", "1", "2").stream()
            .map(
                id ->
                    SendMessageBatchRequestEntry.builder()
                        .id(id)
                        .messageBody("body ü " + id)
                        .messageAttributes(
                            Map.of(
                                "id",
                                MessageAttributeValue.builder()
                                    .dataType("Number")
                                    .stringValue(id)
                                    .build()))
                        .build())
            .toList();
    Wanted.holds(
        sqs.sendMessageBatch(batch -> batch.queueUrl(queue).entries(entries)).successful().size()
            == 3,
        "three sent");
    List<DeleteMessageBatchRequestEntry> gone = new ArrayList<>();
    while (gone.size() < 3) {
      for (Message message : receive(queue)) {
        String id = message.messageAttributes().get("id").stringValue();
        Wanted.holds(message.body().equals("body ü " + id), message.body());
        gone.add(
            DeleteMessageBatchRequestEntry.builder()
                .id(id)
                .receiptHandle(message.receiptHandle())
                .build());
      }
    }
    Wanted.holds(
        sqs.deleteMessageBatch(batch -> batch.queueUrl(queue).entries(gone)).successful().size()
            == 3,
        "three deleted");
  }

  private void fifo() {
    String queue =
        sqs.createQueue(
                made ->
                    made.queueName(name + ".fifo")
                        .attributes(
                            Map.of(
                                QueueAttributeName.FIFO_QUEUE,
                                "true",
                                QueueAttributeName.CONTENT_BASED_DEDUPLICATION,
                                "true")))
            .queueUrl();
    for (String body : List.of("1", "1", "2")) {
      sqs.sendMessage(sent -> sent.queueUrl(queue).messageBody(body).messageGroupId("g"));
    }
    List<String> taken = receive(queue).stream().map(Message::body).toList();
    Wanted.holds(taken.equals(List.of("1", "2")), "in order, once: " + taken);
  }
}
