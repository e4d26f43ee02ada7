#include "engine/fleet/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <set>

#include "engine/fleet/elastic_aim.h"

namespace slipway::fleet {

namespace {

bool is_path(std::string_view path) { return path.starts_with('/'); }

std::unexpected<Error> bad_contract(const Variant& variant, std::string_view what) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("The contract of variant '{}' {}.", variant.name, what));
}

// Whether it says all that an instance of this program needs. Places give an instance one port.
Result<> check_contract(const Variant& variant) {
  const Program& program = variant.program;
  const Contract& contract = program.contract;
  if (program.model && !program.image.empty() && !is_path(contract.model_path))
    return bad_contract(variant, "does not say where its model is seen");
  if (variant.multi_model() != nullptr &&
      (!is_path(contract.models_path) || !is_path(contract.request.models_path)))
    return bad_contract(variant, "does not say where its models are seen and asked");
  if (program.code && !program.image.empty() && !is_path(contract.code_path))
    return bad_contract(variant, "does not say where its code is seen");
  if (const auto* http = std::get_if<HttpProbe>(&contract.probe); http && !is_path(http->path))
    return bad_contract(variant, "does not say which path tells that it is healthy");
  if (contract.request.method.empty() || !is_path(contract.request.path))
    return bad_contract(variant, "does not say how it is asked");
  if (contract.ports.size() > 1)
    return bad_contract(variant, "has several ports, and places give an instance one");
  const bool probed = !std::holds_alternative<NoProbe>(contract.probe);
  if (probed && !program.image.empty() && contract.ports.empty())
    return bad_contract(variant, "names no port to be probed at");
  return {};
}

Result<> check_program(const Variant& variant) {
  const Program& program = variant.program;
  if (variant.machines() != nullptr) {
    if (program == Program{}) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' offers its instances to others and cannot run a program.",
                            variant.name));
  }
  if (program.built_in.empty() == program.image.empty())
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("Variant '{}' needs either a built-in image or an image.", variant.name));
  if (program.model && program.model->uri.empty())
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' has a model artifact without a URI.", variant.name));
  const MultiModel* const multi = variant.multi_model();
  if (multi != nullptr && (program.model || multi->models.uri.empty()))
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' has a collection of models without a URI, or a model "
                            "beside it.",
                            variant.name));
  if (program.code && (program.code->artifact.uri.empty() || program.code->variable.empty()))
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' has code without a URI or without a variable that tells "
                            "where it lies.",
                            variant.name));
  return check_contract(variant);
}

Result<> check_elastic(std::string_view name, const routing::Elastic& elastic) {
  if (elastic.concurrency_max == 0 || elastic.concurrency_max > instances_per_variant_max ||
      elastic.requests_per_instance == 0)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' must take 1 to {} requests at once.", name,
                            instances_per_variant_max));
  if (elastic.provisioned > elastic.concurrency_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' provisions for {} requests at once and takes at most {}.",
                            name, elastic.provisioned, elastic.concurrency_max));
  return {};
}

bool is_one_of_several(const Variant& variant) {
  return std::holds_alternative<SerialContainer>(variant.serving) ||
         std::holds_alternative<DirectContainer>(variant.serving);
}

// A name is a segment of instance keys, so it holds no '/'.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= variant_name_bytes_max &&
         name.find('/') == std::string_view::npos;
}

// A container's name ends that of its variant: "<variant>.<container>".
bool is_named_well(const Variant& variant) {
  const std::string_view of = variant.variant();
  if (!is_name(of)) return false;
  if (!is_one_of_several(variant)) return true;
  const std::string_view container = variant.container();
  return is_name(container) && variant.name.size() == of.size() + 1 + container.size() &&
         variant.name.ends_with(container) && variant.name[of.size()] == '.';
}

Result<> check_variant(const Variant& variant) {
  if (!is_named_well(variant))
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no name for a variant: it has 1 to {} bytes and no '/'.",
                            variant.name, variant_name_bytes_max));
  if (!std::isfinite(variant.weight) || variant.weight < 0)
    return fail(ErrorCode::invalid_argument,
                fmt::format("The weight of variant '{}' must be 0 or more.", variant.name));
  if (const auto count = count_of(variant); count && *count > instances_per_variant_max)
    return fail(ErrorCode::invalid_argument,
                fmt::format("Variant '{}' asks for {} instances; at most {} are allowed.",
                            variant.name, *count, instances_per_variant_max));
  if (const auto* const elastic = variant.elastic()) TRY_DO(check_elastic(variant.name, *elastic));
  return check_program(variant);
}

// Whether both are containers of one kind that differ in their names at most.
bool agree(const Serving& one, const Serving& other) {
  return std::visit(
      []<typename One, typename Other>(const One& a, const Other& b) {
        if constexpr (std::same_as<One, Other> && requires { a.container; })
          return a.instances == b.instances && a.balancing == b.balancing;
        else
          return false;
      },
      one, other);
}

bool agree(const Variant& one, const Variant& other) {
  return one.audience == other.audience && one.weight == other.weight &&
         agree(one.serving, other.serving);
}

// The containers of a variant stand together, are alike, and are not too many.
Result<> check_containers(const FleetPlan& plan) {
  std::set<std::string_view> variants;
  std::size_t containers = 0;
  const Variant* before = nullptr;
  for (const Variant& variant : plan.variants) {
    const bool goes_on = before != nullptr && before->variant() == variant.variant();
    containers = goes_on ? containers + 1 : 1;
    if (goes_on ? !agree(*before, variant) : !variants.insert(variant.variant()).second)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("The containers of variant '{}' must stand together and agree in "
                              "weight, count and execution.",
                              variant.variant()));
    if (containers > containers_max)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Variant '{}' has more than {} containers.", variant.variant(),
                              containers_max));
    before = &variant;
  }
  if (!variants.empty() && variants.size() <= variants_max) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("A fleet has 1 to {} variants; {} were given.", variants_max, variants.size()));
}

Result<> check_audiences(const FleetPlan& plan) {
  std::set<std::string_view> shadows;
  std::set<std::string_view> others;
  for (const Variant& variant : plan.variants)
    (variant.audience == routing::Audience::shadow ? shadows : others).insert(variant.variant());
  if (shadows.size() <= 1 && !others.empty()) return {};
  return fail(ErrorCode::invalid_argument,
              "A fleet has one shadow variant at most, beside a variant that answers.");
}

}  // namespace

std::string_view Variant::variant() const {
  const std::string_view all = name;
  const std::size_t tail = container().empty() ? 0 : container().size() + 1;
  return all.substr(0, all.size() - std::min(all.size(), tail));
}

std::string_view Variant::container() const {
  return std::visit(
      [](const auto& kind) -> std::string_view {
        if constexpr (requires { kind.container; })
          return kind.container;
        else
          return {};
      },
      serving);
}

namespace {

// Visits the count of a Serving, const or not, where it has one.
void with_count(auto& serving, const auto& visit) {
  std::visit(
      [&](auto& kind) {
        if constexpr (requires { kind.instances; })
          visit(kind.instances);
        else if constexpr (requires { kind.count; })
          visit(kind.count);
      },
      serving);
}

}  // namespace

std::optional<std::uint32_t> count_of(const Variant& variant) {
  std::optional<std::uint32_t> found;
  with_count(variant.serving, [&](std::uint32_t count) { found = count; });
  return found;
}

void set_count(Variant& variant, std::uint32_t count) {
  with_count(variant.serving, [&](std::uint32_t& had) { had = count; });
}

void set_balancing(Variant& variant, routing::Balancing balancing) {
  std::visit(
      [balancing](auto& kind) {
        if constexpr (requires { kind.balancing; }) kind.balancing = balancing;
      },
      variant.serving);
}

std::uint32_t standing_instances(const Variant& variant) {
  const auto* const elastic = variant.elastic();
  return elastic != nullptr ? provisioned_instances(*elastic) : count_of(variant).value_or(0);
}

std::uint32_t standing_processes(const Variant& variant) {
  return variant.machines() != nullptr ? 0 : standing_instances(variant);
}

std::uint32_t standing_processes(const FleetPlan& plan) {
  std::uint32_t count = 0;
  for (const Variant& variant : plan.variants) count += standing_processes(variant);
  return count;
}

Result<> check(const FleetPlan& plan) {
  std::set<std::string_view> names;
  for (const Variant& variant : plan.variants) {
    TRY_DO(check_variant(variant));
    if (!names.insert(variant.name).second)
      return fail(ErrorCode::invalid_argument,
                  fmt::format("Two variants are named '{}'.", variant.name));
  }
  TRY_DO(check_containers(plan));
  return check_audiences(plan);
}

}  // namespace slipway::fleet
