// One child process that runs a model's Python code, and the conversation with it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "modelserver/backends/model.h"
#include "net/socket.h"

namespace slipway::modelserver {

// Bytes of an answer that a worker may give.
inline constexpr std::size_t python_answer_bytes_max = std::size_t{256} << 20;

// Says how a process that runs a model's code is started.
struct PythonOptions {
  std::string interpreter = "python3";  // $SLIPWAY_PYTHON
  std::string script;                   // slipway_python_worker.py
  std::string model_dir;
  std::string image;           // "sagemaker-scikit-learn"
  std::string libsvm_indices;  // "from zero", or "sniffed" (LibsvmIndices)
  std::string venv_cache;
  std::vector<std::string> find_links;
  std::string environment;  // not empty: the packages are installed there
  std::size_t workers = 1;
  std::chrono::milliseconds answer_time{60'000};  // an answer that takes longer costs the worker
};

// The head of a stream's last message: empty where it ended as it should, else why it broke.
Result<std::string> read_stream_end(std::string_view head);

// Used by one thread at a time. The destructor closes the channel, upon which the child ends, and
// after a second kills what is left.
class PythonWorker {
 public:
  // Starts the child and waits until its model is loaded (the first time that may take minutes:
  // packages are installed). invalid_argument: the model's code or packages do not work, and the
  // message is the child's own; unavailable: the child could not be started or ended without a
  // word.
  static Result<std::unique_ptr<PythonWorker>> start(const PythonOptions& options);

  ~PythonWorker();
  PythonWorker(const PythonWorker&) = delete;
  PythonWorker& operator=(const PythonWorker&) = delete;

  // Sends the request and waits for its answer. unavailable: the child died; timeout: it took too
  // long. After either this worker is of no use any more.
  // An answer in parts: Form::parts, and from then on the channel is the caller's to read: messages
  // without a head are parts, one with the event "end" or "failed" is the last, and "stop" asks the
  // child to end it (slipway_python_worker.py).
  enum class Form : std::uint8_t { whole, parts };
  Result<Form> answer(ModelCall& invocation, std::chrono::milliseconds time);

  int channel() const { return channel_.get(); }
  // Sends "stop" without waiting; false where the child takes nothing.
  bool send_stop();

  pid_t pid() const { return pid_; }

 private:
  PythonWorker(pid_t pid, net::Fd channel);

  struct Message {
    std::string head;
    std::string body;
  };
  Result<> send(std::string_view head, std::string_view body, Instant deadline);
  Result<Message> receive(Instant deadline);
  Result<> write_all(std::string_view bytes, Instant deadline);
  Result<> read_all(char* to, std::size_t count, Instant deadline);
  Result<> wait_for(short events, Instant deadline) const;
  std::string describe_end();  // "ended with status 1"

  pid_t pid_;
  net::Fd channel_;
  net::Fd process_;  // a pidfd
  bool reaped_ = false;
};

}  // namespace slipway::modelserver
