import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.iam.model.*;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.auth.StsAssumeRoleCredentialsProvider;
import software.amazon.awssdk.services.sts.auth.StsWebIdentityTokenFileCredentialsProvider;

/**
 * Who may, as the AWS SDK for Java asks for it: second factors, passwords, roles, tokens.
 *
 * <p>usage: Identities NAME ROLE_OF_A_TOKEN TOKEN_FILE (AWS_ENDPOINT_URL and keys in the
 * environment)
 */
public final class Identities {
  private static final String TRUST =
      "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
          + "\"Principal\":{\"AWS\":\"*\"},\"Action\":[\"sts:AssumeRole\",\"sts:TagSession\"]}]}";
  private static final String ALL_OF_S3 =
      "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\","
          + "\"Resource\":\"*\"}]}";
  private static final String LISTS_WITH_A_SECOND_FACTOR =
      "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
          + "\"Action\":\"iam:ListUsers\",\"Resource\":\"*\","
          + "\"Condition\":{\"Bool\":{\"aws:MultiFactorAuthPresent\":\"true\"}}}]}";

  private final String name;
  private final IamClient iam = IamClient.builder().region(Region.AWS_GLOBAL).build();
  private final StsClient sts = StsClient.create();

  private Identities(String name) {
    this.name = name;
  }

  public static void main(String[] arguments) throws Exception {
    Identities identities = new Identities(arguments[0]);
    identities.iam.createUser(user -> user.userName(identities.name));
    identities.secondFactor();
    identities.password();
    identities.report();
    identities.role();
    identities.token(arguments[1], Path.of(arguments[2]));
    System.out.println("\"done\"");
  }

  private static byte[] base32(String text) {
    ByteBuffer bytes = ByteBuffer.allocate(text.length() * 5 / 8);
    int bits = 0;
    int value = 0;
    for (char c : text.toCharArray()) {
      value = value << 5 | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c);
      bits += 5;
      if (bits >= 8) {
        bits -= 8;
        bytes.put((byte) (value >> bits));
        value &= (1 << bits) - 1;
      }
    }
    return bytes.array();
  }

  // RFC 6238.
  private static String code(String seed, long step) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA1");
    mac.init(new SecretKeySpec(base32(seed), "HmacSHA1"));
    byte[] digest = mac.doFinal(ByteBuffer.allocate(Long.BYTES).putLong(step).array());
    int number = ByteBuffer.wrap(digest).getInt(digest[19] & 15) & 0x7fffffff;
    return "%06d".formatted(number % 1_000_000);
  }

  private static AwsCredentialsProvider keys(AwsCredentials keys) {
    return StaticCredentialsProvider.create(keys);
  }

  private static IamClient iamOf(AwsCredentials keys) {
    return IamClient.builder().region(Region.AWS_GLOBAL).credentialsProvider(keys(keys)).build();
  }

  private void secondFactor() throws Exception {
    VirtualMFADevice device =
        iam.createVirtualMFADevice(made -> made.virtualMFADeviceName(name)).virtualMFADevice();
    String serial = device.serialNumber();
    String seed = device.base32StringSeed().asUtf8String();
    long step = Instant.now().getEpochSecond() / 30;
    String before = code(seed, step - 1);
    String now = code(seed, step);
    Wanted.refused(
        "InvalidAuthenticationCode",
        () ->
            iam.enableMFADevice(
                on ->
                    on.userName(name)
                        .serialNumber(serial)
                        .authenticationCode1(now)
                        .authenticationCode2(before)));
    iam.enableMFADevice(
        on ->
            on.userName(name)
                .serialNumber(serial)
                .authenticationCode1(before)
                .authenticationCode2(now));
    Wanted.same(
        iam.listMFADevices(list -> list.userName(name)).mfaDevices().get(0).serialNumber(),
        serial,
        "the user's device");
    useSecondFactor(serial, code(seed, step + 1));
    Wanted.refused(
        "DeleteConflict", () -> iam.deleteVirtualMFADevice(gone -> gone.serialNumber(serial)));
    iam.deactivateMFADevice(off -> off.userName(name).serialNumber(serial));
    iam.deleteVirtualMFADevice(gone -> gone.serialNumber(serial));
  }

  private void useSecondFactor(String serial, String code) throws Exception {
    iam.putUserPolicy(
        policy ->
            policy
                .userName(name)
                .policyName("with-a-second-factor")
                .policyDocument(LISTS_WITH_A_SECOND_FACTOR));
    AccessKey made = iam.createAccessKey(key -> key.userName(name)).accessKey();
    AwsCredentials own = AwsBasicCredentials.create(made.accessKeyId(), made.secretAccessKey());
    try (IamClient without = iamOf(own);
        StsClient mine = StsClient.builder().credentialsProvider(keys(own)).build()) {
      Wanted.refused("AccessDenied", without::listUsers);
      var session =
          mine.getSessionToken(wanted -> wanted.serialNumber(serial).tokenCode(code))
              .credentials();
      try (IamClient with =
          iamOf(
              AwsSessionCredentials.create(
                  session.accessKeyId(), session.secretAccessKey(), session.sessionToken()))) {
        Wanted.holds(!with.listUsers().users().isEmpty(), "users are listed");
      }
    }
    iam.deleteAccessKey(key -> key.userName(name).accessKeyId(made.accessKeyId()));
  }

  private void password() throws Exception {
    iam.updateAccountPasswordPolicy(
        policy -> policy.minimumPasswordLength(12).requireSymbols(true).maxPasswordAge(90));
    PasswordPolicy policy = iam.getAccountPasswordPolicy().passwordPolicy();
    Wanted.same(policy.minimumPasswordLength(), 12, "the shortest password");
    Wanted.same(policy.expirePasswords(), true, "that passwords expire");
    Wanted.refused(
        "PasswordPolicyViolation",
        () -> iam.createLoginProfile(made -> made.userName(name).password("short")));
    iam.createLoginProfile(
        made ->
            made.userName(name).password("Long enough, I think!").passwordResetRequired(true));
    iam.updateLoginProfile(to -> to.userName(name).passwordResetRequired(false));
    Wanted.same(
        iam.getLoginProfile(of -> of.userName(name)).loginProfile().passwordResetRequired(),
        false,
        "that it must be changed");
    iam.deleteLoginProfile(gone -> gone.userName(name));
    Wanted.refused("NoSuchEntity", () -> iam.getLoginProfile(of -> of.userName(name)));
    iam.deleteAccountPasswordPolicy();
  }

  private void report() throws Exception {
    while (iam.generateCredentialReport().state() != ReportStateType.COMPLETE) {
      Thread.sleep(50);
    }
    List<String> lines = iam.getCredentialReport().content().asUtf8String().lines().toList();
    Wanted.holds(lines.get(0).startsWith("user,arn,user_creation_time,"), lines.get(0));
    Wanted.holds(lines.get(1).startsWith("<root_account>,"), lines.get(1));
  }

  private void role() {
    Role role =
        iam.createRole(made -> made.roleName(name).assumeRolePolicyDocument(TRUST)).role();
    iam.waiter().waitUntilRoleExists(wait -> wait.roleName(name));
    iam.putRolePolicy(
        policy -> policy.roleName(name).policyName("s3").policyDocument(ALL_OF_S3));
    try (StsAssumeRoleCredentialsProvider session =
            StsAssumeRoleCredentialsProvider.builder()
                .stsClient(sts)
                .refreshRequest(wanted -> wanted.roleArn(role.arn()).roleSessionName("session"))
                .build();
        S3Client s3 = S3Client.builder().forcePathStyle(true).credentialsProvider(session).build();
        StsClient mine = StsClient.builder().credentialsProvider(session).build()) {
      s3.listBuckets();
      String arn = mine.getCallerIdentity().arn();
      Wanted.holds(arn.endsWith(":assumed-role/" + name + "/session"), arn);
    }
  }

  // As a program in a cluster is given its role: the token stands in a file, and nobody signs.
  private void token(String role, Path file) {
    try (StsClient unsigned =
            StsClient.builder()
                .credentialsProvider(AnonymousCredentialsProvider.create())
                .build();
        StsWebIdentityTokenFileCredentialsProvider session =
            StsWebIdentityTokenFileCredentialsProvider.builder()
                .stsClient(unsigned)
                .roleArn(role)
                .roleSessionName("by-token")
                .webIdentityTokenFile(file)
                .build();
        StsClient mine = StsClient.builder().credentialsProvider(session).build()) {
      String arn = mine.getCallerIdentity().arn();
      Wanted.holds(arn.contains(":assumed-role/") && arn.endsWith("/by-token"), arn);
    }
  }
}
