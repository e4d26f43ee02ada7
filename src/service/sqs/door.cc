#include "service/sqs/door.h"

#include <vector>

#include "base/encoding.h"
#include "base/text.h"
#include "service/arn.h"

namespace slipway::sqs {
namespace {

bool is_host_alone(std::string_view url) {
  const auto scheme = url.find("://");
  return scheme != url.npos && scheme + 3 < url.size() && url.find('/', scheme + 3) == url.npos;
}

// "account/name" at the end of a URL or a path, or a queue's name alone, which is the caller's. A
// host alone is taken for a name too, which no queue has.
std::optional<std::pair<std::string, std::string>> account_and_name(const Call& call,
                                                                    std::string_view url) {
  if (is_host_alone(url)) return std::pair(call.account(), std::string(url));
  while (url.ends_with('/')) url.remove_suffix(1);
  const auto slash = url.rfind('/');
  if (slash == url.npos && !url.empty()) return std::pair(call.account(), std::string(url));
  if (slash == url.npos || slash == 0) return std::nullopt;
  const std::string_view name = url.substr(slash + 1);
  url = url.substr(0, slash);
  const std::string_view account = url.substr(url.rfind('/') + 1);
  if (account.size() != 12 || account.find_first_not_of("0123456789") != account.npos)
    return std::nullopt;
  return std::pair(std::string(account), percent_decode(name));
}

}  // namespace

Result<events::Queue> SqsDoor::find(Call& call, std::optional<std::string_view> url) const {
  const std::string_view address = url.value_or(path_of(call));
  if (!url && address.size() <= 1) return missing("QueueUrl");
  const auto id = id_of_url(call, address);
  if (!id)
    return refuse("InvalidAddress",
                  fmt::format("The address {} is not valid for this endpoint.", address));
  return get(call, *id);
}

Result<events::Queue> SqsDoor::get(Call& call, const events::QueueId& id) const {
  if (auto left = call.take_left<events::Queue>(); left && left->id == id) return *std::move(left);
  auto queue = queues.find(call.tx(), id);
  if (queue || queue.error().kind != "no_queue") return queue;
  Error error = std::move(queue).error();
  // By Query the text is still that of the protocol's first days.
  const bool by_query = call.http() && !service::header_of(call, "x-amz-target");
  error.message = by_query ? "The specified queue does not exist for this wsdl version."
                           : "The specified queue does not exist.";
  return std::unexpected(std::move(error));
}

std::string SqsDoor::url_of(const Call& call, const events::QueueId& id) const {
  const std::string_view account = std::string_view(id.text).substr(0, id.text.find('/'));
  return fmt::format("{}://{}/{}/{}", scheme, call.host(), account, name_of(id));
}

std::string_view name_of(const events::QueueId& id) {
  return std::string_view(id.text).substr(id.text.rfind('/') + 1);
}

std::string arn_of(const events::QueueId& id) {
  std::string_view rest = id.text;
  const std::string_view account = take_until(rest, '/');
  const std::string_view region = take_until(rest, '/');
  return fmt::format("arn:aws:sqs:{}:{}:{}", region, account, rest);
}

std::optional<events::QueueId> id_of_url(const Call& call, std::string_view url) {
  const auto parts = account_and_name(call, url);
  if (!parts) return std::nullopt;
  return events::QueueId{fmt::format("{}/{}/{}", parts->first, call.region(), parts->second)};
}

std::optional<events::QueueId> id_of_arn(std::string_view text) {
  const auto arn = service::parse_arn(text);
  if (!arn || arn->service != "sqs") return std::nullopt;
  return events::QueueId{arn->key()};
}

}  // namespace slipway::sqs
