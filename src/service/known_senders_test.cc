#include "service/known_senders.h"

#include <gtest/gtest.h>

namespace slipway::service {
namespace {

using namespace std::chrono_literals;

TEST(KnownSenders, an_owner_is_known_where_he_signed_and_nowhere_else) {
  KnownSenders senders;
  const Instant begun{1h};
  senders.note("AKIA1", "10.0.0.1", begun);
  EXPECT_TRUE(senders.knows("AKIA1", "10.0.0.1", begun));
  EXPECT_FALSE(senders.knows("AKIA1", "10.0.0.2", begun));
  EXPECT_FALSE(senders.knows("AKIA2", "10.0.0.1", begun));
}

TEST(KnownSenders, he_is_known_for_a_while) {
  KnownSenders senders;
  const Instant begun{1h};
  senders.note("AKIA1", "10.0.0.1", begun);
  EXPECT_TRUE(senders.knows("AKIA1", "10.0.0.1", begun + KnownSenders::known_sender_age));
  EXPECT_FALSE(senders.knows("AKIA1", "10.0.0.1", begun + 3 * KnownSenders::known_sender_age));
  senders.note("AKIA1", "10.0.0.1", begun);
  EXPECT_FALSE(senders.knows("AKIA1", "10.0.0.1", begun + 24h));
}

TEST(KnownSenders, the_last_ones_are_known_however_many_came_before) {
  KnownSenders senders;
  const Instant now{1h};
  for (std::size_t i = 0; i < 3 * KnownSenders::known_senders_max; ++i)
    senders.note("AKIA1", std::to_string(i), now);
  EXPECT_TRUE(senders.knows("AKIA1", std::to_string(3 * KnownSenders::known_senders_max - 1), now));
  EXPECT_FALSE(senders.knows("AKIA1", "0", now));
}

}  // namespace
}  // namespace slipway::service
