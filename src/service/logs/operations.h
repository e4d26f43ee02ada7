// The operations of this door; each stands in the file of what it is about. All that name a group
// refuse one that is not there: ResourceNotFoundException.
#pragma once

#include "service/logs/door.h"

namespace slipway::logs_door {

// group.cc
// ResourceAlreadyExistsException; not_implemented: a key, a class or a protection that this server
// would not keep.
Result<> create_log_group(const LogsDoor& door, Call& call, api::CreateLogGroupRequest in);
Result<> delete_log_group(const LogsDoor& door, Call& call, api::DeleteLogGroupRequest in);
Result<api::DescribeLogGroupsResponse> describe_log_groups(const LogsDoor& door, Call& call,
                                                           api::DescribeLogGroupsRequest in);
Result<> put_retention_policy(const LogsDoor& door, Call& call, api::PutRetentionPolicyRequest in);
Result<> delete_retention_policy(const LogsDoor& door, Call& call,
                                 api::DeleteRetentionPolicyRequest in);

// tags.cc: of groups, by their ARN. ValidationException for what is none.
Result<> tag_resource(const LogsDoor& door, Call& call, api::TagResourceRequest in);
Result<> untag_resource(const LogsDoor& door, Call& call, api::UntagResourceRequest in);
Result<api::ListTagsForResourceResponse> list_tags_for_resource(const LogsDoor& door, Call& call,
                                                                api::ListTagsForResourceRequest in);
// The tags of a new group.
Result<> put_tags(Call& call, const logs::GroupName& group,
                  const wire::MapView<std::string_view>& given);

// stream.cc
// ResourceAlreadyExistsException. The stream survives a power cut.
Result<> create_log_stream(const LogsDoor& door, Call& call, api::CreateLogStreamRequest in);
Result<> delete_log_stream(const LogsDoor& door, Call& call, api::DeleteLogStreamRequest in);
Result<api::DescribeLogStreamsResponse> describe_log_streams(const LogsDoor& door, Call& call,
                                                             api::DescribeLogStreamsRequest in);

// put_events.cc
Result<api::PutLogEventsResponse> put_log_events(const LogsDoor& door, Call& call,
                                                 api::PutLogEventsRequest in);

// events.cc
Result<api::GetLogEventsResponse> get_log_events(const LogsDoor& door, Call& call,
                                                 api::GetLogEventsRequest in);
Result<api::FilterLogEventsResponse> filter_log_events(const LogsDoor& door, Call& call,
                                                       api::FilterLogEventsRequest in);
// Tries a pattern on messages; there are no metric filters yet that would use it.
Result<api::TestMetricFilterResponse> test_metric_filter(Call& call,
                                                         api::TestMetricFilterRequest in);

// live_tail.cc
// LimitExceededException: there are as many sessions as may be.
Result<api::StartLiveTailResponse> start_live_tail(const LogsDoor& door, Call& call,
                                                   api::StartLiveTailRequest in);

// queries.cc
// MalformedQueryException, LimitExceededException.
Result<api::StartQueryResponse> start_query(const LogsDoor& door, Call& call,
                                            api::StartQueryRequest in);
Result<api::GetQueryResultsResponse> get_query_results(const LogsDoor& door, Call& call,
                                                       api::GetQueryResultsRequest in);
Result<api::StopQueryResponse> stop_query(const LogsDoor& door, Call& call,
                                          api::StopQueryRequest in);
Result<api::DescribeQueriesResponse> describe_queries(const LogsDoor& door, Call& call,
                                                      api::DescribeQueriesRequest in);

}  // namespace slipway::logs_door
