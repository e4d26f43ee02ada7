#include "engine/transform/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "base/random.h"
#include "engine/transform/input.h"

namespace slipway::transform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string little(std::uint64_t value, std::size_t bytes) {
  return {reinterpret_cast<const char*>(&value), bytes};
}

// As TensorFlow's own writer gives it (tf.io.TFRecordWriter of "hello").
const std::string tf_hello("\x05\0\0\0\0\0\0\0\xea\xb2\x04\x3ehello\xe8\x9f\x7d\x38", 21);

std::string record_io(std::string_view data, std::uint32_t continuation = 0) {
  std::string out = little(0xced7230a, 4) + little(data.size() | (continuation << 29U), 4);
  out += data;
  out.append((4 - data.size() % 4) % 4, '\0');
  return out;
}

// Hands bytes out in stretches of random length, as a slow file would.
ByteSource in_stretches(std::string text, std::uint64_t seed) {
  return
      [text = std::move(text), at = std::size_t{0}, random = std::make_shared<SeededRandom>(seed)](
          std::span<std::byte> out) mutable -> Result<std::size_t> {
        const std::size_t most = std::min(out.size(), text.size() - at);
        const std::size_t got = most == 0 ? 0 : 1 + below(*random, most);
        std::memcpy(out.data(), text.data() + at, got);
        at += got;
        return got;
      };
}

struct Sent {
  std::vector<std::string> chunks;
  std::uint64_t records = 0;
  std::string error;
};
Sent chunks_of(const std::string& text, CutRule rule, std::uint64_t seed) {
  InputChunks input(in_stretches(text, seed), rule,
                    std::make_shared<Blocks>(rule.bytes_max + InputChunks::block_margin));
  Sent sent;
  for (;;) {
    auto chunk = input.next();
    if (!chunk) {
      sent.error = chunk.error().message;
      return sent;
    }
    if (!*chunk) return sent;
    EXPECT_EQ((*chunk)->first_record, sent.records + 1);
    sent.chunks.emplace_back((*chunk)->input);
    sent.records += (*chunk)->records;
  }
}

constexpr auto multi = BatchStrategy::multi_record;
constexpr auto single = BatchStrategy::single_record;

TEST(Split, lines_are_packed_up_to_the_limit_and_one_byte_more_begins_another_request) {
  EXPECT_THAT(chunks_of("aa\nbb\ncc\n", {SplitType::line, multi, 6}, 1).chunks,
              ElementsAre("aa\nbb\n", "cc\n"));
  EXPECT_THAT(chunks_of("aa\nbb\ncc\n", {SplitType::line, multi, 5}, 1).chunks,
              ElementsAre("aa\n", "bb\n", "cc\n"));
}

TEST(Split, the_last_line_may_lack_its_end_and_empty_lines_are_no_records) {
  EXPECT_THAT(chunks_of("a\n\nb", {SplitType::line, single, 10}, 2).chunks,
              ElementsAre("a", "", "b"));
  EXPECT_EQ(count_lines("a\n\nb"), 2U);
  EXPECT_EQ(count_lines("\na\r\n\r\nb\n"), 2U);
  EXPECT_EQ(count_lines(""), 0U);
  EXPECT_EQ(count_lines("a\r\n\r"), 1U);
  EXPECT_EQ(count_lines("\r"), 0U);
}

TEST(Split, lines_are_counted_as_they_are_walked) {
  std::minstd_rand chance(7);
  for (int i = 0; i < 3000; ++i) {
    std::string text(chance() % 700, 'x');
    for (char& c : text) c = "\n\nx\r"[chance() % (i % 2 == 0 ? 4 : 3)];
    std::uint64_t walked = 0;
    std::string_view rest = text;
    for (std::string_view line; next_line(rest, line);) ++walked;
    ASSERT_EQ(count_lines(text), walked) << ::testing::PrintToString(text);
  }
}

TEST(Split, a_record_at_the_limit_is_sent_and_one_past_it_is_refused_by_number_and_place) {
  EXPECT_THAT(chunks_of("aaaa\nb\n", {SplitType::line, multi, 5}, 3).chunks,
              ElementsAre("aaaa\n", "b\n"));
  const Sent sent = chunks_of("b\naaaaa\n", {SplitType::line, multi, 5}, 3);
  EXPECT_THAT(sent.chunks, ElementsAre("b\n"));
  EXPECT_THAT(sent.error, HasSubstr("record 2 (byte 2)"));
}

TEST(Split, without_splitting_a_file_is_one_request_or_too_large) {
  EXPECT_THAT(chunks_of("a\nb\n", {SplitType::none, multi, 4}, 4).chunks, ElementsAre("a\nb\n"));
  EXPECT_THAT(chunks_of("a\nb\nc", {SplitType::none, multi, 4}, 4).error, HasSubstr("larger than"));
}

TEST(Split, framing_goes_with_single_records_and_stays_with_many) {
  const std::string two = tf_hello + tf_hello;
  EXPECT_THAT(chunks_of(two, {SplitType::tf_record, single, 100}, 5).chunks,
              ElementsAre("hello", "hello"));
  EXPECT_THAT(chunks_of(two, {SplitType::tf_record, multi, 100}, 5).chunks, ElementsAre(two));
  const std::string io = record_io("abcde") + record_io("xyz");
  EXPECT_THAT(chunks_of(io, {SplitType::record_io, single, 100}, 6).chunks,
              ElementsAre("abcde", "xyz"));
  EXPECT_THAT(chunks_of(io, {SplitType::record_io, multi, 16}, 6).chunks,
              ElementsAre(record_io("abcde"), record_io("xyz")));
}

TEST(Split, a_record_io_record_of_several_parts_is_one_and_gets_its_magic_back) {
  const std::string parts = record_io("ab", 1) + record_io("cd", 2) + record_io("ef", 3);
  const std::string magic = little(0xced7230a, 4);
  EXPECT_THAT(chunks_of(parts + record_io("z"), {SplitType::record_io, single, 100}, 7).chunks,
              ElementsAre("ab" + magic + "cd" + magic + "ef", "z"));
}

TEST(Split, what_is_not_of_the_format_or_cut_off_is_said) {
  EXPECT_THAT(chunks_of("no magic here", {SplitType::record_io, multi, 100}, 8).error,
              HasSubstr("no RecordIO"));
  std::string damaged = tf_hello;
  damaged[0] = 6;
  EXPECT_THAT(chunks_of(damaged, {SplitType::tf_record, multi, 100}, 8).error,
              HasSubstr("no TFRecord"));
  EXPECT_THAT(chunks_of(tf_hello.substr(0, 20), {SplitType::tf_record, multi, 100}, 8).error,
              HasSubstr("ends within"));
}

TEST(Split, records_before_one_that_is_not_of_the_format_are_sent_and_it_is_said_which_it_is) {
  const std::string good = record_io("abcd");
  const Sent damaged =
      chunks_of(good + good + "no magic here", {SplitType::record_io, multi, 99}, 9);
  EXPECT_THAT(damaged.chunks, ElementsAre(good + good));
  EXPECT_THAT(damaged.error, HasSubstr("record 3 (byte 24): this is no RecordIO"));
  const Sent cut_off =
      chunks_of(tf_hello + tf_hello.substr(0, 20), {SplitType::tf_record, multi, 99}, 9);
  EXPECT_THAT(cut_off.chunks, ElementsAre(tf_hello));
  EXPECT_THAT(cut_off.error, HasSubstr("record 2 (byte 21): the input ends within"));
}

// Whatever the stretches in which bytes arrive and the limit of a request, the same records come.
TEST(Split, any_chunking_gives_the_same_records) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    std::string text;
    std::string lines;
    const std::size_t records = below(random, 60);
    const auto type = static_cast<SplitType>(1 + below(random, 3));
    for (std::size_t i = 0; i < records; ++i) {
      const std::string data(1 + below(random, 30), static_cast<char>('a' + below(random, 26)));
      if (type == SplitType::line) text += data + '\n';
      if (type == SplitType::record_io) text += record_io(data);
      if (type == SplitType::tf_record) text += tf_hello;
      lines += type == SplitType::tf_record ? "hello\n" : data + '\n';
    }
    const Sent one = chunks_of(text, {type, single, 60}, seed);
    EXPECT_EQ(one.error, "");
    EXPECT_EQ(one.records, records);
    std::string got;
    for (const std::string& chunk : one.chunks) got += chunk + '\n';
    EXPECT_EQ(got, lines);
    const std::size_t most = 48 + below(random, 200);
    const Sent many = chunks_of(text, {type, multi, most}, seed + 1);
    EXPECT_EQ(many.error, "");
    EXPECT_EQ(many.records, records);
    std::string whole;
    for (const std::string& chunk : many.chunks) {
      EXPECT_LE(chunk.size(), most);
      whole += chunk;
    }
    EXPECT_EQ(whole, text);
  }
}

}  // namespace
}  // namespace slipway::transform
