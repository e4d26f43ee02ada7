#include "engine/fleet/variant_contents.h"

#include <fmt/format.h>

#include <utility>

namespace slipway::fleet {

VariantContents::VariantContents(RunState& run, FleetEffects& effects, const FleetNeeds& needs,
                                 const InstanceSpecs& specs, WantedCounts& counts,
                                 store::Transaction& tx)
    : run_(run), effects_(effects), needs_(needs), specs_(specs), counts_(counts), tx_(tx) {}

// Model and code are asked for at once.
bool VariantContents::are_here(Generation generation, const Variant& variant,
                               const Failed& failed) {
  const VariantId id{generation, variant.name};
  const FleetRecord& record = run_.row.record;
  const bool starts = !record.serves(generation) ||
                      record.living(generation, variant.name) < counts_.of(generation, variant);
  if (starts)
    if (const auto open = may_read(variant); !open) {
      failed(open.error().message);
      return false;
    }
  const bool model =
      !variant.program.model || has_artifact({id, ContentPart::model}, variant, failed);
  const bool code = !variant.program.code || has_artifact({id, ContentPart::code}, variant, failed);
  return model && code && has_environment(generation, variant, failed);
}

bool VariantContents::are_known(Generation generation, const Variant& variant) {
  const VariantRecord& known = run_.row.record.of(generation, variant.name);
  return (!variant.program.model || !known.content.empty()) &&
         (!variant.program.code || !known.code_content.empty()) &&
         (!specs_.needs_environment(variant) || !known.environment.empty());
}

void VariantContents::begin_anew(const VariantId& id) {
  for (const ContentPart part : {ContentPart::model, ContentPart::code, ContentPart::environment})
    run_.observed.fetches.erase({id, part});
}

void VariantContents::forget_unneeded() {
  std::erase_if(run_.observed.fetches,
                [&](const auto& fetch) { return !run_.row.needs(fetch.first.variant.first); });
}

Result<> VariantContents::may_read(const Variant& variant) const {
  if (!needs_.may_read) return {};
  if (variant.program.model) TRY_DO(needs_.may_read(tx_, *variant.program.model));
  if (variant.program.code) TRY_DO(needs_.may_read(tx_, variant.program.code->artifact));
  return {};
}

bool VariantContents::has_artifact(const FetchId& id, const Variant& variant,
                                   const Failed& failed) {
  const Generation generation = id.variant.first;
  const bool is_model = id.part == ContentPart::model;
  const auto& artifact = is_model ? *variant.program.model : variant.program.code->artifact;
  const std::string_view what = is_model ? "model artifact" : "code";
  FleetRecord& record = run_.row.record;
  VariantRecord& noted = record.of(generation, variant.name);
  std::string& known = is_model ? noted.content : noted.code_content;
  if (!known.empty() && needs_.artifacts.find(known)) return true;
  const ServerTime asked_at = when_asked(id);
  if (!run_.observed.fetches.contains(id)) effects_.fetch(id, artifact, known, run_.now);
  // What was here before is looked at anew, however long ago its generation began.
  const ServerTime begun = known.empty() ? record.generations[generation].begun : asked_at;
  const auto timeout = variant.program.download_timeout;
  const auto outcome =
      take_outcome(id,
                   {.deadline = begun + timeout,
                    .late = fmt::format("The {} {} of variant '{}' was not fetched within {} s.",
                                        what, artifact.uri, variant.name, timeout.count())},
                   failed);
  if (!outcome) return false;
  if (!*outcome) {
    const Error& error = outcome->error();
    failed(error.code == ErrorCode::permission_denied
               ? error.message
               : fmt::format("The {} {} of variant '{}' cannot be used: {}", what, artifact.uri,
                             variant.name, error.message));
    return false;
  }
  known = (*outcome)->content;
  return true;
}

// As on AWS, the time that an instance has to come up is that of its packages too.
bool VariantContents::has_environment(Generation generation, const Variant& variant,
                                      const Failed& failed) {
  if (!specs_.needs_environment(variant)) return true;
  VariantRecord& noted = run_.row.record.of(generation, variant.name);
  std::string& known = noted.environment;
  if (known == no_environment || (!known.empty() && needs_.environments->find(known))) return true;
  const FetchId id{{generation, variant.name}, ContentPart::environment};
  const ServerTime asked_at = when_asked(id);
  if (!run_.observed.fetches.contains(id)) {
    auto need = specs_.environment_need(generation, variant, noted);
    if (!need) return false;
    effects_.prepare(id, *std::move(need), run_.now);
  }
  const auto timeout = variant.program.startup_timeout;
  const ServerTime deadline = asked_at + timeout;
  const auto outcome =
      take_outcome(id,
                   {.deadline = deadline,
                    .late = fmt::format("The environment of variant '{}' was not made within {} s.",
                                        variant.name, timeout.count())},
                   failed);
  if (!outcome && run_.now >= deadline) run_.observed.fetches.erase(id);
  if (!outcome) return false;
  if (!*outcome) {
    failed(fmt::format("The environment of variant '{}' cannot be made: {}", variant.name,
                       outcome->error().message));
    return false;
  }
  known = (*outcome)->content.empty() ? std::string(no_environment) : (*outcome)->content;
  return true;
}

// Now, where it is asked for by this run.
ServerTime VariantContents::when_asked(const FetchId& id) const {
  const auto fetch = run_.observed.fetches.find(id);
  return fetch == run_.observed.fetches.end() ? run_.now : fetch->second.asked_at;
}

// The outcome of what was asked for, once. Returns nullopt while it is under way; `failed` hears
// that it is late from the deadline on.
auto VariantContents::take_outcome(const FetchId& id, const Patience& patience,
                                   const Failed& failed) -> std::optional<artifacts::FetchOutcome> {
  const auto fetch = run_.observed.fetches.find(id);
  if (fetch != run_.observed.fetches.end() && fetch->second.outcome) {
    auto outcome = std::move(fetch->second.outcome);
    run_.observed.fetches.erase(fetch);
    return outcome;
  }
  if (run_.now >= patience.deadline)
    failed(patience.late);
  else
    run_.wake_at(patience.deadline);
  return std::nullopt;
}

}  // namespace slipway::fleet
