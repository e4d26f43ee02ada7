// The words in which a plan says how requests reach instances, and a route repeats it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace slipway::routing {

// Names a fleet for as long as it lives: chosen by the door, opaque here. Not empty; a fleet that
// was removed may be followed by another of the same id once it is gone.
struct FleetId {
  std::string text;
  auto operator<=>(const FleetId&) const = default;
};

// Numbers the plans that fleets were asked to run, from 1, ascending over all fleets of a store. 0:
// none.
using Generation = std::uint64_t;

// How the requests of a fleet are divided among the generations that serve them: to each what it is
// given of 1. A share of 0 stands by: of requests it gets only those that belong to one of its
// instances.
using Shares = std::map<Generation, double>;

// How the instance of a variant is chosen that a request goes to.
enum class Balancing : std::uint8_t { random, least_outstanding };

// Who may send requests to a fleet: everyone, or the durable queue before it alone.
enum class Access : std::uint8_t { direct, queued };

// What a variant takes whose instances come and go with its requests (concurrency_limiter.h).
struct Elastic {
  std::uint32_t concurrency_max = 1;        // requests under way at once; more wait a moment
  std::uint32_t provisioned = 0;            // requests at once for which instances always stand
  std::uint32_t requests_per_instance = 1;  // that one instance is given at once
  std::uint64_t body_bytes_max = 0;         // of a request and of an answer; 0: no limit of its own

  bool operator==(const Elastic&) const = default;
};

// What becomes of a request to a variant that wants no instance and does not follow its requests.
enum class AtZero : std::uint8_t { hold, refuse };

// Whose requests a variant gets.
enum class Audience : std::uint8_t {
  callers,  // requests of callers, by weight
  shadow,   // copies of requests that another variant answered; what it says is dropped. Its weight
            // over that of all others, at most 1, is the share that is copied
};

// Where the parts of a streamed answer begin and end for the client.
enum class PartBorder : std::uint8_t {
  none,   // as they come
  line,   // a part is a line
  event,  // a part is a server-sent event
};

// Which requests and answers are copied for later (capture.h).
struct CapturePlan {
  std::string destination;  // opaque here
  unsigned percent = 100;   // of the requests, chosen at random
  bool input = true;        // the request's body
  bool output = true;       // the answer's
  // The content types whose bodies are text.
  std::vector<std::string> csv_types = {};
  std::vector<std::string> json_types = {};

  bool operator==(const CapturePlan&) const = default;
};

// How an instance is asked over HTTP. The framed link of our own programs carries none of it: there
// is one way to ask there.
struct RequestForm {
  std::string method = "POST";
  std::string path = "/";
  // Of an instance with many models, the path that stands for all of them: models are loaded (POST)
  // and listed (GET) there, let go at "<models_path>/<name>" (DELETE), and asked at
  // "<models_path>/<name>/invoke". Empty: its instances have one model.
  std::string models_path = {};

  bool operator==(const RequestForm&) const = default;
};

}  // namespace slipway::routing
