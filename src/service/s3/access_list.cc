#include "service/s3/access_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "service/errors.h"

namespace slipway::s3 {
namespace {

constexpr std::string_view full_control = "FULL_CONTROL";

std::unexpected<Error> invalid(std::string message, std::string_view argument,
                               std::string_view value) {
  return std::unexpected(
      Error{ErrorCode::invalid_argument,
            std::move(message),
            "InvalidArgument",
            {{"ArgumentName", std::string(argument)}, {"ArgumentValue", std::string(value)}}});
}

// One `kind="who"`.
Result<std::string> read_grantee(std::string_view piece, std::string_view header,
                                 std::string_view owner) {
  std::string_view who = piece;
  const std::string kind = to_lower(trimmed(take_until(who, '=')));
  who = trimmed(who);
  if (who.size() >= 2 && who.starts_with('"') && who.ends_with('"'))
    who = who.substr(1, who.size() - 2);
  if (kind == "emailaddress")
    return service::refuse("UnresolvableGrantByEmailAddress",
                           "The e-mail address you provided does not match any account on record.");
  if (kind == "uri" && !is_group(who)) return invalid("Invalid group uri", "uri", who);
  if (kind == "id" && who != owner) return invalid("Invalid id", "id", who);
  if (kind != "uri" && kind != "id")
    return invalid("Argument format not recognized", header, piece);
  return std::string(who);
}

}  // namespace

bool is_group(std::string_view address) {
  return address == group::everyone || address == group::authenticated ||
         address == group::log_delivery;
}

bool is_canned(std::string_view name) {
  constexpr std::string_view names[] = {
      "private",       "public-read",       "public-read-write",         "authenticated-read",
      "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control", "log-delivery-write",
  };
  return std::ranges::find(names, name) != std::end(names);
}

AccessList owners_list(std::string_view owner) {
  return {{std::string(full_control), std::string(owner)}};
}

AccessList canned_list(std::string_view name, std::string_view owner) {
  AccessList list = owners_list(owner);
  const auto add = [&](std::string_view permission, std::string_view grantee) {
    list.push_back({std::string(permission), std::string(grantee)});
  };
  if (name == "public-read" || name == "public-read-write") add("READ", group::everyone);
  if (name == "public-read-write") add("WRITE", group::everyone);
  if (name == "authenticated-read") add("READ", group::authenticated);
  if (name == "log-delivery-write") {
    add("WRITE", group::log_delivery);
    add("READ_ACP", group::log_delivery);
  }
  return list;
}

Result<AccessList> read_grant_header(const GrantHeader& header, std::string_view owner) {
  AccessList list;
  std::string_view rest = header.text;
  while (!rest.empty()) {
    TRY(std::string grantee, read_grantee(trimmed(take_until(rest, ',')), header.name, owner));
    list.push_back({std::string(header.permission), std::move(grantee)});
  }
  return list;
}

bool is_public(const AccessList& list) {
  return std::ranges::any_of(list, [](const Grant& grant) {
    return grant.grantee == group::everyone || grant.grantee == group::authenticated;
  });
}

bool lets(const AccessList& list, std::string_view permission, Asker asker) {
  return std::ranges::any_of(list, [&](const Grant& grant) {
    const bool right = grant.permission == permission || grant.permission == full_control;
    const bool member = grant.grantee == group::everyone ||
                        (grant.grantee == group::authenticated && asker == Asker::authenticated);
    return right && member;
  });
}

std::string text_of(const AccessList& list) {
  std::string out;
  for (const auto& [permission, grantee] : list) out += fmt::format("{} {}\n", permission, grantee);
  return out;
}

AccessList list_of(std::string_view text) {
  AccessList list;
  while (!text.empty()) {
    std::string_view grantee = take_until(text, '\n');
    const std::string_view permission = take_until(grantee, ' ');
    list.push_back({std::string(permission), std::string(grantee)});
  }
  return list;
}

}  // namespace slipway::s3
