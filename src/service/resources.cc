#include "service/resources.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <set>

#include "base/text.h"
#include "service/json_input.h"
#include "service/json_path.h"
#include "wire/document.h"

namespace slipway::service {
namespace {

namespace json = boost::json;
using Use = Property::Use;

constexpr std::string_view item_word = "item";
constexpr std::string_view region_word = "region";

json::string_view key_of(std::string_view name) { return {name.data(), name.size()}; }

std::string_view path_of(const PropertyPlace& place) {
  return place.path.empty() ? place.property : place.path;
}

const Property* find_property(const ResourceType& type, std::string_view name) {
  const auto found = std::ranges::find(type.properties, name, &Property::name);
  return found == type.properties.end() ? nullptr : &*found;
}

const json::value* given(const json::object& properties, std::string_view name) {
  const json::value* const value = properties.if_contains(key_of(name));
  return value && !value->is_null() ? value : nullptr;
}

bool differ(const json::object& a, const json::object& b, std::string_view name) {
  const json::value* const before = given(a, name);
  const json::value* const after = given(b, name);
  return before && after ? *before != *after : before != after;
}

bool has_place(const Step& step, std::string_view property) {
  return std::ranges::find(step.places, property, &PropertyPlace::property) != step.places.end();
}

std::unexpected<Error> refuse_property(const ResourceType& type, std::string_view name,
                                       std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: property {} {}", type.name, name, why));
}

// Nothing that was asked for is dropped.
Result<> check_properties(const ResourceType& type, const json::object& properties) {
  for (const auto& [key, value] : properties) {
    const std::string_view name(key.data(), key.size());
    const Property* const property = find_property(type, name);
    if (property && property->use != Use::attribute) continue;
    if (property && type.named == name) continue;  // whoever asks says what it is to be called
    if (property) return refuse_property(type, name, "is read-only");
    std::string_view words = type.refused;
    while (!words.empty())
      if (take_until(words, ' ') == name)
        return refuse_property(type, name, "cannot be set on this server");
    return refuse_property(type, name, "does not exist");
  }
  return {};
}

bool is(const Absence& absence, const wire::ErrorAnswer& answer) {
  return !absence.code.empty() && absence.code == answer.code &&
         answer.message.starts_with(absence.message);
}

// "item.PolicyName" of an item, "item" itself.
std::optional<json::value> of_item(const json::value& item, std::string_view word) {
  if (word == item_word) return item;
  return at_path(item, word.substr(item_word.size() + 1));
}

bool is_of_item(std::string_view property) {
  return property == item_word ||
         (property.starts_with(item_word) && property[item_word.size()] == '.');
}

std::string key_of_item(const Items& items, const json::value& item) {
  if (items.key.empty()) return text_of(item);
  const auto key = at_path(item, items.key);
  return key ? text_of(*key) : std::string();
}

const json::value* item_of_key(const Items& items, const json::value* list, std::string_view key) {
  if (!list || !list->is_array()) return nullptr;
  for (const json::value& item : list->get_array())
    if (key_of_item(items, item) == key) return &item;
  return nullptr;
}

}  // namespace

PropertyChanges changes_between(const ResourceType& type, const json::object& before,
                                const json::object& after) {
  PropertyChanges out;
  for (const Property& property : type.properties) {
    if (property.use == Use::attribute || property.use == Use::manner) continue;
    if (!differ(before, after, property.name)) continue;
    auto& names = property.use == Use::create_only ? out.replacing : out.in_place;
    names.emplace_back(property.name);
  }
  return out;
}

// Work on resources of one type.
class ResourceOperations::Run {
 public:
  Run(ResourceOperations& resources, const ResourceType& type) : all_(resources), type_(type) {}

  Result<std::string> create(const json::object& properties);
  Result<ResourceState> read(const MadeResource& resource);
  Result<> update(const MadeResource& resource, const json::object& wanted);
  Result<> remove(const MadeResource& resource);
  Result<std::vector<std::string>> list();

 private:
  struct Answered {
    json::value output;
    std::string awaited;
  };

  Result<Answered> run(const Step& step, const json::object& input);
  // The same where `absent` may be what it says: nullopt then.
  Result<std::optional<Answered>> look(const Step& step, const json::object& input,
                                       const Absence& absent);
  // All pages of a list: the values at `path` of each, joined.
  Result<json::array> list_all(const Step& step, json::object input, std::string_view path);

  json::object begin(const Step& step, std::string_view id) const;
  const Form& form_of(const PropertyPlace& place) const;
  Result<> put(json::object& input, const PropertyPlace& place, const json::value& value) const;
  Result<json::object> input_of(const Step& step, std::string_view id,
                                const json::object& properties, const json::value& item) const;
  Result<> take(const PropertyPlace& place, const json::value& output, json::object& into) const;

  Result<> check_free(const json::object& properties);
  std::string fill(std::string_view text, std::string_view name) const;
  Result<> set_rest(std::string_view id, const json::object& properties);
  Result<> change(const Update& update, const MadeResource& resource, const json::object& wanted);
  Result<> change_items(const Items& items, const MadeResource& resource,
                        const json::object& wanted);
  Result<> change_tags(const MadeResource& resource, const json::object& wanted);
  Result<json::array> read_items(const Items& items, const MadeResource& resource,
                                 json::object& into);
  Result<std::optional<json::value>> read_item(const Items& items, const MadeResource& resource,
                                               const json::value& item, json::object& into);
  Result<> read_tags(const MadeResource& resource, json::object& into);
  ResourceState state_of(const Answered& answered) const;

  ResourceOperations& all_;
  const ResourceType& type_;
};

// --- Operations in JSON ---

Result<ResourceOperations::Run::Answered> ResourceOperations::Run::run(const Step& step,
                                                                       const json::object& input) {
  const wire::Operation* const operation = type_.schema.find_operation(step.operation);
  if (!operation)
    return fail(ErrorCode::internal,
                fmt::format("{}: no operation {}", type_.name, step.operation));
  wire::Arena arena;
  wire::Node node{};
  if (operation->input) {
    TRY(node, input_from(input, *operation->input, arena));
  }
  TRY(const OperationAnswer answer,
      run_operation(all_.operations_, {*operation, node, all_.caller_, arena}, all_.tx_));
  Answered out{.output = json::object(), .awaited = answer.awaited};
  if (operation->output && answer.output.present())
    out.output = json::parse(wire::to_json(answer.output, *operation->output));
  return out;
}

Result<std::optional<ResourceOperations::Run::Answered>> ResourceOperations::Run::look(
    const Step& step, const json::object& input, const Absence& absent) {
  auto answered = run(step, input);
  if (answered) return std::optional(*std::move(answered));
  const wire::ErrorAnswer answer = to_wire(answered.error(), type_.schema.service,
                                           all_.operations_.registry.errors_of(type_.schema));
  if (is(absent, answer) || is(type_.gone, answer)) return std::nullopt;
  return std::unexpected(std::move(answered).error());
}

Result<json::array> ResourceOperations::Run::list_all(const Step& step, json::object input,
                                                      std::string_view path) {
  json::array out;
  for (;;) {
    TRY(const Answered page, run(step, input));
    if (const auto values = at_path(page.output, path))
      if (const json::array* const list = values->if_array())
        out.insert(out.end(), list->begin(), list->end());
    if (type_.paging.given.empty()) return out;
    const auto token = at_path(page.output, type_.paging.given);
    if (!token) return out;
    put_at_path(input, type_.paging.taken, *token);
  }
}

json::object ResourceOperations::Run::begin(const Step& step, std::string_view id) const {
  json::object input;
  if (!step.fixed.empty()) input = json::parse(key_of(step.fixed)).as_object();
  if (!step.id.empty()) {
    const std::string filled = step.id_text.empty() ? std::string(id) : fill(step.id_text, id);
    put_at_path(input, step.id, json::string(key_of(filled)));
  }
  if (!step.id_name.empty())
    put_at_path(input, step.id_name, json::string(key_of(id.substr(id.find_last_of("/:") + 1))));
  return input;
}

const Form& ResourceOperations::Run::form_of(const PropertyPlace& place) const {
  if (place.form) return *place.form;
  const Property* const property = find_property(type_, place.property);
  return property ? property->form : forms::same;
}

// What a property is in an operation.
Result<> ResourceOperations::Run::put(json::object& input, const PropertyPlace& place,
                                      const json::value& value) const {
  json::value member = value;
  if (const Form::Turn turn = form_of(place).to_member) {
    auto turned = turn(value);
    if (!turned) return refuse_property(type_, place.property, turned.error().message);
    member = *std::move(turned);
  }
  put_at_path(input, path_of(place), std::move(member));
  return {};
}

Result<json::object> ResourceOperations::Run::input_of(const Step& step, std::string_view id,
                                                       const json::object& properties,
                                                       const json::value& item) const {
  json::object input = begin(step, id);
  for (const PropertyPlace& place : step.places) {
    if (is_of_item(place.property)) {
      if (const auto value = of_item(item, place.property)) TRY_DO(put(input, place, *value));
      continue;
    }
    if (place.property == region_word) {
      TRY_DO(put(input, place, json::string(key_of(all_.caller_.region))));
      continue;
    }
    if (const json::value* const value = given(properties, place.property))
      TRY_DO(put(input, place, *value));
  }
  return input;
}

// What a member of an output is as a property.
Result<> ResourceOperations::Run::take(const PropertyPlace& place, const json::value& output,
                                       json::object& into) const {
  auto member = at_path(output, path_of(place));
  if (!member) return {};
  if (const Form::Turn turn = form_of(place).to_property) {
    TRY(*member, turn(*member));
  }
  if (member->is_null() || (member->is_object() && member->get_object().empty())) return {};
  into[key_of(place.property)] = *std::move(member);
  return {};
}

// --- A resource's life ---

Result<std::string> ResourceOperations::Run::create(const json::object& properties) {
  std::string id;
  if (const json::value* const value = given(properties, type_.identifier)) id = text_of(*value);
  if (type_.probe.step) TRY_DO(check_free(properties));
  if (type_.create) {
    TRY(const json::object input, input_of(type_.create, id, properties, {}));
    TRY(const Answered made, run(type_.create, input));
    if (!type_.made.empty())
      if (const auto value = at_path(made.output, type_.made)) id = text_of(*value);
  }
  TRY_DO(set_rest(id, properties));
  return id;
}

Result<> ResourceOperations::Run::check_free(const json::object& properties) {
  const ExistenceProbe& probe = type_.probe;
  const json::value* const value =
      given(properties, type_.named.empty() ? type_.identifier : type_.named);
  const std::string name = value ? text_of(*value) : std::string();
  TRY(const auto there, look(probe.step, begin(probe.step, fill(probe.id, name)), probe.absent));
  if (!there) return {};
  return fail(ErrorCode::already_exists, fmt::format("{} {} already exists", type_.name, name));
}

std::string ResourceOperations::Run::fill(std::string_view text, std::string_view name) const {
  const Caller& caller = all_.caller_;
  return fmt::format(fmt::runtime(text), fmt::arg("name", name), fmt::arg("region", caller.region),
                     fmt::arg("account", caller.account()));
}

// The properties that `create` has no place for.
Result<> ResourceOperations::Run::set_rest(std::string_view id, const json::object& properties) {
  json::object made;
  json::object rest;
  for (const auto& [key, value] : properties) {
    const std::string_view name(key.data(), key.size());
    (has_place(type_.create, name) ? made : rest)[key] = value;
  }
  // What stands in both an update and `create` is as it was made.
  const MadeResource resource{type_, std::string(id), made};
  for (const Update& each : type_.updates) TRY_DO(change(each, resource, properties));
  for (const Items& each : type_.items) TRY_DO(change_items(each, resource, properties));
  if (type_.tagging.add && given(rest, "Tags")) TRY_DO(change_tags(resource, properties));
  return {};
}

Result<ResourceState> ResourceOperations::Run::read(const MadeResource& resource) {
  ResourceState state;
  json::object seen{{key_of(type_.identifier), key_of(resource.id)}};
  for (const Reading& reading : type_.readings) {
    const bool first = &reading == type_.readings.data();
    json::object input = begin(reading.step, resource.id);
    for (const PropertyPlace& place : reading.asked_by)
      if (const json::value* const value = given(seen, place.property))
        TRY_DO(put(input, place, *value));
    TRY(const auto answered, look(reading.step, input, reading.absent));
    if (!answered && first) return ResourceState{.kind = ResourceState::Kind::gone};
    if (!answered) continue;
    if (first) state = state_of(*answered);
    for (const PropertyPlace& place : reading.step.places)
      TRY_DO(take(place, answered->output, seen));
  }
  bool any_item = false;
  for (const Items& items : type_.items) {
    TRY(json::array found, read_items(items, resource, seen));
    if (found.empty()) continue;
    any_item = true;
    seen[key_of(items.property)] = std::move(found);
  }
  // What is nothing but its items is gone with them.
  if (type_.readings.empty() && !any_item) return ResourceState{.kind = ResourceState::Kind::gone};
  if (type_.tagging.list) TRY_DO(read_tags(resource, seen));
  for (const Property& property : type_.properties)
    if (!property.computed.empty())
      seen[key_of(property.name)] = json::string(key_of(fill(property.computed, resource.id)));
  seen[key_of(type_.identifier)] = json::string(key_of(resource.id));
  state.properties = std::move(seen);
  return state;
}

ResourceState ResourceOperations::Run::state_of(const Answered& answered) const {
  const Stability& stability = type_.stability;
  if (stability.state.empty()) return {};
  using Kind = ResourceState::Kind;
  if (!answered.awaited.empty()) return {.kind = Kind::pending, .topic = answered.awaited};
  const auto state = at_path(answered.output, stability.state);
  if (state && text_of(*state) == stability.stable) return {};
  const auto reason = at_path(answered.output, stability.reason);
  return {.kind = Kind::failed, .reason = reason ? text_of(*reason) : std::string()};
}

Result<> ResourceOperations::Run::update(const MadeResource& resource, const json::object& wanted) {
  for (const Update& each : type_.updates) TRY_DO(change(each, resource, wanted));
  for (const Items& each : type_.items) TRY_DO(change_items(each, resource, wanted));
  if (type_.tagging.add && differ(resource.properties, wanted, "Tags"))
    TRY_DO(change_tags(resource, wanted));
  return {};
}

Result<> ResourceOperations::Run::change(const Update& update, const MadeResource& resource,
                                         const json::object& wanted) {
  const std::span<const PropertyPlace> places = update.write.places;
  const auto differs = [&](const PropertyPlace& place) {
    const Property* const property = find_property(type_, place.property);
    return property && property->use != Use::manner &&
           differ(resource.properties, wanted, place.property);
  };
  const auto is_wanted = [&](const PropertyPlace& place) { return given(wanted, place.property); };
  if (std::ranges::none_of(places, differs)) return {};
  if (update.clear && std::ranges::none_of(places, is_wanted)) {
    TRY_DO(run(update.clear, begin(update.clear, resource.id)));
    return {};
  }
  json::object input = begin(update.write, resource.id);
  for (const PropertyPlace& place : places) {
    if (const json::value* const value = given(wanted, place.property)) {
      TRY_DO(put(input, place, *value));
      continue;
    }
    if (!differs(place)) continue;
    const Property* const property = find_property(type_, place.property);
    if (property->unset.empty())
      return refuse_property(type_, place.property, "cannot be taken away from what has it");
    TRY_DO(put(input, place, json::parse(key_of(property->unset))));
  }
  if (!update.retire) {
    TRY_DO(run(update.write, input));
    return {};
  }
  TRY(const ResourceState before, read(resource));
  TRY_DO(run(update.write, input));
  TRY(const json::object retired, input_of(update.retire, resource.id, before.properties, {}));
  TRY_DO(run(update.retire, retired));
  return {};
}

// Removes first: a list may be full.
Result<> ResourceOperations::Run::change_items(const Items& items, const MadeResource& resource,
                                               const json::object& wanted) {
  const json::value* const before = given(resource.properties, items.property);
  const json::value* const after = given(wanted, items.property);
  if (after && !after->is_array()) return refuse_property(type_, items.property, "is no Array");
  const auto changed_by = [&](const Step& step) {
    return std::ranges::any_of(step.places, [&](const PropertyPlace& place) {
      return !is_of_item(place.property) && differ(resource.properties, wanted, place.property);
    });
  };
  const bool all_anew = changed_by(items.remove);
  if (before && before->is_array())
    for (const json::value& item : before->get_array()) {
      if (!all_anew && item_of_key(items, after, key_of_item(items, item))) continue;
      TRY(const json::object input, input_of(items.remove, resource.id, resource.properties, item));
      TRY_DO(look(items.remove, input, items.absent));
    }
  if (!after) return {};
  const bool all = all_anew || changed_by(items.add);
  for (const json::value& item : after->get_array()) {
    const json::value* const known = item_of_key(items, before, key_of_item(items, item));
    if (!all && known && *known == item) continue;
    TRY(const json::object input, input_of(items.add, resource.id, wanted, item));
    TRY_DO(run(items.add, input));
  }
  return {};
}

Result<> ResourceOperations::Run::change_tags(const MadeResource& resource,
                                              const json::object& wanted) {
  const Tagging& tagging = type_.tagging;
  const json::value* const before = given(resource.properties, "Tags");
  const json::value* const after = given(wanted, "Tags");
  const auto keys = [](const json::value* tags) {
    const auto all = texts_of(tags ? at_path(*tags, "Key") : std::nullopt);
    return std::set<std::string>(all.begin(), all.end());
  };
  const std::set<std::string> kept = keys(after);
  json::array removed;
  for (const std::string& key : keys(before))
    if (!kept.contains(key)) removed.emplace_back(key);
  if (!removed.empty()) {
    json::object input = begin(tagging.remove, resource.id);
    for (const PropertyPlace& place : tagging.remove.places)
      put_at_path(input, path_of(place), removed);
    TRY_DO(run(tagging.remove, input));
  }
  if (!after) return {};
  TRY(const json::object input, input_of(tagging.add, resource.id, wanted, {}));
  TRY_DO(run(tagging.add, input));
  return {};
}

// One item as `get` shows it; nullopt where it is not there.
Result<std::optional<json::value>> ResourceOperations::Run::read_item(const Items& items,
                                                                      const MadeResource& resource,
                                                                      const json::value& item,
                                                                      json::object& into) {
  json::value named = item;
  if (!items.key.empty() && item.is_string()) named = json::object{{key_of(items.key), item}};
  Step asked = items.get;
  asked.places = items.remove.places;  // what tells an item apart
  TRY(const json::object input, input_of(asked, resource.id, resource.properties, named));
  TRY(const auto answered, look(items.get, input, items.absent));
  if (!answered) return std::nullopt;
  json::object seen;
  for (const PropertyPlace& place : items.get.places) TRY_DO(take(place, answered->output, seen));
  if (seen.empty()) return std::nullopt;
  for (const auto& [key, value] : seen) {
    const std::string_view name(key.data(), key.size());
    if (!is_of_item(name))
      into[key] = value;
    else if (named.is_object())
      named.get_object()[key_of(name.substr(item_word.size() + 1))] = value;
  }
  return named;
}

Result<json::array> ResourceOperations::Run::read_items(const Items& items,
                                                        const MadeResource& resource,
                                                        json::object& into) {
  json::array out;
  if (items.list) {
    TRY(out,
        list_all(items.list, begin(items.list, resource.id), path_of(items.list.places.front())));
  } else if (const json::value* const known = given(resource.properties, items.property)) {
    if (known->is_array()) out = known->get_array();
  }
  if (!items.get) return out;
  json::array read;
  for (const json::value& item : out) {
    TRY(auto whole, read_item(items, resource, item, into));
    if (whole) read.push_back(*std::move(whole));
  }
  return read;
}

Result<> ResourceOperations::Run::read_tags(const MadeResource& resource, json::object& into) {
  const Step& step = type_.tagging.list;
  TRY(const auto answered, look(step, begin(step, resource.id), {}));
  if (!answered) return {};
  TRY_DO(take(step.places.front(), answered->output, into));
  const json::value* const tags = given(into, "Tags");
  if (tags && tags->is_array() && tags->get_array().empty()) into.erase("Tags");
  return {};
}

Result<> ResourceOperations::Run::remove(const MadeResource& resource) {
  if (!type_.items.empty() && !type_.readings.empty()) {
    const Reading& first = type_.readings.front();
    TRY(const auto there, look(first.step, begin(first.step, resource.id), first.absent));
    if (!there) return {};
  }
  const json::object none;
  for (const Items& items : type_.items) {
    json::object known = resource.properties;
    json::object beside;
    TRY(known[key_of(items.property)], read_items(items, resource, beside));
    TRY_DO(change_items(items, {type_, resource.id, known}, none));
  }
  if (!type_.remove) return {};
  TRY(const json::object input, input_of(type_.remove, resource.id, resource.properties, {}));
  TRY_DO(look(type_.remove, input, {}));
  return {};
}

Result<std::vector<std::string>> ResourceOperations::Run::list() {
  if (!type_.list)
    return fail(ErrorCode::not_implemented, fmt::format("{} cannot be listed", type_.name));
  TRY(json::array all, list_all(type_.list, begin(type_.list, {}), type_.listed));
  return texts_of(json::value(std::move(all)));
}

// --- The calls ---

Result<std::string> ResourceOperations::create(const ResourceType& type, json::object properties,
                                               std::string_view name) {
  if (!type.named.empty() && !given(properties, type.named))
    properties[key_of(type.named)] = json::string(key_of(name));
  TRY_DO(check_properties(type, properties));
  return tx_.attempt([&] { return Run(*this, type).create(properties); });
}

Result<ResourceState> ResourceOperations::read(const MadeResource& resource) {
  return Run(*this, resource.type).read(resource);
}

Result<PropertyChanges> ResourceOperations::update(const MadeResource& resource,
                                                   const json::object& wanted) {
  TRY_DO(check_properties(resource.type, wanted));
  PropertyChanges changes = changes_between(resource.type, resource.properties, wanted);
  if (!changes.replacing.empty() || changes.in_place.empty()) return changes;
  TRY_DO(tx_.attempt([&] { return Run(*this, resource.type).update(resource, wanted); }));
  return changes;
}

Result<> ResourceOperations::remove(const MadeResource& resource) {
  return tx_.attempt([&] { return Run(*this, resource.type).remove(resource); });
}

Result<std::vector<std::string>> ResourceOperations::list(const ResourceType& type) {
  return Run(*this, type).list();
}

}  // namespace slipway::service
