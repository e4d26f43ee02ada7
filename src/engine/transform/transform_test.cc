// Whole transform jobs over a simulated fleet: what is written, and what a crash leaves.
#include "engine/transform/transform.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/transform/transform_simulation.h"

namespace slipway::transform {
namespace {

using testing::HasSubstr;

TEST_F(TransformJob, every_object_has_its_output_in_order_and_the_instances_go) {
  put("in/a", "1\n2\n3\n");
  put("in/deep/b", "again");
  put("in/empty", "");
  create();
  EXPECT_EQ(run().state, TransformState::completed);
  EXPECT_EQ(outputs(), (Outputs{{"a.out", {"1,<1>\n2,<2>\n3,<3>\n"}},
                                {"deep/b.out", {"again,<again>\n"}},
                                {"empty.out", {""}}}));
  EXPECT_TRUE(status().started && status().ended);
  world_.run(std::chrono::minutes(5));
  EXPECT_EQ(world_.status(fleet_of(job)).state, fleet::FleetState::gone);
  EXPECT_THAT(log_, HasSubstr("3 requests of 6 MB"));
  EXPECT_THAT(log_, HasSubstr("files 3 of 3, failed 0, records 4"));
}

TEST_F(TransformJob, a_prefix_that_is_a_folder_and_the_beginning_of_names_gives_each_its_output) {
  plan_.input_key = "in/x";
  put("in/x/xy", "1");
  put("in/xy", "2");
  create();
  EXPECT_EQ(run().state, TransformState::completed);
  EXPECT_EQ(outputs(), (Outputs{{"x/xy.out", {"1,<1>\n"}}, {"xy.out", {"2,<2>\n"}}}));
}

TEST_F(TransformJob, a_refused_record_fails_its_file_alone_and_is_named) {
  put("in/a", "1\nbad\n");
  put("in/b", "2\n");
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("s3://box/in/a: record 2 (bytes 2 to 6): Bad "
                                         "HTTP status received from algorithm: 400: no thanks"));
  EXPECT_EQ(status().fault, Fault::input);
  EXPECT_EQ(outputs(), (Outputs{{"b.out", {"2,<2>\n"}}}));
}

TEST_F(TransformJob, a_fleet_that_never_serves_fails_the_job) {
  world_.machine().set_faults_for("FAULT=dies", {.never_healthy = 1, .dies_starting = 1});
  plan_.fleet.variants.front().program.environment["FAULT"] = "dies";
  put("in/a", "1\n");
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_EQ(status().fault, Fault::model);
}

TEST_F(TransformJob, an_input_without_objects_and_a_missing_bucket_fail_the_job) {
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("no object at s3://box/in/"));
}

TEST_F(TransformJob, an_object_that_its_owner_may_not_read_fails_the_job_before_any_work) {
  put("in/a", "1\n");
  put("in/secret", "2\n");
  plan_.owner = "ann";
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("ann may not read in/secret"));
  EXPECT_EQ(status().fault, Fault::input);
  EXPECT_TRUE(outputs().empty());
}

TEST_F(TransformJob, an_output_is_stored_only_where_its_owner_may_write) {
  put("in/a", "1\n");
  plan_.owner = "ann";
  closed_ = plan_.output_prefix + "a.out";
  create();
  run();
  EXPECT_EQ(status().state, TransformState::failed);
  EXPECT_EQ(status().fault, Fault::input);
  EXPECT_THAT(status().reason, HasSubstr("ann may not write"));
  EXPECT_TRUE(outputs().empty());
}

TEST_F(TransformJob, a_manifest_names_nothing_that_its_owner_may_not_read) {
  put("in/secret", "2\n");
  plan_.owner = "ann";
  plan_.source = TransformPlan::Source::manifest;
  plan_.input_key = "list";
  for (const std::string_view key : {"in/secret", "in/none"}) {
    put("list", fmt::format(R"([{{"prefix": "s3://box/"}}, "{}"])", key));
    closed_ = key;
    const TransformId id{fmt::format("{}/{}", job.text, key.substr(3))};
    create(id);
    run_to_the_end();
    EXPECT_THAT(status(id).reason, HasSubstr(fmt::format("ann may not read {}", key)));
  }
}

TEST_F(TransformJob, an_output_whose_key_is_none_is_found_before_any_work) {
  put("in/a", "1\n");
  put("in/" + std::string(1017, 'k'), "2\n");
  create();
  EXPECT_EQ(run().state, TransformState::failed);
  EXPECT_THAT(status().reason, HasSubstr("the key of an output has at most 1024 bytes, "
                                         "and this would have 1025: that of in/kkk"));
  EXPECT_EQ(outputs(), Outputs());
}

TEST_F(TransformJob, a_stopped_job_ends_and_a_second_stop_is_refused) {
  put("in/a", "1\n");
  create();
  EXPECT_TRUE(stop());
  EXPECT_EQ(run().state, TransformState::stopped);
  EXPECT_EQ(stop().error().code, ErrorCode::conflict);
  EXPECT_EQ(outputs(), Outputs{});
}

// From its creation to its end, and while its instances think for an hour.
TEST_F(TransformJob, while_nothing_changes_nobody_looks_at_it) {
  put("in/a", "1\n2\n3\n");
  create();
  server_->instances.think(true);
  const auto sleeps = [&] {
    const auto due = server_->loop.next_due();
    return !due || due->count() == 0;  // it has nothing to do but what it was woken for
  };
  for (int i = 0; i < turns_max && server_->instances.held() < 3; ++i) {
    turn();
    ASSERT_TRUE(sleeps()) << fmt::format("{}", static_cast<int>(status().state));
  }
  ASSERT_EQ(status().state, TransformState::running);
  while (server_->loop.step() > 0) {
  }
  EXPECT_EQ(server_->loop.next_due(), std::nullopt);
  world_.run(std::chrono::hours(1));
  EXPECT_EQ(server_->loop.step(), 0U);
  server_->instances.think(false);
  for (int i = 0; i < turns_max && !all_ended(); ++i) {
    turn();
    ASSERT_TRUE(sleeps());
  }
  EXPECT_EQ(status().state, TransformState::completed);
  while (server_->loop.step() > 0) {
  }
  EXPECT_EQ(server_->loop.next_due(), std::nullopt);
}

TEST_F(TransformJob, a_job_for_which_there_is_no_room_begins_when_another_ends) {
  put("in/a", "1\n");
  server_->instances.think(true);
  const std::size_t all = runs_max + 2;
  for (std::size_t i = 0; i < all; ++i) {
    plan_.output_prefix = fmt::format("out/{}/", i);
    create({fmt::format("account/region/job-{}", i)});
  }
  const auto running = [&] {
    return static_cast<std::size_t>(std::ranges::count_if(
        jobs_, [&](const TransformId& id) { return status(id).state == TransformState::running; }));
  };
  for (int i = 0; i < turns_max && (running() < all || server_->instances.held() < runs_max); ++i) {
    turn();
    world_.clock().advance(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(server_->instances.held(), runs_max);
  server_->instances.think(false);
  run_to_the_end();
  EXPECT_EQ(outputs().size(), all);
}

// The server ends at its n-th step, for every n until it comes through, and starts again.
TEST_F(TransformJob, a_crash_between_any_two_steps_loses_and_doubles_nothing) {
  put("in/a", "1\n2\n3\n");
  put("in/b", "bad\n");
  put("in/c", "4\n");
  const Outputs right{{"a.out", {"1,<1>\n2,<2>\n3,<3>\n"}}, {"c.out", {"4,<4>\n"}}};
  int crashes = 0;
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    const TransformId id{fmt::format("account/region/job-{}", n)};
    plan_.output_prefix = fmt::format("out/{}/", n);
    create(id);
    steps_.arm(n);
    const bool crashed = run_to_the_end();
    EXPECT_EQ(status(id).state, TransformState::failed);
    Outputs got;
    for (const auto& [key, versions] : outputs())
      if (key.starts_with(fmt::format("{}/", n))) got[key.substr(key.find('/') + 1)] = versions;
    EXPECT_EQ(got, right);
    crashes += crashed ? 1 : 0;
    if (!crashed) break;
    ASSERT_LT(n, 500);
  }
  EXPECT_GT(crashes, 10);
}

}  // namespace
}  // namespace slipway::transform
