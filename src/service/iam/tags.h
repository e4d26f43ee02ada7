// Tags in requests and answers: the same for everything that has some, once a request has said
// whose they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/identity/owners.h"
#include "service/call.h"
#include "service/iam/known_policy.h"
#include "wire/view.h"

namespace slipway::iam {

// Keys of users' and roles' tags are the same in any case; those of everything else are not.
// InvalidInput where one comes twice, and where one is AWS's own.
Result<> check_tag_keys(const std::vector<identity::Tag>& tags, identity::Owner::Kind kind);

template <typename Tags>
Result<std::vector<identity::Tag>> read_tags(const Tags& tags, identity::Owner::Kind kind) {
  std::vector<identity::Tag> out;
  for (const auto tag : tags) out.emplace_back(std::string(tag.Key()), std::string(tag.Value()));
  TRY_DO(check_tag_keys(out, kind));
  return out;
}

template <typename In>
Result<> put_tags_in(const In& in, service::Call& call, identity::Owner owner) {
  TRY(const std::vector<identity::Tag> tags, read_tags(in.Tags(), owner.kind));
  return identity::put_tags(call.tx(), owner, tags);
}

template <typename In>
Result<> delete_tags_in(const In& in, service::Call& call, identity::Owner owner) {
  std::vector<std::string> keys;
  for (const std::string_view key : in.TagKeys()) keys.emplace_back(key);
  return identity::delete_tags(call.tx(), owner, keys);
}

// The page that a List...Tags request asks for.
template <typename Out, typename In>
Result<Out> tags_answer(const In& in, service::Call& call, identity::Owner owner) {
  TRY(const PageAsked request, read_page(call, in));
  TRY(const auto page, identity::list_tags(call.tx(), owner, request));
  auto out = call.output<Out>();
  out.Tags(wire::empty);
  for (const auto& [key, value] : page.items) out.add_Tags().Key(key).Value(value);
  write_page(out, request, page, page.more ? page.items.back().first : "");
  return out;
}

}  // namespace slipway::iam
