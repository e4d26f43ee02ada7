// What was created and lives: models, endpoint configurations, endpoints, and the tags of each.
//
// A resource is the document that its Create was given, as JSON, beside what every kind has: a row
// of the frame's table (service/named_resources.h), said in SageMaker's words. All functions work
// in the caller's transaction and for the caller's account and region.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gen/sagemaker.h"
#include "service/call.h"
#include "service/named_resources.h"
#include "service/paging.h"
#include "wire/document.h"

namespace slipway::sagemaker {

using service::Call;

using Resource = service::NamedResource;

// A kind of resource: its type in the table, which says behind the colon what stands in the ARN,
// and what AWS's messages call it.
struct ResourceKind {
  std::string_view type;
  std::string_view noun;
};
inline constexpr ResourceKind model_kind{"sagemaker:model", "model"};
inline constexpr ResourceKind endpoint_config_kind{"sagemaker:endpoint-config",
                                                   "endpoint configuration"};
inline constexpr ResourceKind endpoint_kind{"sagemaker:endpoint", "endpoint"};
inline constexpr ResourceKind transform_job_kind{"sagemaker:transform-job", "transform job"};

// "arn:aws:sagemaker:us-east-1:000000000000:model/my-model": AWS writes the name in lower case.
std::string arn_of(const Call& call, const ResourceKind& kind, std::string_view name);

// ValidationException `Cannot create already existing model "arn:...".`
Result<Resource> create(const Call& call, const ResourceKind& kind, std::string_view name,
                        std::string document);

// ValidationException `Could not find model "arn:...".`
Result<Resource> get(const Call& call, const ResourceKind& kind, std::string_view name);
std::optional<Resource> find(const Call& call, const ResourceKind& kind, std::string_view name);

// Writes the document of one that is there, which is a modification.
void put_document(const Call& call, const ResourceKind& kind, const Resource& resource);

// Marks it modified now; does nothing where it is not there.
void touch(const Call& call, const ResourceKind& kind, std::string_view name);

// Removes it with its tags; the same error as get().
Result<> remove(const Call& call, const ResourceKind& kind, std::string_view name);

// An endpoint that was deleted keeps its row, marked as leaving, until its last instance has ended.
void mark_leaving(const Call& call, const Resource& resource);
bool is_leaving(const Call& call, const Resource& resource);
std::vector<Resource> leaving(const Call& call, const ResourceKind& kind);

// The document of a resource as the view of the shape that it was written from.
template <typename View>
Result<View> document_of(const Call& call, const Resource& resource) {
  return wire::from_json<View>(resource.document, call.arena());
}

// ---- Listing ---------------------------------------------------------------------------------

inline constexpr int page_size_default = 10;

// What the List operations have in common, as they arrived.
struct ResourceListQuery {
  service::PageTokens tokens;
  std::optional<std::string_view> sort_by;     // "Name", "CreationTime" (the default), "Status"
  std::optional<std::string_view> sort_order;  // "Ascending", "Descending" (the default)
  std::optional<std::string_view> next_token;
  std::optional<std::int64_t> max_results;
  std::optional<std::string_view> name_contains;
  std::optional<Timestamp> created_before, created_after;
  std::optional<Timestamp> modified_before, modified_after;
  std::optional<std::string_view> status_equals;
};

// A resource in a list.
struct ListedResource {
  Resource resource;
  std::string status;  // of kinds that have one
};

// A part of a list, and how to go on.
struct ResourceListPage {
  std::vector<ListedResource> items;
  std::optional<std::string> next_token;
};

// Fills in what is not in the row: the status, and when it changed; false where the resource must
// not be listed.
using Look = std::function<bool(ListedResource&)>;

// ValidationException, for a token of another list.
std::unexpected<Error> invalid_token();

// Refuses a token of another list.
Result<ResourceListPage> list(const Call& call, const ResourceKind& kind,
                              const ResourceListQuery& query, const Look& look = {});

// The members that every List input has.
template <typename Input>
ResourceListQuery list_query(const Call& call, const Input& in) {
  return {.tokens = service::PageTokens(call.caller(), in),
          .sort_by = in.SortBy(),
          .sort_order = in.SortOrder(),
          .next_token = in.NextToken(),
          .max_results = in.MaxResults(),
          .name_contains = in.NameContains(),
          .created_before = in.CreationTimeBefore(),
          .created_after = in.CreationTimeAfter(),
          .modified_before = {},
          .modified_after = {},
          .status_equals = {}};
}

// ---- Tags ------------------------------------------------------------------------------------

// Adds or replaces tags of the resource with that ARN. ValidationException where a key stands twice
// in `tags` or there would be more than 50.
Result<> put_tags(const Call& call, std::string_view arn,
                  const wire::ListView<aws::sagemaker::Tag>& tags);
// ValidationException where one of the keys is AWS's ("aws:"), which put_tags() refuses too.
Result<> erase_tags(const Call& call, std::string_view arn,
                    const wire::ListView<std::string_view>& keys);

}  // namespace slipway::sagemaker
