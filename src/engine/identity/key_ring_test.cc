#include "engine/identity/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/encoding.h"
#include "base/faulty_disk.h"
#include "base/test_folder.h"
#include "engine/identity/policy.h"
#include "engine/identity/private_file.h"

namespace slipway::identity {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
namespace fs = std::filesystem;

const Principal root{.kind = Principal::Kind::root,
                     .account = "000000000000",
                     .name = "arn:aws:iam::000000000000:root",
                     .id = "000000000000"};

class KeyRingTest : public ::testing::Test {
 protected:
  std::unique_ptr<KeyRing> open() {
    auto ring = KeyRing::open(folder_ / "data", root, random_);
    EXPECT_TRUE(ring) << ring.error().message;
    return std::move(ring).value_or(nullptr);
  }

  fs::path file(std::string_view name) const { return folder_ / "data" / name; }

  Session session(const KeyRing& ring) {
    return ring
        .issue({Principal::Kind::role_session, "111111111111", "arn:of:role", "AROAX:me"},
               clock_.moment() + 1h, random_)
        .value();
  }

  TestFolder folder_;
  SystemRandom random_;
  ManualClock clock_;
};

TEST_F(KeyRingTest, TheFirstStartMakesAKeyThatOnlyItsOwnerCanRead) {
  const auto ring = open();
  EXPECT_THAT(ring->root().access_key_id, MatchesRegex("AKIA[A-Z2-7]{16}"));
  EXPECT_THAT(ring->root().secret, MatchesRegex("[A-Za-z0-9]{40}"));
  for (const std::string_view name : {credentials_file, session_key_file}) {
    struct stat facts{};
    ASSERT_EQ(::stat(file(name).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(KeyRingTest, TheNextStartHasTheSameKey) {
  const std::string first = open()->root().secret;
  EXPECT_EQ(open()->root().secret, first);
  EXPECT_EQ(read_credentials(folder_ / "data")->secret, first);
}

TEST_F(KeyRingTest, TwoServersThatStartAtOnceAgreeOnOneKey) {
  std::string first, second;
  {
    std::jthread one([&] { first = open()->root().secret; });
    std::jthread two([&] { second = open()->root().secret; });
  }
  EXPECT_EQ(first, second);
  EXPECT_EQ(open()->root().secret, first);
}

// Starts on a disk that fails once, starts again, and loses its power then.
class FailingStart {
 public:
  FailingStart(fs::path folder, FaultyDisk::Plan plan)
      : root_(std::move(folder)), disk_(graves(), plan) {}

  std::unique_ptr<KeyRing> open(Disk& disk) {
    auto ring = KeyRing::open(root_ / "data", root, random_, nullptr, disk);
    if (ring) return *std::move(ring);
    EXPECT_EQ(ring.error().code, ErrorCode::unavailable) << ring.error().message;
    EXPECT_THAT(ring.error().message, HasSubstr((root_ / "data").string()));
    return nullptr;
  }

  void expect_used_keys_to_stay() {
    auto used = open(disk_);
    if (!used && disk_.has_power()) used = open(disk_);
    disk_.cut_power();
    const auto after = open(kernel_disk());
    ASSERT_TRUE(after);
    if (!used) return;
    EXPECT_EQ(after->root().secret, used->root().secret) << disk_.failed();
    EXPECT_EQ(after->derived_key("x"), used->derived_key("x")) << disk_.failed();
  }

  std::uint64_t steps() const { return disk_.steps(); }

 private:
  fs::path graves() const {
    fs::create_directories(root_ / "graves");
    return root_ / "graves";
  }

  const fs::path root_;
  FaultyDisk disk_;
  SystemRandom random_;
};

TEST_F(KeyRingTest, AKeyThatTheDiskMayLoseIsNotUsed) {
  FailingStart whole(folder_ / "whole", {.fault = FaultyDisk::Fault::none});
  whole.expect_used_keys_to_stay();
  ASSERT_GE(whole.steps(), 12U);
  for (std::uint64_t step = 1; step <= whole.steps(); ++step)
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      const auto name = [&](const char* kind) {
        return folder_ / fmt::format("{}-{}-{}", kind, step, seed);
      };
      FailingStart(name("fails"), {.seed = seed, .failing_step = step}).expect_used_keys_to_stay();
      FailingStart(name("dies"),
                   {.seed = seed, .fault = FaultyDisk::Fault::none, .dying_step = step})
          .expect_used_keys_to_stay();
    }
}

TEST_F(KeyRingTest, RootIsSentAwayFromAnothersFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder to another";
  EXPECT_TRUE(check_owner(folder_.path()));
  EXPECT_TRUE(check_owner(folder_ / "not there yet"));
  ASSERT_EQ(::chown(folder_.path().c_str(), 1234, 1234), 0);
  const auto refused = check_owner(folder_.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_THAT(refused.error().message, HasSubstr("sudo -u '#1234'"));
}

TEST_F(KeyRingTest, AFileThatOthersCanReadIsRefusedWithTheCommandThatMendsIt) {
  open();
  fs::permissions(file(credentials_file), fs::perms(0644));
  const auto ring = KeyRing::open(folder_ / "data", root, random_);
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ErrorCode::permission_denied);
  EXPECT_THAT(ring.error().message, HasSubstr("chmod 600"));
}

TEST_F(KeyRingTest, ADamagedFileIsRefusedAndNotReplaced) {
  open();
  std::ofstream(file(session_key_file)) << "short";
  EXPECT_EQ(KeyRing::open(folder_ / "data", root, random_).error().code, ErrorCode::corrupted);
  std::ofstream(file(credentials_file)) << "nothing";
  EXPECT_EQ(KeyRing::open(folder_ / "data", root, random_).error().code, ErrorCode::corrupted);
  EXPECT_EQ(read_credentials(folder_ / "data").error().code, ErrorCode::corrupted);
}

TEST_F(KeyRingTest, AClientWithoutAServerIsToldToStartOne) {
  const auto keys = read_credentials(folder_ / "nowhere");
  EXPECT_EQ(keys.error().code, ErrorCode::not_found);
  EXPECT_THAT(keys.error().message, HasSubstr("slipway serve --data"));
}

TEST_F(KeyRingTest, ASessionSpeaksForItsPrincipalAndSurvivesARestart) {
  const Session made = session(*open());
  EXPECT_THAT(made.keys.access_key_id, MatchesRegex("ASIA[A-Z2-7]{16}"));
  const auto key = open()->find(made.keys.access_key_id, made.token, clock_.server_time());
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ((*key)->secret, made.keys.secret);
  EXPECT_EQ((*key)->principal.account, "111111111111");
  EXPECT_EQ((*key)->principal.name, "arn:of:role");
  EXPECT_EQ((*key)->principal.id, "AROAX:me");
  EXPECT_EQ((*key)->principal.kind, Principal::Kind::role_session);
  EXPECT_EQ((*key)->expires, clock_.server_time() + 1h);
  EXPECT_EQ(made.expires, clock_.now() + 1h);
}

TEST_F(KeyRingTest, EveryChangeOfATokenIsNoticed) {
  const auto ring = open();
  const Session made = session(*ring);
  const auto kind = [&](std::string_view id, std::string_view token) {
    const auto key = ring->find(id, token, clock_.server_time());
    return key ? "accepted" : key.error().kind;
  };
  for (std::size_t i = 0; i < made.token.size(); i += 5) {
    std::string changed = made.token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(kind(made.keys.access_key_id, changed), "invalid_token") << i;
  }
  EXPECT_EQ(kind(made.keys.access_key_id, ""), "unknown_key");
  EXPECT_EQ(kind(session(*ring).keys.access_key_id, made.token), "unknown_key");
  EXPECT_EQ(kind(ring->root().access_key_id, made.token), "invalid_token");
  EXPECT_EQ(kind(made.keys.access_key_id, std::string(100'000, 'A')), "invalid_token");
  EXPECT_EQ(kind("AKIANOBODY", ""), "unknown_key");
}

TEST_F(KeyRingTest, ATokenKeepsAllThatItsSessionWasGiven) {
  const std::string document =
      R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}})";
  const SessionTerms given{.issued = clock_.now(),
                           .source_identity = "ann",
                           .tags = {{"team", "blue"}, {"empty", ""}},
                           .transitive_keys = {"team"},
                           .policy_document = document,
                           .policy = nullptr,
                           .policies = {"arn:one", "arn:two"}};
  const auto ring = open();
  const Session made = ring->issue({Principal::Kind::role_session, "1", "arn:of:role", "AROAX:me",
                                    nullptr, std::make_shared<const SessionTerms>(given)},
                                   clock_.moment() + 1h, random_)
                           .value();
  const auto key = open()->find(made.keys.access_key_id, made.token, clock_.server_time());
  ASSERT_TRUE(key) << key.error().message;
  const SessionTerms& terms = *(*key)->principal.session;
  EXPECT_EQ(terms.issued, given.issued);
  EXPECT_EQ(terms.source_identity, given.source_identity);
  EXPECT_EQ(terms.tags, given.tags);
  EXPECT_EQ(terms.transitive_keys, given.transitive_keys);
  EXPECT_EQ(terms.policy_document, document);
  ASSERT_TRUE(terms.policy);
  EXPECT_EQ(terms.policy->statements().size(), 1U);
  EXPECT_EQ(terms.policies, given.policies);
}

TEST_F(KeyRingTest, WhatDoesNotFitIntoATokenIsRefused) {
  SessionTerms terms;
  terms.source_identity = std::string(session_token_bytes_max, 'x');
  const auto made = open()->issue({Principal::Kind::role_session, "1", "arn", "AROAX:me", nullptr,
                                   std::make_shared<const SessionTerms>(terms)},
                                  clock_.moment() + 1h, random_);
  EXPECT_EQ(made.error().message, "Serialized token too large for session");
}

TEST_F(KeyRingTest, ATokenOfAnOlderFormIsNone) {
  const auto ring = open();
  const Session made = session(*ring);
  std::string bytes = from_base64(made.token).value();
  bytes.front() = 1;
  EXPECT_EQ(
      ring->find(made.keys.access_key_id, to_base64(bytes), clock_.server_time()).error().kind,
      "invalid_token");
}

TEST_F(KeyRingTest, ANewSealingKeyEndsAllSessions) {
  const Session made = session(*open());
  fs::remove(file(session_key_file));
  EXPECT_EQ(open()->find(made.keys.access_key_id, made.token, clock_.server_time()).error().kind,
            "invalid_token");
}

TEST_F(KeyRingTest, AReaderRemembersASessionUntilItIsOver) {
  const auto ring = open();
  const Session made = session(*ring);
  KeyReader reader(*ring, clock_);
  for (int i = 0; i < 2; ++i) {
    const auto key = reader.find(made.keys.access_key_id, made.token);
    ASSERT_TRUE(key);
    EXPECT_EQ((*key)->secret, made.keys.secret);
    EXPECT_EQ(reader.find(made.keys.access_key_id, made.token + "A").error().kind, "invalid_token");
    EXPECT_EQ(reader.find(made.keys.access_key_id, "").error().kind, "unknown_key");
  }
  clock_.advance(1h);
  EXPECT_EQ(reader.find(made.keys.access_key_id, made.token).error().kind, "expired_token");
  EXPECT_EQ((*reader.find(ring->root().access_key_id, ""))->secret, ring->root().secret);
}

TEST_F(KeyRingTest, ASessionLivesAsLongAsItWasGivenWhateverTheClockIsSetTo) {
  const auto ring = open();
  const Session made = session(*ring);
  const auto outcome = [&](const KeyRing& asked) {
    const auto key = asked.find(made.keys.access_key_id, made.token, clock_.server_time());
    return key ? "lives" : key.error().kind;
  };
  clock_.set_civil_by(24h);
  EXPECT_EQ(outcome(*ring), "lives");
  clock_.set_civil_by(-48h);
  clock_.advance(59min);
  EXPECT_EQ(outcome(*ring), "lives");
  clock_.advance(1min);
  EXPECT_EQ(outcome(*ring), "expired_token");
  EXPECT_EQ(outcome(*open()), "expired_token") << "after a restart";
  KeyReader reader(*ring, clock_);
  EXPECT_EQ(reader.find(made.keys.access_key_id, made.token).error().kind, "expired_token");
}

}  // namespace
}  // namespace slipway::identity
