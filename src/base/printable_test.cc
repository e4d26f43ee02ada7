#include "base/printable.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(Printable, KeepsWhatIsText) {
  EXPECT_EQ(printable("a\tb\nc é € 😀 \u00a0"), "a\tb\nc é € 😀 \u00a0");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, HasABlankForEachThingThatSteersATerminal) {
  EXPECT_EQ(printable("\x1b[2J\x07\r\x7f|"), " [2J   |");
  EXPECT_EQ(printable("\u009b2J \u009d0;title\u009c|\u0080\u009f"), " 2J  0;title |  ");
}

TEST(Printable, SaysWhichBytesAreNoText) {
  EXPECT_EQ(printable("a\x9b"
                      "31m\xff"),
            "a\ufffd31m\ufffd");
  EXPECT_EQ(printable("cut \xc2"), "cut \ufffd");
}

TEST(Printable, JsonStaysTheSameJson) {
  EXPECT_EQ(printable_json("{\n\"é\": \"\u009b31m\x7f\\u001b\"\n}"),
            "{\n\"é\": \"\\u009b31m\\u007f\\u001b\"\n}");
  EXPECT_EQ(printable_json("\"\xc2"), "\"\xc2") << "and what is none stays as it is";
}

}  // namespace
}  // namespace slipway
