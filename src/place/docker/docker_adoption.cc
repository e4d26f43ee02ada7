// What a former server left to a docker place.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "place/docker/docker_impl.h"

namespace slipway::place {

// One that finds only ends asks no engine.
void DockerPlace::Impl::adopt() {
  bool all_ended = true;
  for (const ContainerNotes& notes : notes_.all()) {
    const bool ended = notes.failure || notes.end;
    if (ended) report_ended(notes);
    all_ended = all_ended && ended;
  }
  if (all_ended) {
    sweep_timer_ = thread_.loop().after(unclaimed_time, [this]() noexcept { sweep(); });
    return sink_({.kind = Kind::adoption_done, .key = {}});
  }
  adoption_timer_ = thread_.loop().after(container_adoption_time, [this]() noexcept {
    log_warning("place", "The container engine does not say what runs; going on without.");
    finish_adoption();
  });
  list([this](Result<std::vector<InstanceKey>> listed) {
    if (listed) return adopt_listed(*listed);
    log_warning("place", fmt::format("The containers of a former server cannot be found: {}",
                                     listed.error().message));
    finish_adoption();
  });
}

void DockerPlace::Impl::list(std::move_only_function<void(Result<std::vector<InstanceKey>>)> then) {
  with_engine([this, then = std::move(then)](const Result<>& outcome) mutable {
    if (!outcome) return then(std::unexpected(outcome.error()));
    engine_->call({.path = "/containers/json?all=1&filters=" + names_.filter()},
                  [then = std::move(then)](Result<EngineAnswer> answer) mutable {
                    if (!answer) return then(std::unexpected(std::move(answer.error())));
                    if (!answer->is_good())
                      return then(slipway::fail(ErrorCode::unavailable, message_of(answer->body)));
                    then(keys_in(answer->body));
                  });
  });
}

// A container that nobody has noted is nobody's: its key was forgotten.
void DockerPlace::Impl::adopt_listed(const std::vector<InstanceKey>& listed) {
  std::set<InstanceKey> there(listed.begin(), listed.end());
  ++adopting_;
  for (const ContainerNotes& notes : notes_.all()) {
    if (notes.failure || notes.end) continue;
    if (there.erase(notes.key) > 0) {
      adopt_one(notes);
    } else if (notes.ran) {  // somebody removed it
      ContainerNotes gone = notes;
      gone.end = Exit{.asked = notes.asked};
      if (const auto written = notes_.write(gone); !written)
        log_warning("place", written.error().message);
      report_ended(gone);
    }
  }
  for (const InstanceKey& key : there) remove_container(key);
  one_adopted();
}

// One that was made and not started waits for who starts its key again.
void DockerPlace::Impl::adopt_one(const ContainerNotes& notes) {
  ++adopting_;
  engine_->call(
      {.path = fmt::format("/containers/{}/json", names_.container(notes.key))},
      [this, notes](const Result<EngineAnswer>& answer) {
        const auto state = answer && answer->is_good()
                               ? state_of(answer->body, names_)
                               : slipway::fail(ErrorCode::unavailable, "no answer");
        if (state && state->status != ContainerState::Status::created && find(notes.key) == nullptr)
          add_life(notes).resume(*engine_, *state);
        one_adopted();
      });
}

void DockerPlace::Impl::one_adopted() {
  if (--adopting_ == 0) finish_adoption();
}

void DockerPlace::Impl::finish_adoption() {
  if (adoption_timer_ == 0) return;
  thread_.loop().cancel(std::exchange(adoption_timer_, 0));
  sweep_timer_ = thread_.loop().after(unclaimed_time, [this]() noexcept { sweep(); });
  sink_({.kind = Kind::adoption_done, .key = {}});
}

// Removes what has this place's label and that no one has asked for since: what was made in the
// moment in which a former server ended, and what could not be removed then.
void DockerPlace::Impl::sweep() {
  for (const ContainerNotes& notes : notes_.all())
    if (!notes.ran && !notes.failure && !notes.end && find(notes.key) == nullptr)
      notes_.remove(notes.key);
  if (!find_engine(options_.sockets)) return;
  list([this](const Result<std::vector<InstanceKey>>& listed) {
    if (!listed || ending_) return;
    for (const InstanceKey& key : *listed)
      if (!lives_.contains(key)) remove_container(key);
  });
}

}  // namespace slipway::place
