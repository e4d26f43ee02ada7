#include "place/docker/container_notes.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "base/encoding.h"

namespace slipway::place {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view suffix = ".json";
constexpr std::string_view unfinished = ".new";

// What a program prints need not be UTF-8.
json::object document_of(const ContainerNotes& notes) {
  json::array streams;
  for (const StreamMark& mark : notes.log.streams)
    streams.push_back(json::array{mark.time_ns, mark.bytes});
  json::object document{{"key", notes.key.text},
                        {"labels", json::array{notes.labels.service, notes.labels.log_space,
                                               notes.labels.log_group, notes.labels.log_stream}},
                        {"ran", notes.ran},
                        {"asked", notes.asked},
                        {"offset", notes.log.offset},
                        {"held", to_base64(notes.log.held)},
                        {"streams", std::move(streams)},
                        {"tail", to_base64(notes.log.tail)}};
  if (notes.failure) document["failure"] = to_base64(*notes.failure);
  if (notes.end) {
    json::object end;
    if (notes.end->status) end["status"] = *notes.end->status;
    if (notes.end->signal) end["signal"] = *notes.end->signal;
    document["end"] = std::move(end);
  }
  return document;
}

std::string text_of(const json::value& value) { return std::string(value.as_string()); }

std::string bytes_of(const json::value& value) {
  return from_base64(text_of(value)).value_or(std::string());
}

ContainerNotes notes_of(const json::object& document) {
  const json::array& labels = document.at("labels").as_array();
  ContainerNotes notes{.key = {text_of(document.at("key"))},
                       .labels = {.service = text_of(labels.at(0)),
                                  .log_space = text_of(labels.at(1)),
                                  .log_group = text_of(labels.at(2)),
                                  .log_stream = text_of(labels.at(3))},
                       .ran = document.at("ran").as_bool(),
                       .asked = document.at("asked").as_bool()};
  notes.log.offset = document.at("offset").to_number<std::uint64_t>();
  notes.log.held = bytes_of(document.at("held"));
  notes.log.tail = bytes_of(document.at("tail"));
  const json::array& streams = document.at("streams").as_array();
  for (std::size_t i = 0; i < notes.log.streams.size(); ++i)
    notes.log.streams[i] = {streams.at(i).at(0).to_number<std::int64_t>(),
                            streams.at(i).at(1).to_number<std::uint64_t>()};
  if (const json::value* failure = document.if_contains("failure"))
    notes.failure = bytes_of(*failure);
  if (const json::value* end = document.if_contains("end")) {
    notes.end = Exit{.asked = notes.asked};
    if (const json::value* status = end->as_object().if_contains("status"))
      notes.end->status = status->to_number<int>();
    if (const json::value* signal = end->as_object().if_contains("signal"))
      notes.end->signal = signal->to_number<int>();
  }
  return notes;
}

std::optional<ContainerNotes> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  try {  // the library's exceptions end here
    return notes_of(json::parse({text.data(), text.size()}).as_object());
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

fs::path NoteBook::path_of(const InstanceKey& key) const {
  return folder_ / (key.file_name() + std::string(suffix));
}

std::optional<ContainerNotes> NoteBook::read(const InstanceKey& key) const {
  auto notes = read_file(path_of(key));
  return notes && notes->key == key ? std::move(notes) : std::nullopt;
}

std::vector<ContainerNotes> NoteBook::all() const {
  std::vector<ContainerNotes> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (entry.path().extension() == suffix)
      if (auto notes = read_file(entry.path())) found.push_back(*std::move(notes));
  return found;
}

Result<> NoteBook::write(const ContainerNotes& notes) const {
  const fs::path path = path_of(notes.key);
  const fs::path fresh = path.string() + std::string(unfinished);
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file << json::serialize(document_of(notes));
  file.close();
  std::error_code error;
  if (file) fs::rename(fresh, path, error);
  if (!file || error)
    return fail(ErrorCode::unavailable, fmt::format("{} cannot be written.", path.string()));
  return {};
}

void NoteBook::remove(const InstanceKey& key) const {
  std::error_code error;
  fs::remove(path_of(key), error);
}

bool NoteBook::empty() const {
  std::error_code error;
  return fs::is_empty(folder_, error) || error;
}

}  // namespace slipway::place
