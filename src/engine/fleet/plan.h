// What a fleet should be: written by a door, made so by the FleetReconciler.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/fleet/placement.h"

namespace slipway::fleet {

// Limits.
inline constexpr std::size_t fleet_id_bytes_max = 256;
inline constexpr std::size_t variant_name_bytes_max = 63;
inline constexpr std::size_t variants_max = 20;
inline constexpr std::size_t containers_max = 15;  // of one variant
inline constexpr std::uint32_t instances_per_variant_max = 1000;

// Names a fleet for as long as it lives: chosen by the door, opaque here. Not empty; a fleet that
// was removed may be followed by another of the same id once it is gone.
struct FleetId {
  std::string text;
  auto operator<=>(const FleetId&) const = default;
};

// Numbers the plans that fleets were asked to run, from 1, ascending over all fleets of a store. 0:
// none.
using Generation = std::uint64_t;

enum class Routing : std::uint8_t { random, least_outstanding };

// Who may send requests to a fleet: everyone, or the durable queue before it alone.
enum class Access : std::uint8_t { direct, queued };

// Files that every instance of a variant sees, fetched and unpacked once per content.
struct Artifact {
  enum class Form : std::uint8_t {
    tar_gz,  // `uri` is an archive, unpacked
    object,  // `uri` is one file, kept under its own name
    prefix,  // every object below `uri`, kept under its relative name
  };
  std::string uri;
  Form form = Form::tar_gz;
  // For whom it is read, in the door's words. Empty: nobody is asked whether he may.
  std::string reader = {};

  bool operator==(const Artifact&) const = default;
};

// Models of which a request names one: fetched when they are asked for, many on each instance.
struct ModelCollection {
  std::string uri;  // what stands before each model's name
  Artifact::Form form = Artifact::Form::tar_gz;
  bool kept = true;              // false: let go, from disk too, as soon as no request uses it
  std::uint32_t loaded_max = 0;  // in the memory of one instance; 0: as many as it takes
  std::string reader = {};       // as Artifact has it

  bool operator==(const ModelCollection&) const = default;
};

// Code that serves a model and does not come with it. The instance is told where it lies by a
// variable of its environment, in place of what the plan's environment says there.
struct Code {
  Artifact artifact;
  std::string variable;

  bool operator==(const Code&) const = default;
};

// What the instances of a variant run: exactly one of `built_in` and `image`.
struct Program {
  std::string built_in;                // a built-in image's name: "slipway-inference"
  std::string image;                   // any other image's URI
  std::vector<std::string> arguments;  // for an image; empty: its own
  std::map<std::string, std::string> environment;
  // In whose name its instances may ask this server for things, in the door's words: they are
  // started with what FleetOptions::credentials says for it. Empty: in nobody's.
  std::string acts_as;
  std::optional<Artifact> model;          // seen at /opt/ml/model
  std::optional<ModelCollection> models;  // in place of `model`
  std::optional<Code> code;               // seen at /opt/ml/code

  std::chrono::seconds startup_timeout{480};    // until the first healthy answer to /ping
  std::chrono::seconds download_timeout{3600};  // until the artifacts are there
  std::uint64_t memory_bytes_max = 0;           // 0: no limit

  bool operator==(const Program&) const = default;
};

// Makes the instances of a variant come and go with its requests (engine/fleet/elastic.h).
struct Elastic {
  std::uint32_t concurrency_max = 1;        // requests under way at once; more wait a moment
  std::uint32_t provisioned = 0;            // requests at once for which instances always stand
  std::uint32_t requests_per_instance = 1;  // that one instance is given at once
  std::uint64_t body_bytes_max = 0;         // of a request and of an answer; 0: no limit of its own

  bool operator==(const Elastic&) const = default;
};

// What becomes of a request to a variant that wants no instance at all and is not elastic.
enum class AtZero : std::uint8_t { hold, refuse };

// What the containers of one variant are to each other.
enum class Execution : std::uint8_t {
  single,  // there is one
  serial,  // the answer of each is the request of the next; the last one's goes to the caller
  direct,  // the caller names the one that answers
};

// Whose requests a variant gets.
enum class Audience : std::uint8_t {
  callers,  // requests of callers, by weight
  shadow,   // copies of requests that another variant answered; what it says is dropped. Its weight
            // over that of all others, at most 1, is the share that is copied
};

// A variant; or, where a variant has several containers, one of them: these stand next to each
// other in the plan, in the order of their execution, and agree in all but name and program. Each
// has instances of its own, which are brought up, probed, replaced and drained like any.
struct Variant {
  // Its own: the variant's, or "<variant>.<container>" where it has several.
  std::string name;
  double weight = 1.0;
  std::uint32_t instances = 1;  // of an elastic variant: not looked at
  std::optional<Elastic> elastic = {};
  Routing routing = Routing::random;
  AtZero at_zero = AtZero::hold;
  Program program;
  // Set: this variant runs nothing of its own (`program` is empty). Its instances are machines of
  // this size for other fleets to be placed on; they are there as soon as they are wanted.
  std::optional<Resources> offers = std::nullopt;

  // Those of its instances that are processes.
  std::uint32_t instances_to_run() const { return offers ? 0 : instances; }

  Execution execution = Execution::single;
  std::string container = {};  // its name among the variant's; empty: there is one
  Audience audience = Audience::callers;

  // What callers know it by: the part of `name` before the container.
  std::string_view variant() const;

  bool operator==(const Variant&) const = default;
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

struct FleetPlan {
  std::vector<Variant> variants;
  std::chrono::milliseconds request_timeout{60'000};
  PartBorder part_border = PartBorder::none;
  std::optional<CapturePlan> capture = std::nullopt;
  Access access = Access::direct;
  // For whom what comes of requests is stored, by variant, in the door's words. A variant that is
  // not in it: nobody is asked whether he may.
  std::map<std::string, std::string, std::less<>> writers = {};

  bool operator==(const FleetPlan&) const = default;
};

// Refuses, with a sentence: no variant, two of one name, names or counts out of bounds, a negative
// or infinite weight, a program that is neither or both (of a variant that offers itself: any),
// containers of one variant that disagree or are apart, more than one shadow, nothing but a shadow.
Result<> check(const FleetPlan& plan);

// The stored form: JSON with a version. Reading refuses what it does not know: corrupted.
std::string to_text(const FleetPlan& plan);
Result<FleetPlan> plan_from_text(std::string_view text);

}  // namespace slipway::fleet
