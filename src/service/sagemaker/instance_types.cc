#include "service/sagemaker/instance_types.h"

#include <algorithm>
#include <charconv>

namespace slipway::sagemaker {
namespace {

constexpr double mib_per_gib = 1024;

// A family whose sizes are regular: "large" has 2 vCPUs, "xlarge" 4, "Nxlarge" N times 4.
struct Family {
  std::string_view name;
  double gib_per_cpu;
};
constexpr Family families[] = {
    {"c4", 1.875}, {"c5", 2},   {"c5d", 2},  {"c5n", 2.625}, {"c6g", 2},  {"c6gd", 2}, {"c6gn", 2},
    {"c6i", 2},    {"c6id", 2}, {"c6in", 2}, {"c7g", 2},     {"c7gd", 2}, {"c7i", 2},  {"c8g", 2},
    {"m4", 4},     {"m5", 4},   {"m5d", 4},  {"m5n", 4},     {"m5dn", 4}, {"m6g", 4},  {"m6gd", 4},
    {"m6i", 4},    {"m6id", 4}, {"m6in", 4}, {"m6idn", 4},   {"m7g", 4},  {"m7gd", 4}, {"m7i", 4},
    {"m8g", 4},    {"r5", 8},   {"r5d", 8},  {"r5n", 8},     {"r5dn", 8}, {"r6g", 8},  {"r6gd", 8},
    {"r6i", 8},    {"r6id", 8}, {"r7g", 8},  {"r7gd", 8},    {"r7i", 8},  {"r8g", 8},
};

// Sizes that do not follow from their family's name.
struct Single {
  std::string_view name;
  double cpus;
  double gib;
  double accelerators;
};
constexpr Single singles[] = {
    {"c4.8xlarge", 36, 60, 0},        {"c6g.medium", 1, 2, 0},
    {"c7g.medium", 1, 2, 0},          {"c8g.medium", 1, 2, 0},
    {"m6g.medium", 1, 4, 0},          {"m7g.medium", 1, 4, 0},
    {"m8g.medium", 1, 4, 0},          {"r6g.medium", 1, 8, 0},
    {"r7g.medium", 1, 8, 0},          {"r8g.medium", 1, 8, 0},
    {"t2.medium", 2, 4, 0},           {"t2.large", 2, 8, 0},
    {"t2.xlarge", 4, 16, 0},          {"t2.2xlarge", 8, 32, 0},
    {"g4dn.xlarge", 4, 16, 1},        {"g4dn.2xlarge", 8, 32, 1},
    {"g4dn.4xlarge", 16, 64, 1},      {"g4dn.8xlarge", 32, 128, 1},
    {"g4dn.12xlarge", 48, 192, 4},    {"g4dn.16xlarge", 64, 256, 1},
    {"g5.xlarge", 4, 16, 1},          {"g5.2xlarge", 8, 32, 1},
    {"g5.4xlarge", 16, 64, 1},        {"g5.8xlarge", 32, 128, 1},
    {"g5.12xlarge", 48, 192, 4},      {"g5.16xlarge", 64, 256, 1},
    {"g5.24xlarge", 96, 384, 4},      {"g5.48xlarge", 192, 768, 8},
    {"g6.xlarge", 4, 16, 1},          {"g6.2xlarge", 8, 32, 1},
    {"g6.4xlarge", 16, 64, 1},        {"g6.8xlarge", 32, 128, 1},
    {"g6.12xlarge", 48, 192, 4},      {"g6.16xlarge", 64, 256, 1},
    {"g6.24xlarge", 96, 384, 4},      {"g6.48xlarge", 192, 768, 8},
    {"g6e.xlarge", 4, 32, 1},         {"g6e.2xlarge", 8, 64, 1},
    {"g6e.4xlarge", 16, 128, 1},      {"g6e.8xlarge", 32, 256, 1},
    {"g6e.12xlarge", 48, 384, 4},     {"g6e.16xlarge", 64, 512, 1},
    {"g6e.24xlarge", 96, 768, 4},     {"g6e.48xlarge", 192, 1536, 8},
    {"p2.xlarge", 4, 61, 1},          {"p2.8xlarge", 32, 488, 8},
    {"p2.16xlarge", 64, 732, 16},     {"p3.2xlarge", 8, 61, 1},
    {"p3.8xlarge", 32, 244, 4},       {"p3.16xlarge", 64, 488, 8},
    {"p3dn.24xlarge", 96, 768, 8},    {"p4d.24xlarge", 96, 1152, 8},
    {"p4de.24xlarge", 96, 1152, 8},   {"p5.48xlarge", 192, 2048, 8},
    {"p5e.48xlarge", 192, 2048, 8},   {"p5en.48xlarge", 192, 2048, 8},
    {"inf1.xlarge", 4, 8, 1},         {"inf1.2xlarge", 8, 16, 1},
    {"inf1.6xlarge", 24, 48, 4},      {"inf1.24xlarge", 96, 192, 16},
    {"inf2.xlarge", 4, 16, 1},        {"inf2.8xlarge", 32, 128, 1},
    {"inf2.24xlarge", 96, 384, 6},    {"inf2.48xlarge", 192, 768, 12},
    {"trn1.2xlarge", 8, 32, 1},       {"trn1.32xlarge", 128, 512, 16},
    {"trn1n.32xlarge", 128, 512, 16},
};

fleet::Resources resources(double cpus, double gib, double accelerators) {
  return {.cpus = cpus,
          .memory_mib = static_cast<std::uint64_t>(gib * mib_per_gib),
          .accelerators = accelerators};
}

// "large", "xlarge" and "12xlarge".
std::optional<double> cpus_of(std::string_view size) {
  if (size == "large") return 2;
  unsigned times = 1;
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), times);
  if (error == std::errc() && times == 0) return std::nullopt;
  size.remove_prefix(static_cast<std::size_t>(end - size.data()));
  if (size != "xlarge") return std::nullopt;
  return 4.0 * times;
}

}  // namespace

std::optional<fleet::Resources> resources_of(std::string_view instance_type) {
  constexpr std::string_view prefix = "ml.";
  if (!instance_type.starts_with(prefix)) return std::nullopt;
  const std::string_view name = instance_type.substr(prefix.size());
  if (const auto single = std::ranges::find(singles, name, &Single::name);
      single != std::end(singles))
    return resources(single->cpus, single->gib, single->accelerators);
  const std::size_t dot = name.find('.');
  if (dot == name.npos) return std::nullopt;
  const auto family = std::ranges::find(families, name.substr(0, dot), &Family::name);
  const auto cpus = cpus_of(name.substr(dot + 1));
  if (family == std::end(families) || !cpus) return std::nullopt;
  return resources(*cpus, *cpus * family->gib_per_cpu, 0);
}

}  // namespace slipway::sagemaker
