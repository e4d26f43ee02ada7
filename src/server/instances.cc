#include "server/instances.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace slipway::server {
namespace {

constexpr std::chrono::milliseconds stop_grace{5'000};
constexpr std::chrono::milliseconds kill_takes_at_most{1'000};

}  // namespace

Instances::Instances(place::ProcessPlace::Ground ground, Needs needs)
    : needs_(std::move(needs)),
      collector_(needs_.log_book, needs_.clock),
      places_([this](place::Observation seen) {
        running_.observe(seen);
        needs_.sink(std::move(seen));
      }) {
  ground.options.log = &collector_;
  processes_ = place::ProcessPlace::open(std::move(ground), places_.sink_of_next());
  places_.add(*processes_);
}

void Instances::end() {
  processes_->end(stop_grace).wait();
  if (const std::size_t left = running_.count(); left > 0)
    log_info("server", "ending: the instances stop", {{"instances", fmt::format("{}", left)}});
  running_.wait_until_ended(stop_grace + kill_takes_at_most);
}

}  // namespace slipway::server
