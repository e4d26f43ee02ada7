#include <fmt/format.h>

#include "base/text.h"
#include "service/arn.h"
#include "service/errors.h"
#include "service/sagemaker/operations.h"
#include "service/sagemaker/resources.h"

namespace slipway::sagemaker {
namespace {

using service::refuse;

constexpr std::int64_t tags_per_page_default = 50;

// The ARN as it is stored (AWS writes names in lower case and takes them in any).
Result<std::string> expect_resource(const Call& call, std::string_view arn) {
  const std::string stored = to_lower(arn);
  const auto parts = service::parse_arn(stored);
  if (parts && parts->service == "sagemaker" && parts->account == call.account())
    if (auto found = service::find_resource(call.tx(), stored); found && !is_leaving(call, *found))
      return std::move(found->arn);
  return refuse("ValidationException", fmt::format("Could not find resource \"{}\".", arn));
}

}  // namespace

Result<api::AddTagsOutput> add_tags(Call& call, api::AddTagsInput in) {
  TRY(const std::string arn, expect_resource(call, in.ResourceArn()));
  TRY_DO(put_tags(call, arn, in.Tags()));
  auto out = call.output<api::AddTagsOutput>();
  out.Tags(wire::empty);
  for (const auto& [key, value] : tags::list(call.tx(), service::tagged_by(arn)))
    out.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::ListTagsOutput> list_tags(Call& call, api::ListTagsInput in) {
  TRY(const std::string arn, expect_resource(call, in.ResourceArn()));
  const service::PageTokens tokens(call.caller(), in);
  TRY(const std::string after,
      tokens.position_or(service::unless_empty(in.NextToken()), invalid_token));
  const auto limit = static_cast<std::size_t>(in.MaxResults().value_or(tags_per_page_default));
  auto page = tags::list(call.tx(), service::tagged_by(arn), after, limit + 1);
  auto out = call.output<api::ListTagsOutput>();
  out.Tags(wire::empty);
  out.NextToken(tokens.cut(page, limit, &tags::TagList::value_type::first));
  for (const auto& [key, value] : page) out.add_Tags().Key(key).Value(value);
  return out;
}

Result<api::DeleteTagsOutput> delete_tags(Call& call, api::DeleteTagsInput in) {
  TRY(const std::string arn, expect_resource(call, in.ResourceArn()));
  TRY_DO(erase_tags(call, arn, in.TagKeys()));
  return call.output<api::DeleteTagsOutput>();
}

}  // namespace slipway::sagemaker
