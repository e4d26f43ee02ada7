// What is asked of a fleet, and what becomes of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/routing/traffic.h"
#include "net/http.h"
#include "net/link_frame.h"

namespace slipway::routing {

// Limits.
inline constexpr std::size_t answer_bytes_max = 26 * 1024 * 1024;

// How an answer of the 2xx kind is handed over.
enum class AnswerMode : std::uint8_t {
  whole,     // collected: one answered()
  streamed,  // as it comes: begun(), part() any number of times, ended()
};

// What to send. Header names and values, the body and the names are views: they belong to the
// Exchange.
struct InvokeRequest {
  std::string_view fleet;
  std::string_view target_variant;  // empty: by weight
  Access access = Access::direct;   // the fleet's own, or the request is refused
  std::string_view model;           // of a variant that has many; empty: none was named
  std::string_view container;       // which one, of a variant in direct execution; else empty
  // Not empty: the key of the one instance that may get it; it is never sent elsewhere.
  std::string_view instance;
  std::string_view content_type;  // empty: none was given
  std::string_view accept;
  std::span<const net::Header> headers;  // further ones, sent as they are
  std::string_view body;
  // What a captured copy says of the request beside its bodies.
  std::string_view caller_id;
  std::string_view caller_note;
  // Not empty: the body stands in files instead, and goes by HTTP as it is read. Called for each
  // attempt.
  std::function<net::FileSequence()> body_files;
  AnswerMode answer_mode = AnswerMode::whole;
  // From the arrival to the answer's end, whatever the receiver's pace; 0: the fleet's own limit,
  // and of an elastic variant at most that.
  std::chrono::milliseconds time_limit{0};
};

// What the instance said: any status, its 4xx and 5xx too. Views live until answered() returns.
struct InvokeAnswer {
  int status = 200;
  std::string_view content_type;
  std::span<const net::Header> headers;  // without content type, length and connection's own
  std::string_view body;
  std::string* body_owned = nullptr;  // not null: the body stands in this string, take it
  std::string_view variant;
  std::string_view container;  // empty: the variant has one
  // Its key; empty: none can be asked again (in series, elastic, of many models).
  std::string_view instance;
  std::chrono::microseconds model_time{0};  // from sent to answered; of a series: all of them
  // begun(): what the fleet asks of whoever passes it on.
  PartBorder part_border = PartBorder::none;
  // How many requests its model runs within net::link_pace_time, where the instance said so.
  std::optional<net::LinkPace> pace = std::nullopt;
};

// Says why a request got no answer from an instance.
enum class InvokeFailure : std::uint8_t {
  not_found,          // there is no such fleet
  other_access,       // the fleet takes requests of the other kind of access
  no_such_variant,    // the fleet has no variant of that name
  no_such_container,  // the variant needs a container's name, and it has none of the one given
  not_direct,         // a container was named, and the variant's containers are not asked directly
  no_such_instance,   // the instance that was named is gone
  other_instance,     // it is none of the variant or the container that was named with it
  not_serving,        // nothing of the fleet serves: its first generation is not up, or failed
  at_zero,            // the variant wants no instance, and refuses meanwhile
  offered,            // the variant runs nothing of its own: other fleets are placed on it
  unavailable,        // it had no instance for hold_time_max, or all were too busy or unreachable
  timeout,            // the instance did not answer within the fleet's request timeout
  broken,             // the instance ended or cut the connection with the request under way
  too_large,          // the answer passed answer_bytes_max, or an elastic variant's own limit;
                      // of a streamed one, also after it began
  // Of elastic variants:
  request_too_large,  // the request passed the variant's own limit
  throttled,          // concurrency_max were under way, for turn_wait_max
  not_ready,          // no instance was up within the request's time
  start_failed,       // its instances do not start; `detail` says why
  // Of variants with many models:
  model_missing,     // the request names none
  model_unexpected,  // the request names one, and the variant does not have many
  no_such_model,     // nothing stands where the model should; the detail is its URI
  model_unusable,    // what stands there cannot be fetched or unpacked
  model_loading,     // the model was not loaded in time; the loading goes on
};

std::string_view name_of(InvokeFailure failure);

// What a request to an elastic variant may take: the fleet's limit, or its own where that is less.
std::chrono::milliseconds elastic_limit(const InvokeRequest& request,
                                        std::chrono::milliseconds of_fleet);

}  // namespace slipway::routing
