// The `slipway` program: `serve` is the server, everything else a client of its public API.

#include <fmt/format.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <semaphore>
#include <stop_token>
#include <thread>

#include "base/log.h"
#include "base/sanitized.h"
#include "base/version.h"
#include "cli/commands.h"
#include "gen/services.h"
#include "net/socket.h"
#include "server/limits.h"
#include "server/server.h"

namespace {

using namespace slipway;

// Signals end the server from one place: blocked in every thread, awaited in this one.
sigset_t block_ending_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  net::block_sigpipe();
  return ending;
}

// Each connection and each upload takes a descriptor; the usual soft limit is meant for select().
void raise_open_files_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

// A model's code runs as this user where it has none of its own: the server's memory, descriptors
// and environment are for the server alone. Sanitizers look into the process by tracing it.
void hide_from_other_processes() {
  if (!sanitized) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

cli::ExitCode refuse(const Error& error) {
  // fmt::print would throw where it cannot be written.
  std::fputs(fmt::format("slipway: {}\n", error.message).c_str(), stderr);
  return error.code == ErrorCode::invalid_argument ? cli::ExitCode::usage : cli::ExitCode::failed;
}

// Buffers of this size go back to the system when they are let go, whichever thread they were made
// by. The C library would raise this bound as it sees such buffers and keep them, a heap for each
// thread: a job of large pieces then left three times its buffers behind.
constexpr int mapped_bytes_min = 4 << 20;

// Nothing that was acknowledged is lost, and instances outlive the server by design.
[[noreturn]] void end_at_once(int signal) {
  log_warning("server",
              "ended at once: requests in flight got no answer, and instances that still run are "
              "taken over by the next `slipway serve` on this data directory");
  ::_exit(128 + signal);
}

// Whoever sends a second signal has waited long enough. The thread that takes it is there from the
// start: a server that is short of memory can make none when it ends.
class SecondSignal {
 public:
  explicit SecondSignal(const sigset_t& ending)
      : thread_([this, ending](const std::stop_token& stop) {
          constexpr timespec look_period{.tv_sec = 0, .tv_nsec = 10'000'000};
          awaited_.acquire();
          while (!stop.stop_requested())
            if (const int signal = ::sigtimedwait(&ending, nullptr, &look_period); signal > 0)
              end_at_once(signal);
        }) {}
  ~SecondSignal() {
    thread_.request_stop();
    awaited_.release();
  }
  // From here on the next signal ends the process.
  void await() { awaited_.release(); }

 private:
  std::counting_semaphore<2> awaited_{0};
  std::jthread thread_;
};

cli::ExitCode serve(CLI::App& command, const server::ServeOptions& options) {
  hide_from_other_processes();
  ::mallopt(M_MMAP_THRESHOLD, mapped_bytes_min);
  if (const Result<> read = server::read_config(command, options); !read)
    return refuse(read.error());
  configure_log(options.least_logged());
  ::umask(077);  // what is written is for the owner only
  raise_open_files_limit();
  if (const auto enough = server::check_descriptors(); !enough) return refuse(enough.error());
  const sigset_t ending = block_ending_signals();
  auto server = server::Server::start(options);
  if (!server) return refuse(server.error());
  log_info("server", fmt::format("slipway {} serves", version()),
           {{"endpoint", (*server)->endpoint()}, {"data", options.data.string()}});
  std::fputs(fmt::format("ready {}\n", (*server)->endpoint()).c_str(), stdout);
  std::fflush(stdout);
  SecondSignal second(ending);
  int signal = 0;
  sigwait(&ending, &signal);
  log_info("server",
           "ending: what is in flight is answered, then the instances stop; "
           "a second Ctrl-C ends at once");
  second.await();
  (*server)->stop();
  server->reset();
  log_info("server", "ended");
  return cli::ExitCode::ok;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Slipway: SageMaker's deployment model on your own machine", "slipway");
  cli::World world = cli::World::of_process();
  world.schemas = aws::schemas();
  server::ServeOptions options;
  CLI::App* const command = app.add_subcommand("serve", "Run the server");
  server::add_options(*command, options);
  command->callback([&] { world.exit = serve(*command, options); });
  cli::add_commands(app, world);
  return cli::run(app, world, argc, argv);
}
