// What batches of every kind share.
// docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "service/sqs/door.h"

namespace slipway::sqs {

inline constexpr std::size_t batch_entries_max = 10;
inline constexpr std::size_t batch_id_bytes_max = 80;
inline constexpr std::size_t batch_bytes_max = 1 << 20;
inline constexpr std::size_t token_bytes_max = 128;

// Letters, digits, '-' and '_'.
inline bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// A name that a client gives to a group, a message or an attempt: letters, digits and ASCII
// punctuation; empty is none.
inline Result<> check_token(std::string_view text, std::string_view parameter) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  if (text.size() <= token_bytes_max && plain) return {};
  return bad_value(
      fmt::format("Value {} for parameter {} is invalid. Reason: {} can only include alphanumeric "
                  "and punctuation characters. 1 to {} in length.",
                  text, parameter, parameter, token_bytes_max));
}

// EmptyBatchRequest, TooManyEntriesInBatchRequest, InvalidBatchEntryId, BatchEntryIdsNotDistinct.
// `what` names an entry ("SendMessageBatchRequestEntry").
template <typename Entry>
Result<> check_batch(const wire::ListView<Entry>& entries, std::string_view what) {
  if (entries.empty())
    return refuse("EmptyBatchRequest",
                  fmt::format("There should be at least one {} in the request.", what));
  if (entries.size() > batch_entries_max)
    return refuse("TooManyEntriesInBatchRequest",
                  fmt::format("Maximum number of entries per request are {}. You have sent {}.",
                              batch_entries_max, entries.size()));
  std::set<std::string_view> ids;
  for (const Entry entry : entries) {
    const std::string_view id = entry.Id();
    if (id.empty() || id.size() > batch_id_bytes_max || !is_plain(id))
      return refuse("InvalidBatchEntryId",
                    fmt::format("A batch entry id can only contain alphanumeric characters, "
                                "hyphens and underscores. It can be at most {} letters long.",
                                batch_id_bytes_max));
    if (!ids.insert(id).second)
      return refuse("BatchEntryIdsNotDistinct", fmt::format("Id {} repeated.", id));
  }
  return {};
}

// How an entry failed, as the code that the whole request would have failed with.
void fill_failure(const Error& error, std::string_view id, api::BatchResultErrorEntry out);

// Of errors of the engine and of this door.
service::ErrorTable error_table();

}  // namespace slipway::sqs
