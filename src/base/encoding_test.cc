#include "base/encoding.h"

#include <gtest/gtest.h>

#include <string>

namespace slipway {
namespace {

using namespace std::string_view_literals;

TEST(EncodingTest, base64_is_that_of_rfc_4648) {
  for (const auto& [bytes, text] : {std::pair{""sv, ""sv},
                                    {"f"sv, "Zg=="sv},
                                    {"fo"sv, "Zm8="sv},
                                    {"foo"sv, "Zm9v"sv},
                                    {"foob"sv, "Zm9vYg=="sv},
                                    {"fooba"sv, "Zm9vYmE="sv},
                                    {"foobar"sv, "Zm9vYmFy"sv}}) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  EXPECT_EQ(from_base64("Zg"), "f") << "padding may be left out";
}

TEST(EncodingTest, every_byte_survives_every_text_form) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(from_base64(to_base64(all)), all);
  EXPECT_EQ(from_hex(to_hex(all)), all);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(EncodingTest, what_is_no_base64_is_refused) {
  for (const auto text : {"Z", "Zg==Zg==", "Zm9v!", "Zm 9v", "Zm\n9v", "Zm9-"})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(EncodingTest, hex_of_either_case_is_read_and_everything_else_refused) {
  EXPECT_EQ(from_hex("00fFA0"), "\x00\xff\xa0"sv);
  for (const auto text : {"0", "0g", " 0", "0x10"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(EncodingTest, percent_encoding_keeps_the_unreserved_and_what_it_is_told_to) {
  EXPECT_EQ(percent_encode("aZ9-_.~ /\xc3\xa4"), "aZ9-_.~%20%2F%C3%A4");
  EXPECT_EQ(percent_encode("a/b c", "/"), "a/b%20c");
}

TEST(EncodingTest, a_percent_sign_that_begins_no_triple_stays) {
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
}

TEST(EncodingTest, a_plus_is_a_space_only_in_forms) {
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b%2B", PlusSign::space), "a b+");
}

TEST(EncodingTest, sha256_is_that_of_fips_180_4) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(EncodingTest, utf8_is_told_from_what_only_looks_like_it) {
  for (const auto text : {""sv, "plain"sv, "\0"sv, "\xc3\xa4"sv, "\xe2\x82\xac"sv,
                          "\xf0\x9f\x98\x80"sv, "\xf4\x8f\xbf\xbf"sv})
    EXPECT_TRUE(is_utf8(text)) << to_hex(text);
  for (const auto text :
       {"\x80"sv, "\xc3"sv, "\xc0\x80"sv, "\xe0\x80\x80"sv, "\xed\xa0\x80"sv, "\xf0\x80\x80\x80"sv,
        "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv, "a\xe2\x82"sv})
    EXPECT_FALSE(is_utf8(text)) << to_hex(text);
}

TEST(Encoding, WhatIsNoUtf8IsReplacedByteByByteAndTheRestStays) {
  EXPECT_EQ(to_utf8("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(to_utf8("a\xff"
                    "b\xe2\x82"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(to_utf8(""), "");
}

}  // namespace
}  // namespace slipway
