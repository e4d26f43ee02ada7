// Policies as this door knows them, by their ARN: the caller's own and the provider's; and what all
// its operations share.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/encoding.h"
#include "engine/identity/directory.h"
#include "engine/identity/policy_check.h"
#include "engine/identity/roles.h"
#include "engine/identity/stored_policies.h"
#include "service/call.h"
#include "service/errors.h"
#include "service/paging.h"

namespace slipway::iam {

// A managed policy, of the account or the provider's, as answers show it.
struct KnownPolicy {
  std::string arn;
  std::string name;
  std::string path;
  std::string id;
  std::string version;
  std::string description;
  std::string document;  // of the default version
  Timestamp created{};
  Timestamp updated{};
  // What is stored, where it is the caller's own; the provider's can only be read.
  std::optional<identity::StoredPolicy> stored = {};
};

// NoSuchEntity where no policy has this ARN; InvalidInput where it is the ARN of no policy;
// ValidationError where it is no ARN.
Result<KnownPolicy> find_known_policy(service::Call& call, std::string_view arn);

// "arn:aws:iam::aws:policy/ReadOnlyAccess"
struct ManagedPolicy;
std::string provider_arn(const ManagedPolicy& policy);

// The caller's own policy of that ARN; AccessDenied for the provider's, which nobody may change.
Result<identity::StoredPolicy> own_policy(service::Call& call, std::string_view arn);

// NoSuchEntity, in the words of whoever attaches a policy, where there is none of this ARN.
Result<> require_attachable(service::Call& call, std::string_view arn);

// The same of a permissions boundary.
Result<> require_boundary(service::Call& call, std::string_view arn);

// "ReadOnlyAccess" and "/service-role/" of "arn:aws:iam::aws:policy/service-role/ReadOnlyAccess".
inline std::string_view name_in(std::string_view arn) { return arn.substr(arn.rfind('/') + 1); }
inline std::string_view path_in(std::string_view arn) {
  const std::size_t begin = std::min(arn.find('/'), arn.size());
  return arn.substr(begin, arn.rfind('/') + 1 - begin);
}

// Says whose policies are listed.
enum class PolicyScope : std::uint8_t { all, provider, local };

// Says which policies are listed, and from where on.
struct PoliciesWanted {
  PolicyScope scope = PolicyScope::all;
  std::string_view path_prefix = "/";
  std::string_view after = {};  // the ARN of the last that was told before; empty: of none
  std::size_t items_max = 100;  // how many are read at once, about as many as are taken
};

// Says whether the one who takes them wants another.
enum class Taken : std::uint8_t { more_wanted, enough };
using TakePolicy = std::function<Taken(const KnownPolicy&)>;

// Gives `take` one after another: the caller's own by their names, then the provider's by their
// ARNs. What lies behind the last that it takes is not read.
void each_policy(service::Call& call, const PoliciesWanted& wanted, const TakePolicy& take);

// The provider's that lie under the path, in the order of their ARNs.
std::vector<KnownPolicy> provided_policies(std::string_view path_prefix);

// "arn:aws:iam::000000000000:role/path/name"
std::string iam_arn(const service::Call& call, std::string_view kind, std::string_view path,
                    std::string_view name);

// Now, as exactly as IAM tells times.
inline Timestamp this_second(const service::Call& call) {
  return std::chrono::floor<std::chrono::seconds>(call.now());
}

// "AROA" and seventeen characters: an id that is never used again.
std::string make_entity_id(const service::Call& call, std::string_view prefix);

// Documents go over the wire percent-encoded (RFC 3986).
inline std::string encoded_document(std::string_view text) { return percent_encode(text); }

// The page that a List request asks for, and the tokens of its list.
struct PageAsked : identity::PageRequest {
  service::PageTokens tokens;
};

// Reads Marker and MaxItems of any List request; ValidationError for a marker of another list.
template <typename In>
Result<PageAsked> read_page(const service::Call& call, const In& in) {
  PageAsked page{{}, service::PageTokens(call.caller(), in)};
  page.items_max = static_cast<std::size_t>(in.MaxItems().value_or(100));
  TRY(page.after, page.tokens.position_or(in.Marker(), [] {
    return service::refuse("ValidationError", "Invalid Marker.");
  }));
  return page;
}

// Writes IsTruncated and, where more follows, Marker; `last` is what the next page comes after.
template <typename Out, typename T>
void write_page(Out& out, const PageAsked& asked, const identity::Page<T>& page,
                std::string_view last) {
  out.IsTruncated(page.more);
  if (page.more) out.Marker(asked.tokens.token_behind(last));
}

}  // namespace slipway::iam
