#include "engine/jobs/jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/jobs/job_rows.h"
#include "engine/jobs/job_spec_text.h"
#include "engine/jobs/jobs_simulation.h"

namespace slipway::jobs {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Kind = Outcome::Kind;

class JobsTest : public testing::Test {
 protected:
  JobsTest() {
    machine().set_faults_for("DOES=fail", {.dies_starting = 1});
    machine().set_faults_for("DOES=work", {.succeeds = 1});
    machine().set_faults_for("DOES=not_start", {.start_fails = 1});
    machine().set_faults_for("DOES=prepare", {.prepares = 1});
    machine().set_faults_for("DOES=ignore_stop", {.ignores_stop = 1});
  }

  static JobSpec spec(const std::string& does) {
    return {.program = {.argv = {"/bin/program"}, .environment = {{"DOES", does}}}};
  }
  place::SimulatedMachine& machine() { return world_.machine(); }
  std::optional<JobStatus> status() { return world_.status(id_); }
  std::optional<Outcome> outcome() {
    const auto now = status();
    return now ? now->outcome : std::nullopt;
  }
  Kind kind() {
    return outcome().value_or(Outcome{.kind = Kind::interrupted, .reason = "none"}).kind;
  }
  void put(const JobSpec& spec) { ASSERT_TRUE(world_.put(id_, spec)); }

  JobWorld world_;
  const JobId id_{"test/one"};
};

TEST_F(JobsTest, AProgramThatExitsWithStatusZeroHasSucceededAndWhatItLeftStays) {
  put(spec("work"));
  EXPECT_EQ(status()->state, JobState::waiting);
  world_.run(1s);
  EXPECT_EQ(status()->state, JobState::running);
  EXPECT_TRUE(status()->started);
  world_.run(1min);
  EXPECT_EQ(status()->state, JobState::ended);
  EXPECT_EQ(kind(), Kind::succeeded);
  EXPECT_EQ(outcome()->exit.status, 0);
  EXPECT_THAT(outcome()->tail, HasSubstr("simulated instance job/test/one/"));
  ASSERT_EQ(machine().instances().size(), 1U);
  EXPECT_EQ(machine().instances().begin()->first, status()->instance);
  world_.remove(id_);
  world_.run(1min);
  EXPECT_FALSE(status());
  EXPECT_TRUE(machine().instances().empty());
}

TEST_F(JobsTest, ItsTopicMovesWithEachStepAndItsTailIsKnownMeanwhile) {
  put(spec("wait"));
  world_.run(1s);
  const std::uint64_t since = world_.changes().sequence();
  int told = 0;
  world_.changes().wait(topic_of(id_), since, world_.clock().monotonic() + 1h,
                        [&](engine::WaitOutcome) { ++told; });
  machine().print(status()->instance, "half way\n");
  world_.run(1s);
  EXPECT_THAT(world_.tail(id_), HasSubstr("half way\n"));
  EXPECT_EQ(told, 0);
  machine().kill(status()->instance, {.status = 0});
  world_.run(1s);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(kind(), Kind::succeeded);
}

TEST_F(JobsTest, AFailureIsFollowedByAnotherAttemptAfterADelayUntilThereWereEnough) {
  JobSpec failing = spec("fail");
  failing.attempts_max = 3;
  failing.retry_delay = 10s;
  failing.program.labels = {.log_group = "g", .log_stream = "one"};
  put(failing);
  world_.run(1s);
  EXPECT_EQ(status()->attempt, 1U);
  EXPECT_EQ(status()->state, JobState::waiting);
  world_.run(1min);
  EXPECT_EQ(status()->attempt, 3U);
  EXPECT_EQ(kind(), Kind::failed);
  EXPECT_EQ(outcome()->exit.status, 1);
  EXPECT_EQ(machine().starts().size(), 3U);
  ASSERT_EQ(machine().instances().size(), 1U) << "what the last one left stays";
  EXPECT_EQ(machine().instances().begin()->second.spec.labels.log_stream, "one-3");
}

TEST_F(JobsTest, WhatCannotStartSaysWhy) {
  put(spec("not_start"));
  world_.run(1s);
  EXPECT_EQ(kind(), Kind::never_started);
  EXPECT_EQ(outcome()->reason, "The simulated machine could not start it.");
}

TEST_F(JobsTest, InputsAreFetchedFirstAndShownToTheProgram) {
  JobSpec reading = spec("work");
  reading.inputs = {{.artifact = {.uri = "data"}, .inside = "/opt/data", .variable = "DATA"},
                    {.artifact = {.uri = "code"}}};
  put(reading);
  world_.run(2s);
  ASSERT_EQ(machine().instances().size(), 1U);
  const place::InstanceSpec& seen = machine().instances().begin()->second.spec;
  ASSERT_EQ(seen.mounts.size(), 2U);
  EXPECT_EQ(seen.mounts[0].host_path, "/inputs/data");
  EXPECT_EQ(seen.mounts[0].inside, "/opt/data");
  EXPECT_EQ(seen.environment.at("DATA"), "/inputs/data");
  EXPECT_EQ(world_.contents_used(), (std::set<std::string>{"of-data", "of-code"}));
  world_.run(1min);
  EXPECT_EQ(kind(), Kind::succeeded);
  EXPECT_TRUE(world_.contents_used().empty());
}

TEST_F(JobsTest, AnInputThatCannotBeHadIsAFailureOfItsAttempt) {
  JobSpec reading = spec("work");
  reading.inputs = {{.artifact = {.uri = "data"}}};
  reading.attempts_max = 2;
  world_.set_fetch_fails(1);
  put(reading);
  world_.run(1min);
  EXPECT_EQ(kind(), Kind::never_started);
  EXPECT_EQ(outcome()->reason, "There is no object data.");
  EXPECT_EQ(status()->attempt, 2U);
  EXPECT_TRUE(machine().starts().empty());
}

TEST_F(JobsTest, WhatPassedALimitSaysWhich) {
  put(spec("wait"));
  world_.run(1s);
  machine().end_over_limit(status()->instance, "It took more than its 1 MiB.");
  world_.run(1s);
  EXPECT_EQ(kind(), Kind::out_of_memory);
  EXPECT_EQ(outcome()->reason, "It took more than its 1 MiB.");
  EXPECT_EQ(outcome()->exit.signal, 9);
}

TEST_F(JobsTest, TheTimeLimitIsFromWhereItRunsAndEndsIt) {
  JobSpec slow = spec("prepare");
  slow.time_max = 60s;
  machine().set_faults_for("DOES=prepare", {.ignores_stop = 1, .prepares = 1});
  slow.stop_grace = 5s;
  put(slow);
  while (!status()->started) world_.run(100ms);
  const Timestamp started = *status()->started;
  world_.run(2min);
  EXPECT_EQ(kind(), Kind::timed_out);
  EXPECT_EQ(outcome()->exit.signal, 9);
  const auto took = *status()->ended - started;
  EXPECT_GE(took, 65s);
  EXPECT_LT(took, 66s);
}

TEST_F(JobsTest, StoppingEndsItWithItsGraceOrBeforeItBegan) {
  put(spec("wait"));
  world_.run(1s);
  world_.stop(id_);
  world_.run(1s);
  EXPECT_EQ(kind(), Kind::stopped);
  EXPECT_TRUE(outcome()->exit.asked);

  const JobId other{"test/other"};
  ASSERT_TRUE(world_.put(other, spec("wait")));
  world_.stop(other);
  world_.run(1s);
  EXPECT_EQ(world_.status(other)->outcome->kind, Kind::stopped);
  EXPECT_EQ(world_.status(other)->attempt, 0U);
}

TEST_F(JobsTest, WhatHadSucceededBeforeItHeardOfTheStopHasSucceeded) {
  put(spec("wait"));
  world_.run(1s);
  world_.stop(id_);
  machine().kill(status()->instance, {.status = 0});
  world_.run(1s);
  EXPECT_EQ(kind(), Kind::succeeded);
  world_.stop(id_);
  world_.run(1s);
  EXPECT_EQ(kind(), Kind::succeeded) << "an outcome never changes";
}

TEST_F(JobsTest, ACrashOfTheServerIsNothingToIt) {
  put(spec("wait"));
  world_.run(1s);
  const auto before = status();
  world_.crash_and_restart();
  world_.run(1s);
  EXPECT_EQ(status()->instance, before->instance);
  machine().kill(status()->instance, {.status = 0});
  world_.crash_and_restart();
  world_.run(1s);
  EXPECT_EQ(kind(), Kind::succeeded);
  EXPECT_EQ(machine().starts().size(), 1U);
}

TEST_F(JobsTest, AnEndOfTheServerIsNoFailureAndItBeginsAgain) {
  put(spec("wait"));
  world_.run(1s);
  world_.end_and_restart();
  world_.run(1min);
  EXPECT_EQ(status()->state, JobState::running);
  EXPECT_EQ(status()->attempt, 2U);
  EXPECT_EQ(machine().instances().size(), 1U);
}

TEST_F(JobsTest, WhatMustNotBeDoneTwiceDoesNotBeginAgain) {
  JobSpec once = spec("wait");
  once.interrupted = JobSpec::Interrupted::end;
  put(once);
  world_.run(1s);
  world_.end_and_restart();
  world_.run(1min);
  EXPECT_EQ(kind(), Kind::interrupted);
  EXPECT_EQ(machine().starts().size(), 1U);
}

TEST_F(JobsTest, ARemovedJobEndsAtOnceAndItsIdMayBeUsedAgain) {
  put(spec("ignore_stop"));
  world_.run(1s);
  const auto first = status()->instance;
  world_.remove(id_);
  put(spec("wait"));
  world_.run(1s);
  EXPECT_NE(status()->instance, first);
  ASSERT_EQ(machine().instances().size(), 1U);
  EXPECT_EQ(machine().instances().begin()->first, status()->instance);
  world_.crash_and_restart();
  world_.remove(id_);
  world_.run(1min);
  EXPECT_TRUE(machine().instances().empty());
}

TEST_F(JobsTest, AnOwnerFindsAllThatIsItsOwn) {
  for (const char* id : {"a/1", "a/2", "ab/1", "a-b/1", "b/1"})
    ASSERT_TRUE(world_.put({id}, spec("wait")));
  EXPECT_TRUE(world_.write([&](store::Transaction& tx) -> Result<> {
    EXPECT_EQ(world_.jobs().all_of(tx, "a"), (std::vector<JobId>{{"a/1"}, {"a/2"}}));
    return {};
  }));
  EXPECT_EQ(world_.put({"a/1"}, spec("wait")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(world_.put({"nobody"}, spec("wait")).error().code, ErrorCode::invalid_argument);
  JobSpec never = spec("wait");
  never.attempts_max = 0;
  EXPECT_EQ(world_.put({"a/3"}, never).error().code, ErrorCode::invalid_argument);
}

TEST(JobSpecText, keeps_all_of_a_spec) {
  JobSpec spec{.program = {.argv = {"/bin/x", "--y"},
                           .image = "image",
                           .environment = {{"A", "b"}},
                           .mounts = {{.host_path = "/h",
                                       .inside = "/i",
                                       .access = place::Mount::Access::read_write,
                                       .kept_for_it = true}},
                           .labels = {"s", "a/b", "g", "t"},
                           .user = "1:2",
                           .http_socket = "h.sock",
                           .link_socket = "l.sock",
                           .ports = {{80, 8080}},
                           .memory_bytes_max = 1,
                           .cpu_millis_max = 2,
                           .gpus = 3},
               .inputs = {{.artifact = {"s3://b/p", artifacts::Artifact::Form::prefix, "role"},
                           .inside = "/data",
                           .variable = "DATA"}},
               .attempts_max = 4,
               .retry_delay = 5ms,
               .time_max = 6s,
               .stop_grace = 7ms,
               .interrupted = JobSpec::Interrupted::end};
  const std::string text = to_text(spec);
  const auto read = spec_from_text(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_text(*read), text);
  EXPECT_EQ(read->program.labels, spec.program.labels);
  EXPECT_EQ(read->time_max, 6s);
}

TEST(JobSpecText, refuses_what_it_does_not_know) {
  std::string text = to_text({});
  text.insert(text.size() - 1, R"(,"later":1)");
  EXPECT_THAT(spec_from_text(text).error().message, HasSubstr("later is not known"));
  EXPECT_EQ(spec_from_text("{}").error().code, ErrorCode::corrupted);
}

TEST(JobKeys, belong_to_their_job) {
  EXPECT_EQ(job_of(key_of({"a/b/c"}, 7)), JobId{"a/b/c"});
  EXPECT_EQ(job_of({"fleet/a/1/v/1"}), std::nullopt);
  EXPECT_EQ(job_of({"job"}), std::nullopt);
  EXPECT_EQ(job_of({"job/"}), std::nullopt);
}

}  // namespace
}  // namespace slipway::jobs
