import java.util.Objects;
import software.amazon.awssdk.awscore.exception.AwsServiceException;

/** What a program compares an answer with. */
final class Wanted {
  /** A call that is wanted to fail. */
  interface Call {
    void run() throws Exception;
  }

  private Wanted() {}

  static void holds(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException("not so: " + what);
    }
  }

  static void same(Object is, Object wanted, String of) {
    holds(Objects.equals(is, wanted), of + " is " + is + ", wanted " + wanted);
  }

  /** The service refuses `call` with that code of AWS's. */
  static void refused(String code, Call call) throws Exception {
    try {
      call.run();
    } catch (AwsServiceException refusal) {
      same(refusal.awsErrorDetails().errorCode(), code, "the refusal's code");
      return;
    }
    throw new IllegalStateException("not refused: " + code);
  }
}
