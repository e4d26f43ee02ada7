#include "service/errors.h"

#include <gtest/gtest.h>

namespace slipway::service {
namespace {

constexpr ErrorRow table[] = {{"no_such_bucket", "NoSuchBucket", 404}, {"conflict", "Busy", 409}};
constexpr wire::Service service{.name = "test", .validation_error = "InvalidThing"};

wire::ErrorAnswer answer(ErrorCode code, std::string kind = {}) {
  static Error error;
  error = {code, "why", std::move(kind)};
  return to_wire(error, service, table);
}

TEST(Errors, the_kind_of_an_engine_decides_before_its_code) {
  EXPECT_EQ(answer(ErrorCode::conflict, "no_such_bucket").code, "NoSuchBucket");
  EXPECT_EQ(answer(ErrorCode::conflict, "no_such_bucket").status, 404);
  EXPECT_EQ(answer(ErrorCode::conflict).code, "Busy");
}

TEST(Errors, an_aws_code_that_a_door_names_goes_out_as_it_is) {
  EXPECT_EQ(answer(ErrorCode::not_found, "ValidationException").code, "ValidationException");
}

TEST(Errors, what_no_table_names_is_called_what_every_service_calls_it) {
  EXPECT_EQ(answer(ErrorCode::invalid_argument).code, "InvalidThing");
  EXPECT_EQ(answer(ErrorCode::internal).status, 500);
  EXPECT_EQ(answer(ErrorCode::unavailable, "something_new").code, "ServiceUnavailable");
}

TEST(Errors, a_full_disk_is_said_by_its_name_and_not_as_what_may_be_repeated) {
  EXPECT_EQ(answer(ErrorCode::unavailable, "disk_full").code, "InsufficientStorage");
  EXPECT_EQ(answer(ErrorCode::unavailable, "disk_full").status, 507);
}

}  // namespace
}  // namespace slipway::service
