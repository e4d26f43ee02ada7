#include "store/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "base/clock.h"
#include "store/store.h"

namespace slipway::store {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

}  // namespace

struct BoatId {
  std::string text;
  bool operator==(const BoatId&) const = default;
};

struct Sail {
  double square_meters = 1.5;
  std::optional<std::uint32_t> reefs;
  bool operator==(const Sail&) const = default;
};

struct Boat {
  enum class Kind : std::uint8_t { rowing, sailing, motor };

  BoatId id;
  Kind kind = Kind::rowing;
  std::optional<Kind> towed_by;
  bool afloat = true;
  std::int32_t keel_cm = -40;
  milliseconds horn{250};
  Timestamp launched{};
  std::vector<Sail> sails;
  std::map<std::string, std::string> crew;
  std::map<std::uint64_t, Sail> spares;
  std::string home = "Kiel";
  std::optional<BoatId> dinghy;
  std::pair<int, int> place{};

  bool operator==(const Boat&) const = default;
};

void fields(auto& field, Of<Sail> auto& sail) {
  field("square_meters", sail.square_meters);
  field("reefs", sail.reefs, Presence::if_any);
}

void fields(auto& field, Of<Boat> auto& boat) {
  const auto to = [](const std::pair<int, int>& place) {
    return std::vector<int>{place.first, place.second};
  };
  const auto from = [](const std::vector<int>& place) -> Result<std::pair<int, int>> {
    if (place.size() != 2) return fail(ErrorCode::corrupted, "A place has two numbers.");
    return std::pair(place[0], place[1]);
  };
  field.version(3);
  field("id", boat.id);
  field("kind", numbered(boat.kind, Boat::Kind::motor));
  field("towed_by", numbered(boat.towed_by, Boat::Kind::motor));
  field("afloat", boat.afloat);
  field("keel_cm", boat.keel_cm);
  field("horn_ms", boat.horn);
  field("launched", boat.launched);
  field("sails", boat.sails);
  field("crew", boat.crew);
  field("spares", boat.spares);
  field("home", boat.home, Presence::added_later);
  field("dinghy", boat.dinghy, Presence::if_any);
  field("place", converted(boat.place, to, from));
}

namespace {

Boat some_boat() {
  return {.id = {"S 12"},
          .kind = Boat::Kind::sailing,
          .towed_by = std::nullopt,
          .afloat = false,
          .keel_cm = -180,
          .horn = milliseconds(400),
          .launched = Timestamp(std::chrono::seconds(5)),
          .sails = {{.square_meters = 20, .reefs = 2}, {}},
          .crew = {{"cook", "A \"sea\" dog"}, {"mate", ""}},
          .spares = {{7, {.square_meters = 0.1, .reefs = {}}}},
          .home = "Å",
          .dinghy = BoatId{"D"},
          .place = {1, -2}};
}

constexpr std::string_view some_text =
    R"({"version":3,"id":"S 12","kind":1,"towed_by":null,"afloat":false,"keel_cm":-180,)"
    R"("horn_ms":400,"launched":5000000,"sails":[{"square_meters":2E1,"reefs":2},)"
    R"({"square_meters":1.5E0}],"crew":{"cook":"A \"sea\" dog","mate":""},)"
    R"("spares":{"7":{"square_meters":1E-1}},"home":"Å","dinghy":"D","place":[1,-2]})";

// What reading says of the text with `before` in place of `after`.
std::string refusal(std::string_view before, std::string_view after) {
  std::string text(some_text);
  text.replace(text.find(before), before.size(), after);
  const auto read = read_document<Boat>("boat", text);
  if (read) return "it was read";
  EXPECT_EQ(read.error().code, ErrorCode::corrupted);
  return read.error().message;
}

TEST(Document, AStructIsWrittenInTheOrderOfItsFieldsAndReadBack) {
  EXPECT_EQ(write_document(some_boat()), some_text);
  EXPECT_EQ(read_document<Boat>("boat", some_text).value(), some_boat());
}

TEST(Document, WhatIsNotInAListOfFieldsIsRefusedWithItsPlace) {
  EXPECT_EQ(refusal(R"("reefs":2)", R"("reefs":2,"colour":"red")"),
            "The stored boat cannot be read: sails[0].colour is not known.");
  EXPECT_EQ(refusal(R"("horn_ms")", R"("horn_s":1,"horn_ms")"),
            "The stored boat cannot be read: horn_s is not known.");
}

TEST(Document, AFieldThatIsMissingOrOfAnotherKindIsRefusedWithItsPlace) {
  EXPECT_THAT(refusal(R"("square_meters":1E-1)", ""),
              HasSubstr("spares.7.square_meters is missing"));
  EXPECT_THAT(refusal(R"("horn_ms":400)", R"("horn_ms":"loud")"),
              HasSubstr("horn_ms is no number"));
  EXPECT_THAT(refusal("-180", "-99999999999"), HasSubstr("keel_cm is no number from -2147483648"));
  EXPECT_THAT(refusal(R"("reefs":2)", R"("reefs":-2)"), HasSubstr("sails[0].reefs is no number"));
  EXPECT_THAT(refusal(R"("kind":1)", R"("kind":3)"), HasSubstr("kind is no number from 0 to 2"));
  EXPECT_THAT(refusal(R"({"7":)", R"({"x":)"), HasSubstr("spares.x is no number"));
  EXPECT_THAT(refusal("[1,-2]", "[1]"), HasSubstr("read: place: A place has two numbers."));
  EXPECT_THAT(refusal("false", "0"), HasSubstr("afloat is neither true nor false"));
  EXPECT_THAT(refusal(R"("S 12")", "{}"), HasSubstr("id is no text"));
  EXPECT_THAT(refusal(R"({"7":{"square_meters":1E-1}})", "[]"), HasSubstr("spares is no object"));
  EXPECT_THAT(refusal(R"("version":3)", R"("version":4)"), HasSubstr("unknown version 4"));
  EXPECT_THAT(refusal("-2]}", "-2]"), HasSubstr("it is no JSON"));
}

TEST(Document, FieldsAreReadInWhateverOrderTheyStand) {
  // As a migration leaves them, which puts what it sets behind all else.
  const auto sail = read_document<Sail>("sail", R"({"reefs":2,"square_meters":2E1})");
  EXPECT_EQ(sail.value(), (Sail{.square_meters = 20, .reefs = 2}));
  std::string text(some_text);
  const std::string_view horn = R"("horn_ms":400,)";
  text.erase(text.find(horn), horn.size());
  text.insert(1, horn);
  EXPECT_EQ(read_document<Boat>("boat", text).value(), some_boat());
  text.insert(1, R"("colour":"red",)");
  EXPECT_EQ(read_document<Boat>("boat", text).error().message,
            "The stored boat cannot be read: colour is not known.");
}

TEST(Document, ATextOfAnyLengthIsRead) {
  Boat boat = some_boat();
  for (int i = 0; i < 5'000; ++i) boat.crew.emplace(std::to_string(i), std::string(i % 100, 'x'));
  EXPECT_EQ(read_document<Boat>("boat", write_document(boat)).value(), boat);
}

TEST(Document, AnOlderTextLacksWhatWasAddedLaterAndTheDefaultHolds) {
  std::string text(some_text);
  const std::string_view later = R"("home":"Å",)";
  text.erase(text.find(later), later.size());
  EXPECT_EQ(read_document<Boat>("boat", text).value().home, "Kiel");
}

TEST(Document, WhatIsNothingIsLeftOutWhereTheListSaysSo) {
  EXPECT_EQ(write_document(Sail{}), R"({"square_meters":1.5E0})");
  EXPECT_EQ(read_document<Sail>("sail", R"({"square_meters":3})").value().reefs, std::nullopt);
  EXPECT_EQ(read_document<Sail>("sail", R"({"square_meters":3,"reefs":null})").value().reefs,
            std::nullopt);
}

TEST(Document, AMapAloneIsADocumentToo) {
  using Tags = std::map<std::string, std::string>;
  EXPECT_EQ(write_document(Tags{{"a", "b"}, {"c", ""}}), R"({"a":"b","c":""})");
  EXPECT_EQ(write_document(Tags{}), "{}");
  EXPECT_EQ(read_document<Tags>("tags", R"({"a":"b"})").value(), (Tags{{"a", "b"}}));
}

TEST(Document, ARowOfOnesOwnThatDoesNotHoldEndsTheTransaction) {
  EXPECT_EQ(read_own_document<Boat>("boat", some_text), some_boat());
  EXPECT_THROW(read_own_document<Boat>("boat", "{}"), BrokenDocument);
}

}  // namespace
}  // namespace slipway::store
