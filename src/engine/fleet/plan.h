// What a fleet should be: written by a door, made so by the FleetReconciler.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/artifacts/artifact.h"
#include "engine/fleet/contract.h"
#include "engine/fleet/serving.h"
#include "engine/routing/traffic.h"

namespace slipway::fleet {

using routing::FleetId;
using routing::Generation;
using routing::Shares;

// Limits.
inline constexpr std::size_t fleet_id_bytes_max = 256;
inline constexpr std::size_t variant_name_bytes_max = 63;
inline constexpr std::size_t variants_max = 20;
inline constexpr std::size_t containers_max = 15;  // of one variant
inline constexpr std::uint32_t instances_per_variant_max = 1000;

// Code that serves a model and does not come with it. The instance is told where it lies by a
// variable of its environment, in place of what the plan's environment says there.
struct Code {
  artifacts::Artifact artifact;
  std::string variable;

  bool operator==(const Code&) const = default;
};

// What the instances of a variant run: exactly one of `built_in` and `image`.
struct Program {
  std::string built_in;                // a built-in image's name: "slipway-inference"
  std::string image;                   // any other image's URI
  std::vector<std::string> arguments;  // for an image; empty: its contract's
  std::map<std::string, std::string> environment;
  // In whose name its instances may ask this server for things, in the door's words: they are
  // started with what FleetOptions::credentials says for it. Empty: in nobody's.
  std::string acts_as;
  std::optional<artifacts::Artifact> model;
  std::optional<Code> code;
  Contract contract = {};  // what the program is written for

  std::chrono::seconds startup_timeout{480};    // until it is healthy, as its contract says
  std::chrono::seconds download_timeout{3600};  // until the artifacts are there
  std::uint64_t memory_bytes_max = 0;           // 0: no limit

  bool operator==(const Program&) const = default;
};

// A variant; or, where a variant has several containers, one of them: these stand next to each
// other in the plan, in the order of their execution, and agree in all but name and program. Each
// has instances of its own, which are brought up, probed, replaced and drained like any.
struct Variant {
  // Its own: the variant's, or "<variant>.<container>" where it has several.
  std::string name;
  double weight = 1.0;
  routing::Audience audience = routing::Audience::callers;
  Serving serving = SingleModel();
  Program program = {};  // of machines: none

  // What callers know it by: the part of `name` before the container.
  std::string_view variant() const;
  // Its name among the variant's containers; empty: there is one.
  std::string_view container() const;
  // Null: it is of another kind.
  const routing::Elastic* elastic() const { return std::get_if<routing::Elastic>(&serving); }
  const MultiModel* multi_model() const { return std::get_if<MultiModel>(&serving); }
  const Machines* machines() const { return std::get_if<Machines>(&serving); }

  bool operator==(const Variant&) const = default;
};

// How many instances, or machines, a variant is given; nullopt of an elastic one, which has no such
// count.
std::optional<std::uint32_t> count_of(const Variant& variant);
// Gives it so many, but for an elastic one.
void set_count(Variant& variant, std::uint32_t count);
// Has its instances chosen so, where that is a choice of its kind.
void set_balancing(Variant& variant, routing::Balancing balancing);

// Those of a variant's instances, or machines, that stand whatever is asked of it.
std::uint32_t standing_instances(const Variant& variant);
// Those of them that are processes: none of machines.
std::uint32_t standing_processes(const Variant& variant);

// All that a fleet should be, in one generation.
struct FleetPlan {
  std::vector<Variant> variants;
  std::chrono::milliseconds request_timeout{60'000};
  routing::PartBorder part_border = routing::PartBorder::none;
  std::optional<routing::CapturePlan> capture = std::nullopt;
  routing::Access access = routing::Access::direct;
  // For whom what comes of requests is stored, by variant, in the door's words. A variant that is
  // not in it: nobody is asked whether he may.
  std::map<std::string, std::string, std::less<>> writers = {};

  bool operator==(const FleetPlan&) const = default;
};

// The processes of all its variants that stand whatever is asked.
std::uint32_t standing_processes(const FleetPlan& plan);

// Refuses, with a sentence: no variant, two of one name, names or counts out of bounds, a negative
// or infinite weight, a program that is neither or both (of machines: any), one
// whose contract lacks what it needs, containers of one variant that disagree or are apart, more
// than one shadow, nothing but a shadow.
Result<> check(const FleetPlan& plan);

// The stored form: JSON with a version. Reading refuses what it does not know: corrupted.
std::string to_text(const FleetPlan& plan);
Result<FleetPlan> plan_from_text(std::string_view text);

}  // namespace slipway::fleet
