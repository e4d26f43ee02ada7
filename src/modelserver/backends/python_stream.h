// An answer that a model's Python code gives in parts.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "modelserver/backends/python_model.h"

namespace slipway::modelserver {

// Reads the worker's channel without blocking. What the code yields in one piece comes in one
// piece, up to stream_chunk_bytes_max. Holds the worker: it goes back to `model`, which outlives
// this, at the end, and is replaced where this is dropped before. Loop thread.
class PythonStream final : public PartSource {
 public:
  static constexpr std::size_t stream_chunk_bytes_max = 64 * 1024;

  PythonStream(PythonModel& model, std::unique_ptr<PythonWorker> worker);
  ~PythonStream() override;

  int descriptor() const override { return worker_->channel(); }
  Chunk read() override;
  void stop() override { (void)worker_->send_stop(); }
  std::chrono::milliseconds silence_max() const override { return model_.options().answer_time; }

 private:
  enum class Filled : std::uint8_t { some, nothing, ended };

  std::size_t available() const { return end_ - begin_; }
  Filled fill();
  Chunk take_part();
  Chunk take_last(std::size_t head_bytes);
  Chunk broken(std::string why);

  PythonModel& model_;
  std::unique_ptr<PythonWorker> worker_;
  std::array<char, 8 + stream_chunk_bytes_max> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t part_left_ = 0;  // of the part at hand
  bool complete_ = false;      // the worker waits for its next request
  std::string why_;
};

}  // namespace slipway::modelserver
