#include "net/link_frame.h"

#include <gtest/gtest.h>

#include <random>

namespace slipway::net {
namespace {

LinkFrame only_frame(std::string_view bytes) {
  const auto frame = take_link_frame(bytes);
  EXPECT_TRUE(frame.has_value() && frame->has_value());
  EXPECT_TRUE(bytes.empty());
  return frame.has_value() && frame->has_value() ? **frame : LinkFrame{};
}

TEST(LinkFrame, a_request_comes_back_as_it_was) {
  const Header headers[] = {{"X-Amzn-SageMaker-Custom-Attributes", "a=b"}, {"X-Empty", ""}};
  std::string bytes;
  ASSERT_TRUE(append_link_request(bytes, {.id = 7,
                                          .content_type = "text/csv",
                                          .accept = "application/json",
                                          .headers = headers,
                                          .body = "1,2,3"}));
  LinkFrame frame = only_frame(bytes);
  EXPECT_EQ(frame.type, LinkFrameType::request);
  EXPECT_EQ(frame.id, 7U);
  EXPECT_EQ(frame.content_type, "text/csv");
  EXPECT_EQ(frame.accept, "application/json");
  EXPECT_EQ(frame.body, "1,2,3");
  EXPECT_EQ(frame.headers.find("x-amzn-sagemaker-custom-attributes"), "a=b");
  EXPECT_EQ(frame.headers.next()->name, "X-Amzn-SageMaker-Custom-Attributes");
  EXPECT_EQ(frame.headers.next()->value, "");
  EXPECT_FALSE(frame.headers.next());
}

TEST(LinkFrame, a_response_and_the_small_frames_come_back) {
  std::string bytes;
  ASSERT_TRUE(append_link_response(
      bytes, {.id = 9, .status = 400, .content_type = "text/plain", .body = "no"}));
  append_link_ping(bytes, 1);
  append_link_pong(bytes, 2);
  append_link_cancel(bytes, 0xffffffff);
  std::string_view rest = bytes;
  const auto response = take_link_frame(rest);
  EXPECT_EQ((*response)->status, 400);
  EXPECT_EQ((*response)->body, "no");
  EXPECT_EQ((*take_link_frame(rest))->type, LinkFrameType::ping);
  EXPECT_EQ((*take_link_frame(rest))->id, 2U);
  EXPECT_EQ((*take_link_frame(rest))->id, 0xffffffffU);
  EXPECT_FALSE(take_link_frame(rest)->has_value());
}

TEST(LinkFrame, a_response_says_how_quick_its_model_is) {
  for (const LinkPace pace : {0, 1, 255}) {
    std::string bytes;
    ASSERT_TRUE(append_link_response(bytes, {.id = 9, .body = "yes", .pace = pace}));
    EXPECT_EQ(only_frame(bytes).pace, pace);
  }
}

TEST(LinkFrame, an_incomplete_frame_is_waited_for) {
  std::string bytes;
  ASSERT_TRUE(append_link_request(bytes, {.id = 1, .content_type = "a/b", .body = "body"}));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::string_view part = std::string_view(bytes).substr(0, size);
    const auto frame = take_link_frame(part);
    ASSERT_TRUE(frame.has_value()) << size;
    EXPECT_FALSE(frame->has_value()) << size;
    EXPECT_EQ(part.size(), size);
  }
}

TEST(LinkFrame, what_does_not_fit_is_refused_and_nothing_is_written) {
  std::string bytes = "before";
  const std::string body(link_body_bytes_max + 1, 'x');
  const LinkRequest too_long{.body = body};
  EXPECT_FALSE(fits_link(too_long));
  EXPECT_EQ(append_link_request(bytes, too_long).error().code, ErrorCode::limit_exceeded);
  const std::string value(link_head_bytes_max, 'x');
  const Header header[] = {{"x", value}};
  EXPECT_FALSE(append_link_response(bytes, {.headers = header}).has_value());
  const std::vector<Header> many(link_pairs_max + 1, Header{"a", "b"});
  EXPECT_FALSE(append_link_request(bytes, {.headers = many}).has_value());
  EXPECT_EQ(bytes, "before");
  const LinkRequest largest{.body = std::string_view(body).substr(1)};
  EXPECT_TRUE(fits_link(largest));
  EXPECT_TRUE(append_link_request(bytes, largest).has_value());
}

TEST(LinkFrame, an_answer_may_be_much_longer_than_a_request) {
  const std::string body(link_response_body_bytes_max, 'x');
  std::string bytes;
  ASSERT_TRUE(append_link_response(bytes, {.id = 3, .body = body}));
  LinkInput input;
  for (std::size_t at = 0; at < bytes.size();) {
    EXPECT_FALSE((*input.take()).has_value());
    const std::span<char> space = input.space();
    const std::size_t size = std::min(space.size(), bytes.size() - at);
    std::copy_n(bytes.data() + at, size, space.data());
    input.filled(size);
    at += size;
  }
  EXPECT_TRUE((*input.take())->body == body);
  const std::string too_long = body + "x";
  EXPECT_FALSE(append_link_response(bytes, {.body = too_long}).has_value());
}

TEST(LinkFrame, every_damaged_frame_is_refused_or_waited_for_and_never_read_past) {
  const Header headers[] = {{"X-A", "1"}, {"X-B", "22"}};
  std::string whole;
  ASSERT_TRUE(append_link_request(
      whole, {.id = 1, .content_type = "a/b", .accept = "c", .headers = headers, .body = "body"}));
  std::mt19937 random(42);
  for (int round = 0; round < 200'000; ++round) {
    std::string damaged = whole.substr(0, 1 + random() % whole.size());
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    // On the heap, so that a sanitizer sees a read past its end.
    const std::vector<char> exact(damaged.begin(), damaged.end());
    std::string_view bytes(exact.data(), exact.size());
    const auto frame = take_link_frame(bytes);
    if (!frame || !*frame) continue;
    LinkPairs pairs = (*frame)->headers;
    std::size_t seen = 0;
    while (const auto header = pairs.next()) seen += header->name.size() + header->value.size();
    EXPECT_LE(seen + (*frame)->body.size(), exact.size());
  }
}

TEST(LinkFrame, input_gives_frames_as_they_become_complete) {
  std::string bytes;
  for (std::uint32_t id = 0; id < 500; ++id) {
    const std::string body(id * 7 % 3000, static_cast<char>('a' + id % 26));
    ASSERT_TRUE(append_link_request(bytes, {.id = id, .content_type = "t", .body = body}));
  }
  LinkInput input;
  std::uint32_t next = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::span<char> space = input.space(64);
    const std::size_t size = std::min({space.size(), bytes.size() - at, 1 + at % 5000});
    std::copy_n(bytes.data() + at, size, space.data());
    input.filled(size);
    at += size;
    while (true) {
      const auto frame = input.take();
      ASSERT_TRUE(frame.has_value());
      if (!*frame) break;
      EXPECT_EQ((*frame)->id, next);
      EXPECT_EQ((*frame)->body.size(), next * 7 % 3000);
      ++next;
    }
  }
  EXPECT_EQ(next, 500U);
}

TEST(LinkFrame, inputs_take_turns_in_one_buffer) {
  LinkSpare spare;
  LinkInput first(&spare);
  LinkInput second(&spare);
  std::string bytes;
  append_link_ping(bytes, 5);
  const auto read = [&](LinkInput& input, std::string_view part) {
    const std::span<char> space = input.space();
    std::ranges::copy(part, space.data());
    input.filled(part.size());
    return space.data();
  };
  const char* const lent = read(first, bytes);
  EXPECT_EQ((*first.take())->id, 5U);
  first.rest();
  EXPECT_EQ(read(second, bytes.substr(0, 4)), lent);
  second.rest();  // waits for the rest of a frame, and keeps what it has
  EXPECT_NE(read(first, bytes), lent);
  read(second, bytes.substr(4));
  EXPECT_EQ((*second.take())->id, 5U);
}

TEST(LinkFrame, carries_an_answer_in_parts) {
  std::string bytes;
  ASSERT_TRUE(append_link_request(bytes, {.id = 7, .answer = LinkAnswer::streamed}));
  ASSERT_TRUE(append_link_begin(bytes, {.id = 7, .status = 206, .content_type = "text/plain"}));
  append_link_part(bytes, 7, "one");
  append_link_part(bytes, 7, std::string(link_part_bytes_max, 'x'));
  append_link_credit(bytes, 7, 123'456);
  append_link_end(bytes, 7);
  append_link_abort(bytes, 8, std::string(10'000, 'w'));
  std::string_view rest(bytes);
  const auto take = [&] { return take_link_frame(rest).value().value(); };
  EXPECT_EQ(take().answer, LinkAnswer::streamed);
  const LinkFrame begin = take();
  EXPECT_EQ(begin.type, LinkFrameType::begin);
  EXPECT_EQ(begin.status, 206);
  EXPECT_EQ(begin.content_type, "text/plain");
  EXPECT_EQ(take().body, "one");
  EXPECT_EQ(take().body.size(), link_part_bytes_max);
  EXPECT_EQ(take().credit, 123'456U);
  EXPECT_EQ(take().type, LinkFrameType::end);
  const LinkFrame abort = take();
  EXPECT_EQ(abort.type, LinkFrameType::abort);
  EXPECT_EQ(abort.id, 8U);
  EXPECT_EQ(abort.body, std::string(link_abort_bytes_max, 'w'));
  EXPECT_TRUE(rest.empty());
}

TEST(LinkFrame, refuses_parts_and_credits_of_a_wrong_length) {
  std::string part;
  append_link_part(part, 1, std::string(link_part_bytes_max + 1, 'x'));
  std::string_view rest(part);
  EXPECT_FALSE(take_link_frame(rest));
  std::string credit;
  append_link_credit(credit, 1, 1);
  credit[0] = 3;
  rest = credit;
  EXPECT_FALSE(take_link_frame(rest));
  std::string end;
  append_link_end(end, 1);
  end[0] = 1;
  end += 'x';
  rest = end;
  EXPECT_FALSE(take_link_frame(rest));
}

}  // namespace
}  // namespace slipway::net
