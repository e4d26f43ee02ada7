// The rows of transform jobs and of the files of those that are under way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/transform/transform.h"
#include "store/store.h"

namespace slipway::transform {

// A job as it is stored, without its files.
struct TransformRow {
  TransformPlan plan;
  TransformStatus status;
  enum class Files : std::uint8_t { unknown, listed } files = Files::unknown;
};

// Says how far one object of the input is.
enum class FileState : std::uint8_t { waiting, done, failed };

// One object of the input.
struct TransformFile {
  std::uint64_t ordinal = 0;  // in the order of the listing
  std::string bucket;
  std::string key;
  std::string output_key;
  std::uint64_t bytes = 0;
};

// Says how far a job's files are, all together.
struct FileCounts {
  std::uint64_t waiting = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  Fault first_fault = Fault::nobody;
  std::string first_failure;
  std::uint64_t total() const { return waiting + done + failed; }
};

std::optional<TransformRow> load_transform(store::Transaction& tx, const TransformId& id);
void save_status(store::Transaction& tx, const TransformId& id, const TransformStatus& status);
// Those that have not ended.
std::vector<std::string> open_transforms(store::Transaction& tx);

// Writes the list once; where it is there already, or the job has ended, this does nothing.
void save_files(store::Transaction& tx, const TransformId& id,
                const std::vector<TransformFile>& files);
std::vector<TransformFile> waiting_files(store::Transaction& tx, const TransformId& id);
FileCounts count_files(store::Transaction& tx, const TransformId& id);
// False where the file was not waiting any more: whoever asks must then write nothing either.
// `fault` is nobody's and `reason` empty where it is done.
bool end_file(store::Transaction& tx, const TransformId& id, std::uint64_t ordinal, FileState state,
              Fault fault, std::string_view reason);
void forget_files(store::Transaction& tx, const TransformId& id);

}  // namespace slipway::transform
