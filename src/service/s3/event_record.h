// What S3 writes about an event: the JSON that queues and topics get.
#pragma once

#include <string>
#include <string_view>

#include "engine/objects/watcher.h"

namespace slipway::s3 {

// "ObjectCreated:Put", as a record has it and, after "s3:", a configuration.
std::string_view event_name(const objects::ObjectChange& change);

// `request` is the id of the request that made the change, or one made up where there was none.
struct RecordTerms {
  std::string_view configuration;  // its id
  std::string_view request;
};
std::string event_record(const objects::ObjectChange& change, const RecordTerms& terms);

// What a destination gets when it is configured.
std::string test_event(const objects::Bucket& bucket, std::string_view request, Timestamp now);

}  // namespace slipway::s3
