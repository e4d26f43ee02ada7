// The floor that batch transform is measured against: one process that maps a CSV file, parses it,
// runs ONNX Runtime on it and writes each line with its answer behind it, with the model server's
// own parsing and formatting. No requests, no objects, no checksums: what a hand-written program
// for one file could do.
//
//   raw_batch --model DIR --input FILE --output FILE [--threads N] [--piece BYTES]
//
// Each thread takes the next piece of whole lines; pieces are written at their place's turn. Prints
// the seconds from the first byte to the last write.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "modelserver/backends/load_model.h"
#include "modelserver/options.h"

namespace {

using slipway::modelserver::Model;
using slipway::modelserver::ModelCall;

struct Arguments {
  std::string model, input, output;
  unsigned threads = 1;
  std::size_t piece = 256 * 1024;
};

Arguments read_arguments(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = values[i];
    const std::string value = values[i + 1];
    if (name == "--model") arguments.model = value;
    if (name == "--input") arguments.input = value;
    if (name == "--output") arguments.output = value;
    if (name == "--threads") arguments.threads = static_cast<unsigned>(std::stoul(value));
    if (name == "--piece") arguments.piece = std::stoul(value);
  }
  return arguments;
}

class RawBatch {
 public:
  RawBatch(Model& model, std::string_view text, int output, std::size_t piece)
      : model_(model), text_(text), output_(output), piece_(piece) {}

  void work() {
    std::vector<ModelCall> invocation(1);
    std::string joined;
    for (;;) {
      std::size_t turn = 0;
      const std::string_view piece = take(turn);
      if (piece.empty()) return;
      invocation[0].content_type = "text/csv";
      invocation[0].accept = "text/csv";
      invocation[0].body = piece;
      model_.answer(invocation);
      if (invocation[0].answer.status != 200) std::_Exit(1);
      join(piece, invocation[0].answer.body, joined);
      std::unique_lock lock(mutex_);
      written_.wait(lock, [&] { return turn_ == turn; });
      if (::write(output_, joined.data(), joined.size()) != static_cast<ssize_t>(joined.size()))
        std::_Exit(1);
      ++turn_;
      written_.notify_all();
    }
  }

 private:
  std::string_view take(std::size_t& turn) {
    const std::lock_guard lock(mutex_);
    const std::string_view rest = text_.substr(at_);
    std::size_t bytes = rest.size();
    if (bytes > piece_) bytes = rest.find('\n', piece_) + 1;
    turn = next_++;
    at_ += bytes;
    return rest.substr(0, bytes);
  }

  static void join(std::string_view lines, std::string_view answers, std::string& out) {
    out.clear();
    while (!lines.empty()) {
      const std::size_t line = lines.find('\n');
      const std::size_t answer = answers.find('\n');
      out += lines.substr(0, line);
      out += ',';
      out += answers.substr(0, answer + 1);
      lines.remove_prefix(line + 1);
      answers.remove_prefix(answer + 1);
    }
  }

  Model& model_;
  const std::string_view text_;
  const int output_;
  const std::size_t piece_;
  std::mutex mutex_;
  std::condition_variable written_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
  std::size_t turn_ = 0;
};

}  // namespace

int main(int count, char** values) {
  const Arguments arguments = read_arguments(count, values);
  slipway::modelserver::Options options;
  options.model_dir = arguments.model;
  const auto model = slipway::modelserver::load_model(options, nullptr);
  const int input = ::open(arguments.input.c_str(), O_RDONLY | O_CLOEXEC);
  const int output =
      ::open(arguments.output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  struct stat status = {};
  if (!model || input < 0 || output < 0 || ::fstat(input, &status) != 0) {
    fmt::print(stderr, "cannot open the model or a file\n");
    return 1;
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* const text = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, input, 0);
  if (text == MAP_FAILED) return 1;
  const auto begun = std::chrono::steady_clock::now();
  RawBatch batch(**model, {static_cast<const char*>(text), bytes}, output, arguments.piece);
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < arguments.threads; ++i) threads.emplace_back([&] { batch.work(); });
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  fmt::print("{:.3f}\n", took.count());
  return 0;
}
