import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.sns.SnsClient;
import software.amazon.awssdk.services.sns.model.PublishBatchRequestEntry;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.batchmanager.SqsAsyncBatchManager;
import software.amazon.awssdk.services.sqs.model.*;

/**
 * What the AWS SDK for Java does with topics and queues, and the classes of its exceptions.
 *
 * <p>usage: Messages NAME (AWS_ENDPOINT_URL and keys in the environment)
 */
public final class Messages {
  private final String name;
  private final SqsClient sqs = SqsClient.create();
  private final SnsClient sns = SnsClient.create();

  private Messages(String name) {
    this.name = name;
  }

  public static void main(String[] arguments) throws Exception {
    Messages messages = new Messages(arguments[0]);
    messages.attributesFiltered();
    messages.bodiesFiltered();
    messages.inOrder();
    messages.batches();
    messages.longPolls();
    messages.manager();
    messages.refusals();
    System.out.println("\"done\"");
  }

  private String queue(String suffix, Map<QueueAttributeName, String> attributes) {
    return sqs.createQueue(made -> made.queueName(name + suffix).attributes(attributes))
        .queueUrl();
  }

  private String arn(String queue) {
    return sqs.getQueueAttributes(
            ask -> ask.queueUrl(queue).attributeNames(QueueAttributeName.QUEUE_ARN))
        .attributes()
        .get(QueueAttributeName.QUEUE_ARN);
  }

  private List<Message> take(String queue, int count) {
    List<Message> taken = new ArrayList<>();
    while (true) {
      List<Message> more =
          sqs.receiveMessage(
                  ask ->
                      ask.queueUrl(queue)
                          .maxNumberOfMessages(10)
                          .waitTimeSeconds(taken.size() < count ? 20 : 0)
                          .messageAttributeNames("All")
                          .messageSystemAttributeNames(MessageSystemAttributeName.ALL))
              .messages();
      if (more.isEmpty()) {
        return taken;
      }
      taken.addAll(more);
    }
  }

  private static software.amazon.awssdk.services.sns.model.MessageAttributeValue text(String of) {
    return software.amazon.awssdk.services.sns.model.MessageAttributeValue.builder()
        .dataType("String")
        .stringValue(of)
        .build();
  }

  private static PublishBatchRequestEntry entry(String message, String kind) {
    return PublishBatchRequestEntry.builder()
        .id(message)
        .message(message)
        .messageAttributes(Map.of("kind", text(kind)))
        .build();
  }

  private void attributesFiltered() {
    String topic = sns.createTopic(made -> made.name(name)).topicArn();
    String queue = queue("", Map.of());
    sns.subscribe(
        to ->
            to.topicArn(topic)
                .protocol("sqs")
                .endpoint(arn(queue))
                .attributes(
                    Map.of(
                        "RawMessageDelivery",
                        "true",
                        "FilterPolicy",
                        "{\"kind\":[{\"prefix\":\"a\"},{\"anything-but\":[\"x\",\"b\"]}]}")));
    var bytes =
        software.amazon.awssdk.services.sns.model.MessageAttributeValue.builder()
            .dataType("Binary")
            .binaryValue(SdkBytes.fromByteArray(new byte[] {1, 2}))
            .build();
    sns.publish(
        one ->
            one.topicArn(topic)
                .message("1")
                .messageAttributes(Map.of("kind", text("abc"), "bytes", bytes)));
    sns.publish(one -> one.topicArn(topic).message("without"));
    sns.publishBatch(
        all ->
            all.topicArn(topic)
                .publishBatchRequestEntries(entry("2", "b"), entry("3", "c"), entry("4", "x")));
    List<Message> taken = take(queue, 2);
    Wanted.same(taken.stream().map(Message::body).sorted().toList(), List.of("1", "3"), "taken");
    Message first = taken.get(taken.get(0).body().equals("1") ? 0 : 1);
    Wanted.same(
        first.messageAttributes().get("bytes").binaryValue(),
        SdkBytes.fromByteArray(new byte[] {1, 2}),
        "bytes");
  }

  private void bodiesFiltered() {
    String topic = sns.createTopic(made -> made.name(name + "-bodies")).topicArn();
    String queue = queue("-bodies", Map.of());
    String policy =
        "{\"a\":{\"b\":[{\"numeric\":[\">\",5]}]},"
            + "\"$or\":[{\"c\":[\"x\"]},{\"d\":[{\"exists\":false}]}]}";
    sns.subscribe(
        to ->
            to.topicArn(topic)
                .protocol("sqs")
                .endpoint(arn(queue))
                .attributes(Map.of("FilterPolicyScope", "MessageBody", "FilterPolicy", policy)));
    for (String body :
        List.of(
            "{\"a\":{\"b\":7},\"c\":\"y\",\"d\":1}",
            "no JSON",
            "{\"a\":{\"b\":7},\"c\":\"x\",\"d\":1}",
            "{\"a\":[{\"b\":6}]}")) {
      sns.publish(one -> one.topicArn(topic).message(body));
    }
    Wanted.same(take(queue, 2).size(), 2, "bodies that match");
  }

  private void inOrder() throws Exception {
    String topic =
        sns.createTopic(
                made ->
                    made.name(name + ".fifo")
                        .attributes(
                            Map.of("FifoTopic", "true", "ContentBasedDeduplication", "true")))
            .topicArn();
    String queue = queue(".fifo", Map.of(QueueAttributeName.FIFO_QUEUE, "true"));
    sns.subscribe(to -> to.topicArn(topic).protocol("sqs").endpoint(arn(queue)));
    for (String body : List.of("1", "1", "2")) {
      sns.publish(one -> one.topicArn(topic).message(body).messageGroupId("g"));
    }
    List<Message> taken = take(queue, 2);
    Wanted.same(taken.size(), 2, "each message once");
    Wanted.same(
        taken.get(0).attributes().get(MessageSystemAttributeName.MESSAGE_GROUP_ID), "g", "group");
    Wanted.refused(
        "MissingParameter", () -> sqs.sendMessage(one -> one.queueUrl(queue).messageBody("x")));
  }

  private void batches() throws Exception {
    String queue = queue("-batches", Map.of());
    SendMessageBatchResponse sent =
        sqs.sendMessageBatch(
            all ->
                all.queueUrl(queue)
                    .entries(
                        IntStream.range(0, 10)
                            .mapToObj(
                                id ->
                                    SendMessageBatchRequestEntry.builder()
                                        .id("id" + id)
                                        .messageBody("body " + id)
                                        .delaySeconds(id == 9 ? 901 : 0)
                                        .build())
                            .toList()));
    Wanted.same(sent.failed().get(0).code(), "InvalidParameterValue", "why one was not sent");
    List<ChangeMessageVisibilityBatchRequestEntry> back =
        take(queue, 9).stream()
            .map(
                message ->
                    ChangeMessageVisibilityBatchRequestEntry.builder()
                        .id(message.messageId())
                        .receiptHandle(message.receiptHandle())
                        .visibilityTimeout(0)
                        .build())
            .toList();
    Wanted.same(
        sqs.changeMessageVisibilityBatch(all -> all.queueUrl(queue).entries(back))
            .successful()
            .size(),
        9,
        "those to be taken again");
    Wanted.same(take(queue, 9).size(), 9, "those taken again");
  }

  private void longPolls() throws Exception {
    String queue = queue("-polls", Map.of());
    CompletableFuture<List<Message>> waiting =
        CompletableFuture.supplyAsync(
            () ->
                sqs.receiveMessage(ask -> ask.queueUrl(queue).waitTimeSeconds(20)).messages());
    Thread.sleep(300);
    Wanted.holds(!waiting.isDone(), "it waits");
    sqs.sendMessage(one -> one.queueUrl(queue).messageBody("x"));
    Wanted.same(waiting.get().size(), 1, "what it waited for");
  }

  // Gathers calls into batches by itself, and asks ahead.
  private void manager() throws Exception {
    String queue = queue("-manager", Map.of());
    try (SqsAsyncClient client = SqsAsyncClient.create();
        SqsAsyncBatchManager manager = client.batchManager()) {
      List<CompletableFuture<SendMessageResponse>> sent =
          IntStream.range(0, 25)
              .mapToObj(
                  body -> manager.sendMessage(one -> one.queueUrl(queue).messageBody("" + body)))
              .toList();
      for (CompletableFuture<SendMessageResponse> each : sent) {
        each.get();
      }
      Set<String> taken = new HashSet<>();
      List<CompletableFuture<DeleteMessageResponse>> deleted = new ArrayList<>();
      while (taken.size() < 25) {
        for (Message message : manager.receiveMessage(ask -> ask.queueUrl(queue)).get().messages()) {
          taken.add(message.body());
          deleted.add(
              manager.deleteMessage(
                  one -> one.queueUrl(queue).receiptHandle(message.receiptHandle())));
        }
      }
      for (CompletableFuture<DeleteMessageResponse> each : deleted) {
        each.get();
      }
    }
  }

  private interface Call {
    void run();
  }

  private static void thrown(Class<? extends SqsException> kind, String code, Call call) {
    try {
      call.run();
    } catch (SqsException refusal) {
      Wanted.same(refusal.getClass(), kind, "the exception");
      Wanted.same(refusal.awsErrorDetails().errorCode(), code, "its code");
      return;
    }
    throw new IllegalStateException("not thrown: " + kind);
  }

  // Users catch these by their class, and older programs compare their codes.
  private void refusals() {
    String queue = queue("-refusals", Map.of());
    thrown(
        QueueDoesNotExistException.class,
        "AWS.SimpleQueueService.NonExistentQueue",
        () -> sqs.getQueueUrl(ask -> ask.queueName(name + "-none")));
    thrown(
        ReceiptHandleIsInvalidException.class,
        "ReceiptHandleIsInvalid",
        () -> sqs.deleteMessage(one -> one.queueUrl(queue).receiptHandle("none")));
    thrown(
        QueueNameExistsException.class,
        "QueueAlreadyExists",
        () -> queue("-refusals", Map.of(QueueAttributeName.DELAY_SECONDS, "3")));
    thrown(
        InvalidMessageContentsException.class,
        "InvalidMessageContents",
        () -> sqs.sendMessage(one -> one.queueUrl(queue).messageBody("\u0001")));
    thrown(
        EmptyBatchRequestException.class,
        "AWS.SimpleQueueService.EmptyBatchRequest",
        () -> sqs.deleteMessageBatch(all -> all.queueUrl(queue).entries(List.of())));
    sqs.purgeQueue(purged -> purged.queueUrl(queue));
    thrown(
        PurgeQueueInProgressException.class,
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        () -> sqs.purgeQueue(purged -> purged.queueUrl(queue)));
  }
}
