import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.async.BlockingInputStreamAsyncRequestBody;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.*;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.transfer.s3.S3TransferManager;

/**
 * What guards objects, as the AWS SDK for Java asks for it: checksums of each kind, lists of who
 * may, locks, requests signed ahead; and who is told of them.
 *
 * <p>usage: Guards NAME (AWS_ENDPOINT_URL and keys in the environment)
 */
public final class Guards {
  private static final int PART_BYTES = 5 * 1024 * 1024;
  private static final String EVERYBODY = "http://acs.amazonaws.com/groups/global/AllUsers";
  private static final String ENDPOINT = System.getenv("AWS_ENDPOINT_URL");

  private final String name;
  private final S3Client s3 = S3Client.builder().forcePathStyle(true).build();
  private final SqsClient sqs = SqsClient.create();
  private final HttpClient http = HttpClient.newHttpClient();

  private Guards(String name) {
    this.name = name;
  }

  public static void main(String[] arguments) throws Exception {
    Guards guards = new Guards(arguments[0]);
    guards.s3.createBucket(bucket -> bucket.bucket(guards.name));
    for (ChecksumAlgorithm algorithm : ChecksumAlgorithm.knownValues()) {
      guards.checksum(algorithm);
      guards.parts(algorithm);
    }
    guards.transfers();
    guards.transfersOfTheRuntime();
    guards.lists();
    guards.locks();
    guards.holds();
    guards.urls();
    guards.partsByUrl();
    guards.notices();
    System.out.println("\"done\"");
  }

  private static byte[] numbers(int bytes) {
    ByteBuffer data = ByteBuffer.allocate(bytes);
    for (long number = 0; data.remaining() >= Long.BYTES; ++number) {
      data.putLong(number);
    }
    return data.array();
  }

  private static String sum(ChecksumAlgorithm algorithm, HeadObjectResponse of) {
    return switch (algorithm) {
      case CRC32 -> of.checksumCRC32();
      case CRC32_C -> of.checksumCRC32C();
      case CRC64_NVME -> of.checksumCRC64NVME();
      case SHA1 -> of.checksumSHA1();
      case SHA256 -> of.checksumSHA256();
      case UNKNOWN_TO_SDK_VERSION -> throw new IllegalArgumentException();
    };
  }

  private HeadObjectResponse head(String key) {
    return s3.headObject(
        object -> object.bucket(name).key(key).checksumMode(ChecksumMode.ENABLED));
  }

  // The SDK compares what it reads with the checksum that is told.
  private byte[] get(String key) {
    return s3.getObjectAsBytes(
            object -> object.bucket(name).key(key).checksumMode(ChecksumMode.ENABLED))
        .asByteArray();
  }

  private void checksum(ChecksumAlgorithm algorithm) throws Exception {
    byte[] data = "größe".getBytes();
    String key = "one " + algorithm;
    s3.putObject(
        object -> object.bucket(name).key(key).checksumAlgorithm(algorithm),
        RequestBody.fromBytes(data));
    Wanted.holds(sum(algorithm, head(key)) != null, "a checksum by " + algorithm);
    Wanted.same(head(key).checksumType(), ChecksumType.FULL_OBJECT, "its type");
    Wanted.holds(Arrays.equals(get(key), data), key);
    s3.copyObject(
        copy ->
            copy.sourceBucket(name)
                .sourceKey(key)
                .destinationBucket(name)
                .destinationKey("copy")
                .checksumAlgorithm(algorithm));
    Wanted.same(sum(algorithm, head("copy")), sum(algorithm, head(key)), "the copy's checksum");
    s3.deleteObjects(
        request ->
            request
                .bucket(name)
                .checksumAlgorithm(algorithm)
                .delete(keys -> keys.objects(ObjectIdentifier.builder().key("copy").build())));
    Wanted.refused(
        "BadDigest",
        () ->
            s3.putObject(
                object -> object.bucket(name).key(key).checksumCRC32("AAAAAA=="),
                RequestBody.fromBytes(data)));
  }

  private static boolean fits(ChecksumAlgorithm algorithm, ChecksumType type) {
    return switch (algorithm) {
      case CRC64_NVME -> type == ChecksumType.FULL_OBJECT;
      case SHA1, SHA256 -> type == ChecksumType.COMPOSITE;
      default -> true;
    };
  }

  private void parts(ChecksumAlgorithm algorithm) throws Exception {
    for (ChecksumType type : ChecksumType.knownValues()) {
      CreateMultipartUploadRequest wanted =
          CreateMultipartUploadRequest.builder()
              .bucket(name)
              .key("parts")
              .checksumAlgorithm(algorithm)
              .checksumType(type)
              .build();
      if (fits(algorithm, type)) {
        parts(algorithm, type, s3.createMultipartUpload(wanted).uploadId());
      } else {
        Wanted.refused("InvalidRequest", () -> s3.createMultipartUpload(wanted));
      }
    }
  }

  private void parts(ChecksumAlgorithm algorithm, ChecksumType type, String upload) {
    List<CompletedPart> parts = new ArrayList<>();
    for (int bytes : List.of(PART_BYTES, 1000)) {
      int number = parts.size() + 1;
      UploadPartResponse part =
          s3.uploadPart(
              to ->
                  to.bucket(name)
                      .key("parts")
                      .uploadId(upload)
                      .partNumber(number)
                      .checksumAlgorithm(algorithm),
              RequestBody.fromBytes(numbers(bytes)));
      parts.add(
          CompletedPart.builder()
              .partNumber(number)
              .eTag(part.eTag())
              .checksumCRC32(part.checksumCRC32())
              .checksumCRC32C(part.checksumCRC32C())
              .checksumCRC64NVME(part.checksumCRC64NVME())
              .checksumSHA1(part.checksumSHA1())
              .checksumSHA256(part.checksumSHA256())
              .build());
    }
    s3.completeMultipartUpload(
        to ->
            to.bucket(name)
                .key("parts")
                .uploadId(upload)
                .checksumType(type)
                .multipartUpload(all -> all.parts(parts)));
    Wanted.same(head("parts").checksumType(), type, "the type of what was put together");
    boolean composite = sum(algorithm, head("parts")).endsWith("-2");
    Wanted.same(composite, type == ChecksumType.COMPOSITE, "a checksum of two");
    Wanted.same(get("parts").length, PART_BYTES + 1000, "the bytes of both parts");
  }

  private S3AsyncClient parallel() {
    return S3AsyncClient.builder()
        .forcePathStyle(true)
        .multipartEnabled(true)
        .multipartConfiguration(
            parts ->
                parts
                    .minimumPartSizeInBytes((long) PART_BYTES)
                    .thresholdInBytes((long) PART_BYTES))
        .build();
  }

  private void transfers() throws Exception {
    Path from = Files.createTempDirectory("from");
    Path to = Files.createTempDirectory("to");
    byte[] large = numbers(2 * PART_BYTES + 800);
    Files.write(from.resolve("large"), large);
    Files.createDirectory(from.resolve("folder"));
    Files.writeString(from.resolve("folder/größe b.txt"), "small");
    try (S3AsyncClient parallel = parallel();
        S3TransferManager manager = S3TransferManager.builder().s3Client(parallel).build()) {
      Wanted.same(
          manager
              .uploadDirectory(all -> all.source(from).bucket(name).s3Prefix("folder"))
              .completionFuture()
              .join()
              .failedTransfers(),
          List.of(),
          "what was not sent");
      manager
          .copy(
              of ->
                  of.copyObjectRequest(
                      copy ->
                          copy.sourceBucket(name)
                              .sourceKey("folder/large")
                              .destinationBucket(name)
                              .destinationKey("folder/copy")))
          .completionFuture()
          .join();
      manager
          .downloadDirectory(
              all ->
                  all.bucket(name)
                      .destination(to)
                      .listObjectsV2RequestTransformer(list -> list.prefix("folder/")))
          .completionFuture()
          .join();
      Wanted.holds(Arrays.equals(Files.readAllBytes(to.resolve("copy")), large), "the copy");
      Wanted.same(Files.readString(to.resolve("folder/größe b.txt")), "small", "a small file");
      unknownLength(parallel, large);
    }
  }

  private void unknownLength(S3AsyncClient parallel, byte[] data) {
    BlockingInputStreamAsyncRequestBody body = AsyncRequestBody.forBlockingInputStream(null);
    var sent = parallel.putObject(object -> object.bucket(name).key("stream"), body);
    body.writeInputStream(new java.io.ByteArrayInputStream(data));
    sent.join();
    byte[] read =
        parallel
            .getObject(
                object -> object.bucket(name).key("stream"), AsyncResponseTransformer.toBytes())
            .join()
            .asByteArray();
    Wanted.holds(Arrays.equals(read, data), "a stream whose end nobody knew");
  }

  // The client that stands on AWS's common runtime, and cuts what it reads and writes itself.
  private void transfersOfTheRuntime() {
    byte[] data = numbers(2 * PART_BYTES + 800);
    try (S3AsyncClient runtime =
        S3AsyncClient.crtBuilder()
            .endpointOverride(URI.create(ENDPOINT))
            .forcePathStyle(true)
            .minimumPartSizeInBytes((long) PART_BYTES)
            .build()) {
      runtime
          .putObject(
              object ->
                  object
                      .bucket(name)
                      .key("by the runtime")
                      .checksumAlgorithm(ChecksumAlgorithm.CRC64_NVME),
              AsyncRequestBody.fromBytes(data))
          .join();
      byte[] read =
          runtime
              .getObject(
                  object -> object.bucket(name).key("by the runtime"),
                  AsyncResponseTransformer.toBytes())
              .join()
              .asByteArray();
      Wanted.holds(Arrays.equals(read, data), "what the runtime cut and put together");
    }
  }

  private void lists() throws Exception {
    s3.putObject(object -> object.bucket(name).key("own"), RequestBody.fromString("own"));
    Grant own = s3.getObjectAcl(list -> list.bucket(name).key("own")).grants().get(0);
    Wanted.same(own.permission(), Permission.FULL_CONTROL, "the owner's permission");
    Wanted.refused(
        "AccessControlListNotSupported",
        () ->
            s3.putObjectAcl(
                list -> list.bucket(name).key("own").acl(ObjectCannedACL.PUBLIC_READ)));
    String open = name + "-open";
    s3.createBucket(
        bucket -> bucket.bucket(open).objectOwnership(ObjectOwnership.BUCKET_OWNER_PREFERRED));
    s3.deletePublicAccessBlock(block -> block.bucket(open));
    s3.putObject(
        object -> object.bucket(open).key("k").acl(ObjectCannedACL.PUBLIC_READ),
        RequestBody.fromString("for all"));
    URI address = URI.create(ENDPOINT + "/" + open + "/k");
    Wanted.same(send(address, "GET", Map.of(), null).body(), "for all", "what everybody reads");
    Grant toAll =
        Grant.builder()
            .permission(Permission.READ)
            .grantee(group -> group.uri(EVERYBODY).type(Type.GROUP))
            .build();
    Owner owner = s3.getBucketAcl(list -> list.bucket(open)).owner();
    s3.putBucketAcl(
        list ->
            list.bucket(open).accessControlPolicy(policy -> policy.owner(owner).grants(toAll)));
    Wanted.same(
        s3.getBucketAcl(list -> list.bucket(open)).grants(), List.of(toAll), "the bucket's list");
  }

  private PutObjectRetentionRequest retention(String bucket, int days, Boolean passing) {
    return PutObjectRetentionRequest.builder()
        .bucket(bucket)
        .key("k")
        .bypassGovernanceRetention(passing)
        .retention(
            wanted ->
                wanted
                    .mode(ObjectLockRetentionMode.GOVERNANCE)
                    .retainUntilDate(Instant.now().plus(Duration.ofDays(days))))
        .build();
  }

  private void locks() throws Exception {
    String bucket = name + "-locks";
    s3.createBucket(made -> made.bucket(bucket).objectLockEnabledForBucket(true));
    s3.putObjectLockConfiguration(
        put ->
            put.bucket(bucket)
                .objectLockConfiguration(
                    lock ->
                        lock.objectLockEnabled(ObjectLockEnabled.ENABLED)
                            .rule(
                                rule ->
                                    rule.defaultRetention(
                                        kept ->
                                            kept.mode(ObjectLockRetentionMode.GOVERNANCE)
                                                .days(2)))));
    String version =
        s3.putObject(object -> object.bucket(bucket).key("k"), RequestBody.fromString("kept"))
            .versionId();
    Wanted.same(
        s3.headObject(object -> object.bucket(bucket).key("k")).objectLockMode(),
        ObjectLockMode.GOVERNANCE,
        "the default's mode");
    Wanted.refused(
        "AccessDenied",
        () -> s3.deleteObject(object -> object.bucket(bucket).key("k").versionId(version)));
    s3.putObjectRetention(retention(bucket, 3, null));
    Wanted.refused("AccessDenied", () -> s3.putObjectRetention(retention(bucket, 1, null)));
    s3.putObjectRetention(retention(bucket, 1, true));
    s3.deleteObject(
        object ->
            object.bucket(bucket).key("k").versionId(version).bypassGovernanceRetention(true));
  }

  private void holds() {
    String bucket = name + "-locks";
    Instant until = Instant.now().plus(Duration.ofDays(2));
    s3.putObject(
        object ->
            object
                .bucket(bucket)
                .key("held")
                .objectLockMode(ObjectLockMode.COMPLIANCE)
                .objectLockRetainUntilDate(until)
                .objectLockLegalHoldStatus(ObjectLockLegalHoldStatus.ON),
        RequestBody.fromString("held"));
    HeadObjectResponse head = s3.headObject(object -> object.bucket(bucket).key("held"));
    Wanted.same(head.objectLockLegalHoldStatus(), ObjectLockLegalHoldStatus.ON, "the hold");
    Wanted.same(
        head.objectLockRetainUntilDate().getEpochSecond(), until.getEpochSecond(), "its date");
    List<S3Error> errors =
        s3.deleteObjects(
                request ->
                    request
                        .bucket(bucket)
                        .delete(
                            keys ->
                                keys.objects(
                                    ObjectIdentifier.builder()
                                        .key("held")
                                        .versionId(head.versionId())
                                        .build())))
            .errors();
    Wanted.same(errors.get(0).code(), "AccessDenied", "why it was not deleted");
  }

  // With the headers that were signed, but for those that the client writes itself.
  private HttpResponse<String> send(
      URI address, String method, Map<String, List<String>> signed, String body) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address)
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    signed.forEach(
        (header, values) -> {
          if (!header.equalsIgnoreCase("host")) {
            values.forEach(value -> request.header(header, value));
          }
        });
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static S3Presigner presigner() {
    return S3Presigner.builder()
        .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build())
        .endpointOverride(URI.create(ENDPOINT))
        .build();
  }

  private void urls() throws Exception {
    Duration soon = Duration.ofMinutes(5);
    try (S3Presigner presigner = presigner()) {
      var put =
          presigner.presignPutObject(
              url ->
                  url.signatureDuration(soon)
                      .putObjectRequest(
                          object ->
                              object
                                  .bucket(name)
                                  .key("url/ü")
                                  .contentType("text/x")
                                  .metadata(Map.of("who", "ann"))
                                  .tagging("a=b")
                                  .storageClass(StorageClass.STANDARD_IA)));
      send(put.url().toURI(), "PUT", put.signedHeaders(), "by url");
      Wanted.same(head("url/ü").metadata(), Map.of("who", "ann"), "metadata");
      Wanted.same(head("url/ü").storageClass(), StorageClass.STANDARD_IA, "the class");
      var get =
          presigner.presignGetObject(
              url ->
                  url.signatureDuration(soon)
                      .getObjectRequest(
                          object ->
                              object
                                  .bucket(name)
                                  .key("url/ü")
                                  .range("bytes=3-")
                                  .responseContentType("a/b")));
      HttpResponse<String> read = send(get.url().toURI(), "GET", get.signedHeaders(), null);
      Wanted.same(read.body(), "url", "the range");
      Wanted.same(read.headers().firstValue("content-type").get(), "a/b", "the type wished");
      var once =
          presigner.presignPutObject(
              url ->
                  url.signatureDuration(soon)
                      .putObjectRequest(
                          object -> object.bucket(name).key("url/ü").ifNoneMatch("*")));
      Wanted.same(
          send(once.url().toURI(), "PUT", once.signedHeaders(), "x").statusCode(), 412, "again");
      var gone =
          presigner.presignDeleteObject(
              url ->
                  url.signatureDuration(soon)
                      .deleteObjectRequest(object -> object.bucket(name).key("url/ü")));
      Wanted.same(
          send(gone.url().toURI(), "DELETE", gone.signedHeaders(), null).statusCode(), 204, "gone");
    }
  }

  private void partsByUrl() throws Exception {
    Duration soon = Duration.ofMinutes(5);
    try (S3Presigner presigner = presigner()) {
      var begin =
          presigner.presignCreateMultipartUpload(
              url ->
                  url.signatureDuration(soon)
                      .createMultipartUploadRequest(
                          upload -> upload.bucket(name).key("parts by url")));
      String begun = send(begin.url().toURI(), "POST", begin.signedHeaders(), null).body();
      String upload = begun.replaceAll("(?s).*<UploadId>(.*)</UploadId>.*", "$1");
      var part =
          presigner.presignUploadPart(
              url ->
                  url.signatureDuration(soon)
                      .uploadPartRequest(
                          one ->
                              one.bucket(name)
                                  .key("parts by url")
                                  .uploadId(upload)
                                  .partNumber(1)));
      String etag =
          send(part.url().toURI(), "PUT", part.signedHeaders(), "part")
              .headers()
              .firstValue("etag")
              .get();
      s3.completeMultipartUpload(
          all ->
              all.bucket(name)
                  .key("parts by url")
                  .uploadId(upload)
                  .multipartUpload(
                      parts ->
                          parts.parts(CompletedPart.builder().partNumber(1).eTag(etag).build())));
      Wanted.same(new String(get("parts by url")), "part", "what the URLs put together");
    }
  }

  private NotificationConfiguration telling(String queue) {
    return NotificationConfiguration.builder()
        .queueConfigurations(
            QueueConfiguration.builder()
                .queueArn(queue)
                .events(Event.S3_OBJECT_CREATED)
                .filter(
                    filter ->
                        filter.key(
                            key ->
                                key.filterRules(
                                    FilterRule.builder()
                                        .name(FilterRuleName.PREFIX)
                                        .value("told/")
                                        .build())))
                .build())
        .build();
  }

  private void notices() throws Exception {
    String queue = sqs.createQueue(made -> made.queueName(name)).queueUrl();
    String arn =
        sqs.getQueueAttributes(
                ask -> ask.queueUrl(queue).attributeNames(QueueAttributeName.QUEUE_ARN))
            .attributes()
            .get(QueueAttributeName.QUEUE_ARN);
    Wanted.refused(
        "InvalidArgument",
        () ->
            s3.putBucketNotificationConfiguration(
                put -> put.bucket(name).notificationConfiguration(telling(arn + "-not"))));
    s3.putBucketNotificationConfiguration(
        put -> put.bucket(name).notificationConfiguration(telling(arn)));
    sqs.purgeQueue(purged -> purged.queueUrl(queue)); // the test event
    s3.putObject(object -> object.bucket(name).key("silent"), RequestBody.empty());
    s3.putObject(object -> object.bucket(name).key("told/ü a"), RequestBody.empty());
    List<String> told =
        sqs.receiveMessage(ask -> ask.queueUrl(queue).waitTimeSeconds(20)).messages().stream()
            .map(message -> message.body())
            .toList();
    Wanted.same(told.size(), 1, "notices");
    Wanted.holds(told.get(0).contains("\"key\":\"told/%C3%BC+a\""), told.get(0));
  }
}
