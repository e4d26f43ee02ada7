#include "engine/identity/session_record.h"

#include <charconv>
#include <memory>

#include "engine/identity/policy.h"

namespace slipway::identity {
namespace {

// Texts one after another, each behind its length as two bytes.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void text(std::string_view text) {
    out_ += static_cast<char>(text.size() >> 8);
    out_ += static_cast<char>(text.size() & 255);
    out_ += text;
  }
  void number(std::int64_t value) { text(std::to_string(value)); }
  void time(Timestamp time) { number(time.time_since_epoch().count()); }

 private:
  std::string& out_;
};

// Reads what a Writer wrote; what is missing reads as empty, and says so at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string text() {
    if (rest_.size() < 2) return broken();
    const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(rest_[0])) * 256 +
                             static_cast<unsigned char>(rest_[1]);
    if (rest_.size() < 2 + size) return broken();
    const std::string text(rest_.substr(2, size));
    rest_.remove_prefix(2 + size);
    return text;
  }
  std::int64_t number() {
    const std::string digits = text();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) whole_ = false;
    return value;
  }
  Timestamp time() { return Timestamp(std::chrono::microseconds(number())); }

  bool at_end() const { return rest_.empty(); }
  bool whole() const { return whole_ && rest_.empty(); }
  bool broken_off() const { return !whole_; }

 private:
  std::string broken() {
    whole_ = false;
    rest_ = {};
    return {};
  }

  std::string_view rest_;
  bool whole_ = true;
};

template <typename Items, typename Write>
void write_all(Writer& writer, const Items& items, Write write) {
  writer.number(static_cast<std::int64_t>(items.size()));
  for (const auto& item : items) write(item);
}

template <typename Read>
void read_all(Reader& reader, Read read) {
  for (std::int64_t left = reader.number(); left > 0 && !reader.broken_off(); --left) read();
}

std::unexpected<Error> invalid() {
  return fail(ErrorCode::unauthenticated, "The session token is not one of this server's.",
              "invalid_token");
}

Result<std::shared_ptr<const SessionTerms>> read_terms(Reader& reader) {
  auto terms = std::make_shared<SessionTerms>();
  terms->issued = reader.time();
  terms->source_identity = reader.text();
  read_all(reader, [&] {
    std::string key = reader.text();
    terms->tags.emplace_back(std::move(key), reader.text());
  });
  read_all(reader, [&] { terms->transitive_keys.push_back(reader.text()); });
  terms->policy_document = reader.text();
  read_all(reader, [&] { terms->policies.push_back(reader.text()); });
  // Few sessions have these, and tokens of former versions none: what an identity provider said,
  // and when a second factor was shown.
  if (!reader.at_end())
    read_all(reader, [&] {
      std::string key = reader.text();
      terms->provider_keys.emplace_back(std::move(key), reader.text());
    });
  if (!reader.at_end()) terms->factor_shown = reader.time();
  if (terms->policy_document.empty()) return terms;
  TRY(Policy policy, Policy::parse(terms->policy_document, PolicyUse::permissions));
  terms->policy = std::make_shared<const Policy>(std::move(policy));
  return terms;
}

}  // namespace

std::string to_bytes(const SessionRecord& record) {
  std::string bytes;
  Writer writer(bytes);
  writer.text(record.access_key_id);
  writer.text(record.secret);
  writer.number(to_microseconds(record.expires));
  const Principal& principal = record.principal;
  writer.number(static_cast<std::int64_t>(principal.kind));
  for (const std::string& text : {principal.account, principal.name, principal.id})
    writer.text(text);
  const SessionTerms& terms = *principal.session;
  writer.time(terms.issued);
  writer.text(terms.source_identity);
  write_all(writer, terms.tags, [&](const Tag& tag) {
    writer.text(tag.first);
    writer.text(tag.second);
  });
  write_all(writer, terms.transitive_keys, [&](const std::string& key) { writer.text(key); });
  writer.text(terms.policy_document);
  write_all(writer, terms.policies, [&](const std::string& name) { writer.text(name); });
  if (terms.provider_keys.empty() && !terms.factor_shown) return bytes;
  write_all(writer, terms.provider_keys, [&](const Tag& key) {
    writer.text(key.first);
    writer.text(key.second);
  });
  if (terms.factor_shown) writer.time(*terms.factor_shown);
  return bytes;
}

Result<SessionRecord> session_record(std::string_view bytes) {
  Reader reader(bytes);
  SessionRecord record;
  record.access_key_id = reader.text();
  record.secret = reader.text();
  record.expires = server_time_from(reader.number());
  record.principal.kind = static_cast<Principal::Kind>(reader.number());
  record.principal.account = reader.text();
  record.principal.name = reader.text();
  record.principal.id = reader.text();
  auto terms = read_terms(reader);
  if (!terms || !reader.whole()) return invalid();
  record.principal.session = *std::move(terms);
  return record;
}

}  // namespace slipway::identity
