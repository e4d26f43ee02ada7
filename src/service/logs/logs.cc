#include "service/logs/logs.h"

#include "service/logs/live_tail.h"
#include "service/logs/operations.h"
#include "service/logs/resource_types.h"

namespace slipway::logs_door {
namespace {

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AccessDeniedException", 400},
    {"group_exists", "ResourceAlreadyExistsException", 400},
    {"too_many_tags", "TooManyTagsException", 400},
    {"stream_exists", "ResourceAlreadyExistsException", 400},
    {"no_such_group", "ResourceNotFoundException", 400},
    {"no_such_query", "ResourceNotFoundException", 400},
    {"no_such_stream", "ResourceNotFoundException", 400},
    {"unavailable", "ServiceUnavailableException", 500},
    {"limit_exceeded", "LimitExceededException", 400},
    {"not_implemented", "InvalidParameterException", 400},
    {"invalid_argument", "InvalidParameterException", 400},
};

// A function of this door as a handler.
template <auto operation>
auto with(const LogsDoor& door) {
  return [door](Call& call, auto in) { return operation(door, call, in); };
}

}  // namespace

void install(service::Registry& registry, const Needs& needs) {
  namespace op = api::op;
  const LogsDoor door{needs.book,
                      needs.groups,
                      needs.place,
                      needs.store,
                      needs.queries,
                      std::make_shared<LiveTails>(
                          LiveTails::Needs{needs.book, needs.changes, needs.workers, needs.clock})};
  registry.begin(api::schema(), errors)
      .add_types(resource_types())
      .add<op::CreateLogGroup>(with<create_log_group>(door))
      .add<op::DeleteLogGroup>(with<delete_log_group>(door))
      .add<op::DeleteRetentionPolicy>(with<delete_retention_policy>(door))
      .add<op::DescribeLogGroups>(with<describe_log_groups>(door))
      .add<op::DescribeLogStreams>(with<describe_log_streams>(door))
      .add<op::FilterLogEvents>(with<filter_log_events>(door))
      .add<op::GetLogEvents>(with<get_log_events>(door))
      .add<op::ListTagsForResource>(with<list_tags_for_resource>(door))
      .add<op::PutRetentionPolicy>(with<put_retention_policy>(door))
      .add<op::TagResource>(with<tag_resource>(door))
      .add<op::PutLogEvents>(with<put_log_events>(door))
      .add<op::CreateLogStream>(with<create_log_stream>(door))
      .add<op::DeleteLogStream>(with<delete_log_stream>(door))
      .add<op::TestMetricFilter>(test_metric_filter)
      .add<op::StartLiveTail>(with<start_live_tail>(door))
      .add<op::StartQuery>(with<start_query>(door))
      .add<op::GetQueryResults>(with<get_query_results>(door))
      .add<op::StopQuery>(with<stop_query>(door))
      .add<op::DescribeQueries>(with<describe_queries>(door))
      .add<op::UntagResource>(with<untag_resource>(door));
}

}  // namespace slipway::logs_door
