#include "service/upload_slots.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::service {
namespace {

// What was told to those who wait.
struct Told {
  std::vector<UploadSlots::Slot> slots;
  int refused = 0;

  // One after the other: a slot that is given back may be granted to whoever waits here.
  ~Told() {
    while (!slots.empty()) {
      const UploadSlots::Slot last = std::move(slots.back());
      slots.pop_back();
    }
  }

  UploadSlots::Granted here() {
    return [this](UploadSlots::Slot slot) {
      if (slot)
        slots.push_back(std::move(slot));
      else
        ++refused;
    };
  }
};

const Uploader ann{"ann", "10.0.0.1", ""};
const Uploader bob{"bob", "10.0.0.2", ""};

std::vector<UploadSlots::Slot> take_all(UploadSlots& slots, const Uploader& who, Told& told) {
  std::vector<UploadSlots::Slot> taken;
  while (auto slot = slots.take(who, Instant{}, told.here())) taken.push_back(std::move(slot));
  return taken;
}

TEST(UploadSlots, one_key_has_half_and_another_finds_the_other_half) {
  UploadSlots slots;
  Told told;
  EXPECT_EQ(take_all(slots, ann, told).size(), uploads_max / 2);
  told.slots.clear();
  const auto anns = take_all(slots, ann, told);
  EXPECT_EQ(take_all(slots, bob, told).size(), uploads_max / 2);
}

TEST(UploadSlots, many_keys_of_one_address_have_half_together) {
  UploadSlots slots;
  Told told;
  std::vector<UploadSlots::Slot> taken;
  for (int i = 0; i < 200; ++i)
    if (auto slot = slots.take({std::to_string(i), "10.0.0.9", ""}, Instant{}, told.here()))
      taken.push_back(std::move(slot));
  EXPECT_EQ(taken.size(), uploads_max / 2);
}

TEST(UploadSlots, one_presigned_url_has_few_from_however_many_addresses) {
  UploadSlots slots;
  Told told;
  std::vector<UploadSlots::Slot> taken;
  for (int i = 0; i < 200; ++i)
    if (auto slot = slots.take({"ann", std::to_string(i), "/b/k?X-Amz-Signature=1"}, Instant{},
                               told.here()))
      taken.push_back(std::move(slot));
  EXPECT_EQ(taken.size(), uploads_of_url_max);
  EXPECT_EQ(told.refused, 200 - static_cast<int>(uploads_of_url_max + waiting_uploads_of_url_max));
}

TEST(UploadSlots, who_waits_gets_the_slot_that_is_given_back_and_bob_is_not_held_up_by_ann) {
  UploadSlots slots(0);
  ASSERT_EQ(slots.slots(), 8U);
  Told ann_told, bob_told;
  auto anns = take_all(slots, ann, ann_told);  // the last one of these waits
  auto bobs = take_all(slots, bob, bob_told);
  bobs.pop_back();
  EXPECT_EQ(bob_told.slots.size(), 1U);
  EXPECT_TRUE(ann_told.slots.empty());
  anns.pop_back();
  EXPECT_EQ(ann_told.slots.size(), 1U);
}

TEST(UploadSlots, who_waited_too_long_is_refused) {
  int begun = 0;
  UploadSlots slots(0, [&] { ++begun; });
  Told told;
  const auto taken = take_all(slots, ann, told);
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(slots.expire(Instant{} + upload_wait_max - std::chrono::seconds(1)), 1U);
  EXPECT_EQ(told.refused, 0);
  EXPECT_EQ(slots.expire(Instant{} + upload_wait_max), 0U);
  EXPECT_EQ(told.refused, 1);
  EXPECT_EQ(slots.take(ann, Instant{}, [](const UploadSlots::Slot&) {}), nullptr);
  EXPECT_EQ(begun, 2);
}

}  // namespace
}  // namespace slipway::service
