#include "engine/fleet/decisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace slipway::fleet {
namespace {

std::string name_of(const InstanceRecord& instance) {
  return fmt::format("Instance {} of variant '{}' (generation {})", instance.ordinal,
                     instance.variant, instance.generation);
}

// Why an instance that lived is to end.
std::string cause_of(const InstanceRecord& instance, const FleetRow& after,
                     const InstanceFailures& failures) {
  const auto failure = failures.find(instance.variant_id());
  if (failure != failures.end()) return failure->second;
  if (after.removing) return "The endpoint is being deleted.";
  if (instance.generation == after.record.failed) {
    const auto given_up = after.record.generations.find(instance.generation);
    const bool came_up = given_up != after.record.generations.end() && given_up->second.came_up;
    return came_up ? "Its generation was given up." : "Its generation did not come up.";
  }
  if (!after.record.serves(instance.generation) && instance.generation != after.wanted)
    return "Another generation serves in its place.";
  return "There are more than are wanted.";
}

// At a character's start.
void shorten(std::string& sentence) {
  if (sentence.size() <= decision_bytes_max) return;
  std::size_t end = decision_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(sentence[end]) & 0xc0) == 0x80) --end;
  sentence.resize(end);
  sentence += " ...";
}

std::string began(const InstanceRecord& instance) {
  return fmt::format("{} is started; its first good answer to the health check is waited for.",
                     name_of(instance));
}

std::string moved(const InstanceRecord& from, const InstanceRecord& to, const FleetRow& after,
                  const InstanceFailures& failures) {
  switch (to.phase) {
    case Phase::starting:
      return fmt::format("{} does not run any more and is started again.", name_of(to));
    case Phase::healthy:
      return fmt::format("{} answered the health check and is healthy.", name_of(to));
    case Phase::draining:
      return fmt::format("{} gets no further requests; those under way are waited for. {}",
                         name_of(to), cause_of(to, after, failures));
    case Phase::stopping:
      if (from.phase == Phase::draining)
        return fmt::format("{} is stopped: its requests are done, or had their time.", name_of(to));
      return fmt::format("{} is stopped; its end is waited for. {}", name_of(to),
                         cause_of(to, after, failures));
    case Phase::ended:
      if (from.phase == Phase::stopping || from.phase == Phase::draining)
        return fmt::format("{} has ended.", name_of(to));
      return fmt::format("{} ended unasked. {}", name_of(to), cause_of(to, after, failures));
  }
  return "";
}

void tell_of_instances(const FleetRecord& before, const FleetRow& after,
                       const InstanceFailures& failures, std::vector<std::string>& out) {
  for (const InstanceRecord& to : after.record.instances) {
    const auto from = std::ranges::find(before.instances, to.ordinal, &InstanceRecord::ordinal);
    if (from == before.instances.end())
      out.push_back(began(to));
    else if (from->phase != to.phase)
      out.push_back(moved(*from, to, after, failures));
  }
}

void tell_of_content(Generation generation, const std::string& name, const VariantRecord& from,
                     const VariantRecord& to, std::vector<std::string>& out) {
  const auto tell = [&](std::string_view what) {
    out.push_back(
        fmt::format("{} of variant '{}' (generation {}) is on the disk.", what, name, generation));
  };
  if (to.content != from.content && !to.content.empty()) tell("The model");
  if (to.code_content != from.code_content && !to.code_content.empty()) tell("The code");
  if (to.environment != from.environment && !to.environment.empty())
    out.push_back(
        to.environment == no_environment
            ? fmt::format("Variant '{}' (generation {}) needs no packages.", name, generation)
            : fmt::format("The packages of variant '{}' (generation {}) are installed.", name,
                          generation));
  if (to.failures > from.failures)
    out.push_back(
        fmt::format("Variant '{}' (generation {}) has failed {} in a row; the next "
                    "try waits until its time has come.",
                    name, generation, to.failures));
}

void tell_of_generations(const FleetRecord& before, const FleetRow& after,
                         std::vector<std::string>& out) {
  const FleetRecord& record = after.record;
  for (const auto& [number, generation] : record.generations) {
    const auto old = before.generations.find(number);
    if (old == before.generations.end() && number == after.wanted)
      out.push_back(fmt::format(
          "Generation {} is wanted, and is brought up{}.", number,
          before.shares.empty() ? "" : fmt::format(" beside generation {}", before.serving())));
    const bool was_up = old != before.generations.end() && old->second.came_up;
    if (generation.came_up && !was_up && !record.serves(number))
      out.push_back(fmt::format(
          "Generation {} is up: it waits to be given a share of the requests.", number));
    for (const auto& [name, variant] : generation.variants) {
      VariantRecord from;
      if (old != before.generations.end())
        if (const auto known = old->second.variants.find(name); known != old->second.variants.end())
          from = known->second;
      tell_of_content(number, name, from, variant, out);
    }
  }
}

// What follows from what became of the instances.
void tell_of_outcome(const FleetRecord& before, const FleetRecord& record,
                     std::vector<std::string>& out) {
  for (const auto& [generation, share] : record.shares)
    if (!before.serves(generation))
      out.push_back(
          fmt::format("Generation {} serves: all of its instances are healthy.", generation));
  if (record.failed != before.failed && record.failed != 0)
    out.push_back(fmt::format("Generation {} is given up: {}", record.failed, record.reason));
  if (record.scaling_failed && !before.scaling_failed)
    out.push_back(fmt::format("The wanted counts were not reached: {}", record.reason));
}

}  // namespace

std::vector<std::string> decisions_of(const FleetRecord& before, const FleetRow& after,
                                      const InstanceFailures& failures) {
  std::vector<std::string> sentences;
  tell_of_generations(before, after, sentences);
  tell_of_instances(before, after, failures, sentences);
  tell_of_outcome(before, after.record, sentences);
  return sentences;
}

void DecisionBook::note(const FleetId& id, Timestamp at, std::vector<std::string> sentences) {
  if (sentences.empty()) return;
  const std::lock_guard lock(mutex_);
  const auto [found, fresh] = pages_.try_emplace(id);
  Page& page = found->second;
  if (!fresh) turns_.erase(page.turn);
  page.turn = turns_.insert(turns_.end(), id);
  for (std::string& sentence : sentences) {
    shorten(sentence);
    page.decisions.push_back({at, std::move(sentence)});
    if (page.decisions.size() > decisions_kept_max) page.decisions.pop_front();
  }
  if (pages_.size() <= fleets_with_decisions_max) return;
  pages_.erase(turns_.front());
  turns_.pop_front();
}

std::vector<DecisionBook::OfFleet> DecisionBook::below(const FleetId& id) const {
  const std::lock_guard lock(mutex_);
  std::vector<OfFleet> out;
  for (auto page = pages_.lower_bound(id);
       page != pages_.end() && page->first.text.starts_with(id.text); ++page) {
    const std::string_view rest = std::string_view(page->first.text).substr(id.text.size());
    if (!rest.empty() && rest.front() != '/' && rest.front() != ':') continue;
    const std::deque<Decision>& known = page->second.decisions;
    out.push_back({page->first, {known.begin(), known.end()}});
  }
  return out;
}

}  // namespace slipway::fleet
