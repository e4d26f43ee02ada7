#include "engine/federation/issuer_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/log.h"
#include "base/text.h"
#include "net/blocking_client.h"

namespace slipway::federation {
namespace {

namespace json = boost::json;

std::string target_of(std::string_view url) {
  const auto path = url.find('/', url.find("://") + 3);
  return path == url.npos ? "/" : std::string(url.substr(path));
}

// What would end the line that it is asked in, or say more than where to ask.
bool is_target(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
}

// One document of an issuer, by https, from a server that `tls` trusts.
Result<std::string> fetch_document(const std::string& url, net::Reach reach,
                                   const std::shared_ptr<const net::TlsContext>& tls) {
  TRY(const net::Origin origin, net::Origin::parse(url));
  if (origin.scheme != net::Origin::Scheme::https)
    return fail(ErrorCode::permission_denied, fmt::format("'{}' is not https", url));
  if (!is_target(url)) return fail(ErrorCode::invalid_argument, "The issuer's address is no URL.");
  const net::BlockingLimits limits{.connect_time = issuer_answer_time_max,
                                   .silence_time = issuer_answer_time_max,
                                   .body_bytes_max = issuer_document_bytes_max,
                                   .whole_time = issuer_answer_time_max,
                                   .reach = reach};
  net::BlockingClient client(origin, limits, tls);
  net::BlockingRequest request{.target = target_of(url)};
  request.headers.add("Accept", "application/json");
  TRY(net::BlockingResponse response, client.send(std::move(request)));
  if (response.status != 200)
    return fail(ErrorCode::unavailable, fmt::format("'{}' answered {}", url, response.status));
  return std::move(response.body);
}

// "jwks_uri" of an issuer's configuration, which must be that issuer's (OpenID Connect Discovery).
Result<std::string> address_of_keys(std::string_view configuration, const std::string& issuer) {
  std::error_code error;
  const json::value document = json::parse({configuration.data(), configuration.size()}, error);
  if (error || !document.is_object())
    return fail(ErrorCode::corrupted, "The issuer's configuration is no JSON object.");
  const auto text = [&](std::string_view name) {
    const json::value* const found = document.get_object().if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
  };
  if (text("issuer") != issuer)
    return fail(ErrorCode::corrupted, "The issuer's configuration is of another issuer.");
  return text("jwks_uri");
}

}  // namespace

std::string IssuerKeys::key_of(const Issuer& issuer) {
  std::string key = issuer.url;
  for (const std::string& thumbprint : issuer.thumbprints) (key += ' ') += thumbprint;
  return key;
}

std::string IssuerKeys::topic(const Issuer& issuer) { return "issuer/" + key_of(issuer); }

IssuerKeys::Lookup IssuerKeys::told(const Entry& entry) const {
  if (entry.keys) return {.state = Lookup::State::ready, .keys = entry.keys};
  if (entry.coming) return {.state = Lookup::State::coming};
  return {.state = Lookup::State::failed, .why = entry.why};
}

IssuerKeys::Lookup IssuerKeys::find(const Issuer& issuer) {
  const std::scoped_lock lock(mutex_);
  auto found = entries_.find(key_of(issuer));
  if (found == entries_.end()) {
    make_place();
    found = entries_.emplace(key_of(issuer), Entry{}).first;
    begin(issuer, found->second);
    return told(found->second);
  }
  Entry& entry = found->second;
  const Instant now = clock_.monotonic();
  if (entry.keys && now - entry.keys_came > issuer_keys_kept) entry.keys.reset();
  if (!entry.keys && !entry.coming && now - entry.fetched > issuer_failure_kept)
    begin(issuer, entry);
  return told(entry);
}

IssuerKeys::Lookup IssuerKeys::refresh(const Issuer& issuer) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(key_of(issuer));
  if (found == entries_.end()) return {.state = Lookup::State::failed};
  Entry& entry = found->second;
  if (entry.coming) return {.state = Lookup::State::coming};
  if (clock_.monotonic() - entry.fetched < issuer_refresh_min) return told(entry);
  begin(issuer, entry);
  return {.state = Lookup::State::coming};
}

// The one that was fetched first goes, of those that nobody waits for.
void IssuerKeys::make_place() {
  if (entries_.size() < issuers_kept_max) return;
  auto oldest = entries_.end();
  for (auto each = entries_.begin(); each != entries_.end(); ++each)
    if (!each->second.coming &&
        (oldest == entries_.end() || each->second.fetched < oldest->second.fetched))
      oldest = each;
  if (oldest != entries_.end()) entries_.erase(oldest);
}

void IssuerKeys::begin(const Issuer& issuer, Entry& entry) {
  entry.coming = true;
  if (!workers_) workers_.emplace(issuer_fetches_max, WorkerPool::Priority::normal, "issuer-keys");
  workers_->post([this, issuer] { fetch(issuer); });
}

void IssuerKeys::fetch(const Issuer& issuer) {
  if (stopping_) return;
  auto keys = fetched_keys(issuer);
  if (!keys)
    log_warning("federation", "the keys of an issuer of tokens could not be fetched",
                {{"issuer", issuer.url}, {"why", keys.error().message}});
  {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(key_of(issuer));
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    entry.coming = false;
    entry.fetched = clock_.monotonic();
    // Those that are there stay where new ones could not be had.
    entry.why = keys ? "" : keys.error().message;
    if (keys) {
      entry.keys = std::make_shared<const KeySet>(*std::move(keys));
      entry.keys_came = entry.fetched;
    }
  }
  changes_.notify(topic(issuer));
}

Result<KeySet> IssuerKeys::fetched_keys(const Issuer& issuer) const {
  TRY(const auto tls, net::TlsContext::client_pinning(issuer.thumbprints));
  std::string base = issuer.url;
  while (base.ends_with('/')) base.pop_back();
  TRY(const std::string configuration,
      fetch_document(base + "/.well-known/openid-configuration", reach_, tls));
  TRY(const std::string address, address_of_keys(configuration, issuer.url));
  if (stopping_) return fail(ErrorCode::unavailable, "The server ends.");
  TRY(const std::string keys, fetch_document(address, reach_, tls));
  return KeySet::parse(keys);
}

void IssuerKeys::stop() {
  stopping_ = true;
  WorkerPool* made = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    made = workers_ ? &*workers_ : nullptr;
  }
  if (made != nullptr) made->stop();
}

}  // namespace slipway::federation
