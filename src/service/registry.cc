#include "service/registry.h"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>

#include "service/resource_type.h"

namespace slipway::service {
namespace {

// What stands after the mode in operations.txt; `stored` is for who reads what there is.
constexpr std::string_view frees_mark = " frees";
constexpr std::string_view stored_mark = " stored";

// Whether the mark stood at the end, where it is taken away.
bool take_mark(std::string_view& mode, std::string_view mark) {
  if (!mode.ends_with(mark)) return false;
  mode.remove_suffix(mark.size());
  return true;
}

std::optional<Mode> mode_named(std::string_view name) {
  if (name == "read") return Mode::read;
  if (name == "write") return Mode::write;
  if (name == "work") return Mode::work;
  if (name == "file") return Mode::file;
  if (name == "bulk") return Mode::bulk;
  if (name == "upload") return Mode::upload;
  if (name == "hot") return Mode::hot;
  return std::nullopt;
}

}  // namespace

Registry::Service Registry::begin(const wire::Schema& schema, ErrorTable errors) {
  errors_[&schema] = errors;
  return Service(*this, schema, errors);
}

Entry& Registry::Service::claim(const wire::Operation& operation) {
  if (schema_.find_operation(operation.name) != &operation)
    throw std::logic_error(
        fmt::format("{} is no operation of {}", operation.name, schema_.service.name));
  std::string_view word = operation.mode;
  (void)take_mark(word, stored_mark);
  const bool frees = take_mark(word, frees_mark);
  const auto mode = mode_named(word);
  if (!mode)
    throw std::logic_error(fmt::format("'{}' in operations.txt is no mode of a handler ({})",
                                       operation.mode, operation.name));
  const auto [found, added] = registry_.entries_.try_emplace(
      &operation, Entry{.operation = &operation, .mode = *mode, .errors = errors_, .frees = frees});
  if (!added) throw std::logic_error(fmt::format("{} was added twice", operation.name));
  return found->second;
}

void Registry::Service::add_handler(const wire::Operation& operation, Handler handler) {
  Entry& entry = claim(operation);
  if (entry.mode == Mode::upload || entry.mode == Mode::hot)
    throw std::logic_error(fmt::format("{} is not of a mode with a handler", operation.name));
  entry.handler = std::move(handler);
}

void Registry::Service::add_preparation(const wire::Operation& operation, Preparation prepare) {
  const auto found = registry_.entries_.find(&operation);
  if (found == registry_.entries_.end() || found->second.mode != Mode::write)
    throw std::logic_error(fmt::format("{} is no change that was added", operation.name));
  found->second.prepare = std::move(prepare);
}

void Registry::Service::add_opener(const wire::Operation& operation, UploadOpener opener) {
  Entry& entry = claim(operation);
  if (entry.mode != Mode::upload)
    throw std::logic_error(fmt::format("{} is not of mode upload", operation.name));
  entry.opener = std::move(opener);
}

void Registry::Service::add_factory(const wire::Operation& operation, HotFactory factory) {
  Entry& entry = claim(operation);
  if (entry.mode != Mode::hot)
    throw std::logic_error(fmt::format("{} is not of mode hot", operation.name));
  entry.hot = std::move(factory);
  entry.hot_number = registry_.hot_.size();
  registry_.hot_.push_back(&entry);
}

Registry::Service& Registry::Service::add_types(std::span<const ResourceType> types) {
  for (const ResourceType& type : types)
    if (!registry_.types_.emplace(type.name, &type).second)
      throw std::logic_error(fmt::format("{} was added twice", type.name));
  return *this;
}

const ResourceType* Registry::find_type(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : found->second;
}

const Entry* Registry::find(const wire::Operation& operation) const {
  const auto found = entries_.find(&operation);
  return found == entries_.end() ? nullptr : &found->second;
}

ErrorTable Registry::errors_of(const wire::Schema& schema) const {
  const auto found = errors_.find(&schema);
  return found == errors_.end() ? ErrorTable() : found->second;
}

std::vector<const wire::Operation*> Registry::unanswered(
    std::span<const wire::Schema* const> schemas) const {
  std::vector<const wire::Operation*> missing;
  for (const wire::Schema* schema : schemas)
    for (const wire::Operation& operation : schema->operations)
      if (operation.is(wire::OperationFlag::built) && !find(operation))
        missing.push_back(&operation);
  return missing;
}

}  // namespace slipway::service
