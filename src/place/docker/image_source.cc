#include "place/docker/image_source.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/encoding.h"
#include "place/docker/json_lines.h"

namespace slipway::place {

namespace json = boost::json;

namespace {

constexpr std::chrono::hours pull_time{6};
constexpr std::string_view no_credentials = "e30=";  // {}

std::string architecture_of(const json::value& image) {
  const json::object* const object = image.if_object();
  const json::value* const name = object ? object->if_contains("Architecture") : nullptr;
  return name != nullptr && name->is_string() ? std::string(name->get_string()) : std::string();
}

// Engines start an image of another architecture, and it ends with "exec format error".
Result<> check_architecture(const std::string& image, const json::value& inspected,
                            const EngineMachine& machine) {
  const std::string made_for = architecture_of(inspected);
  if (made_for.empty() || machine.architecture.empty() || made_for == machine.architecture)
    return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("The image '{}' is made for {}, and this machine is {}.", image, made_for,
                          machine.architecture));
}

// One image on its way.
struct Fetch {
  EngineClient& engine;
  const EngineMachine machine;
  const std::string image;
  ImageSource::Progress progress;
  ImageSource::Done done;
  JsonLines lines = {};
  PullProgress pull = {};
};
using FetchPtr = std::unique_ptr<Fetch>;

std::unexpected<Error> not_pulled(const Fetch& fetch, ErrorCode code, std::string_view why) {
  return fail(code, fmt::format("The image '{}' is not in the container engine's store, and it "
                                "could not be pulled: {}",
                                fetch.image, why));
}

void look(FetchPtr fetch, std::move_only_function<void(FetchPtr)> where_absent) {
  EngineClient& engine = fetch->engine;
  std::string path = fmt::format("/images/{}/json", percent_encode(fetch->image, "/:@"));
  engine.call({.path = std::move(path)},
              [fetch = std::move(fetch),
               where_absent = std::move(where_absent)](Result<EngineAnswer> answer) mutable {
                if (!answer) return fetch->done(std::unexpected(std::move(answer.error())));
                if (!answer->is_good()) return where_absent(std::move(fetch));
                fetch->done(check_architecture(fetch->image, answer->body, fetch->machine));
              });
}

// What came is looked at as what was there: an engine says of a failure also by saying nothing.
void pulled(FetchPtr fetch, const Result<>& outcome) {
  if (!outcome)
    return fetch->done(not_pulled(*fetch, outcome.error().code, outcome.error().message));
  if (const auto& failure = fetch->pull.failure())
    return fetch->done(not_pulled(*fetch, ErrorCode::not_found, *failure));
  look(std::move(fetch), [](FetchPtr absent) {
    absent->done(not_pulled(*absent, ErrorCode::not_found, "the engine does not have it after."));
  });
}

void pull(FetchPtr fetch) {
  fetch->progress(fmt::format("The image '{}' is being pulled.", fetch->image));
  const ImageName name = image_name(fetch->image);
  EngineCall call{.method = "POST",
                  .path = fmt::format("/images/create?fromImage={}&tag={}",
                                      percent_encode(name.name), percent_encode(name.tag)),
                  .time_limit = pull_time};
  call.headers.add("X-Registry-Auth", no_credentials);
  Fetch* const state = fetch.get();  // lives in `done`, which goes with the stream
  auto take = [state](std::string_view bytes) {
    const std::string before = state->pull.sentence();
    auto taken = state->lines.feed(
        bytes, [state](const json::object& document) { state->pull.take(document); });
    if (std::string now = state->pull.sentence(); now != before)
      state->progress(fmt::format("The image '{}' is being pulled: {}.", state->image, now));
    return taken;
  };
  EngineClient& engine = fetch->engine;
  engine.stream(std::move(call), {.take = std::move(take),
                                  .done = [fetch = std::move(fetch)](Result<> outcome) mutable {
                                    pulled(std::move(fetch), outcome);
                                  }});
}

}  // namespace

ImageName image_name(std::string_view image) {
  if (const auto digest = image.find('@'); digest != image.npos)
    return {std::string(image.substr(0, digest)), std::string(image.substr(digest + 1))};
  const auto slash = image.rfind('/');
  const auto colon = image.rfind(':');
  if (colon == image.npos || (slash != image.npos && colon < slash))
    return {std::string(image), "latest"};
  return {std::string(image.substr(0, colon)), std::string(image.substr(colon + 1))};
}

void PulledImages::make_present(EngineClient& engine, const EngineMachine& machine,
                                const std::string& image, Progress progress, Done done) {
  look(FetchPtr(new Fetch{engine, machine, image, std::move(progress), std::move(done)}), pull);
}

}  // namespace slipway::place
