// What the log book costs: lines that an instance prints taken in by the collector, and searches
// over what it then holds, beside a plain scan of the same text in memory. One thread.
//
//   log_book_bench [MiB of text]      default: 1024
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/test_folder.h"
#include "engine/logs/collector.h"
#include "engine/logs/search.h"

namespace slipway::logs {
namespace {

constexpr std::size_t part_bytes = 256 * 1024;
constexpr std::size_t rare_every = 1'000'000;

const place::Labels labels{.service = "bench",
                           .log_space = "000000000000/us-east-1",
                           .log_group = "/aws/sagemaker/Endpoints/bench",
                           .log_stream = "blue/i-1"};

double seconds(auto run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A line like those of a web server, no two alike.
void append_line(std::string& out, std::size_t number) {
  const std::size_t mixed = number * 2'654'435'761U;
  fmt::format_to(std::back_inserter(out),
                 "10.0.{}.{} - - \"POST /invocations HTTP/1.1\" {} {} \"{:016x}\" {:.3f} ms{}\n",
                 mixed % 256, mixed / 256 % 256, number % 97 == 0 ? 500 : 200, mixed % 10'000,
                 mixed * 0x9E3779B97F4A7C15U, static_cast<double>(mixed % 100'000) / 1'000,
                 number % rare_every == rare_every / 2 ? " out of memory" : "");
}

struct Ingested {
  std::size_t lines = 0;
  std::uint64_t bytes = 0;
};

Ingested fill(LogBook& book, ManualClock& clock, std::uint64_t bytes_max) {
  Collector collector(book, clock);
  const place::InstanceKey key{"bench"};
  Ingested done;
  std::string part;
  double taken = 0;
  while (done.bytes < bytes_max) {
    part.clear();
    while (part.size() < part_bytes) append_line(part, done.lines++);
    clock.advance(std::chrono::milliseconds(100));
    const place::LogPart offered{.text = part, .offset = done.bytes};
    taken += seconds([&] { collector.take(key, labels, offered); });
    done.bytes += part.size();
  }
  std::printf("take in          %8.0f lines/s   %6.1f MB/s\n",
              static_cast<double>(done.lines) / taken,
              static_cast<double>(done.bytes) / taken / 1e6);
  return done;
}

// All pages of a search.
void measure(const LogBook& book, std::string_view name, MessageFilter filter, bool first_page) {
  Search what{.space = labels.log_space, .group = labels.log_group};
  what.filter = std::move(filter);
  std::size_t found = 0, pages = 0;
  const double time = seconds([&] {
    for (;;) {
      const Found page = search(book, what).value();
      ++pages;
      found += page.events.size();
      if (page.complete || first_page) return;
      what.after = page.last;
    }
  });
  std::printf("%-16s %8.3f s   %zu events on %zu pages\n", std::string(name).c_str(), time, found,
              pages);
}

MessageFilter holding(std::string needle, Needles needles) {
  return {.matches = [needle](std::string_view text) { return text.contains(needle); },
          .needles = std::move(needles)};
}

void run(std::uint64_t bytes) {
  const TestFolder folder;
  ManualClock clock;
  const auto book = LogBook::open(folder / "logs").value();
  fill(*book, clock, bytes);
  std::uint64_t on_disk = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder / "logs"))
    if (file.is_regular_file()) on_disk += file.file_size();
  std::printf("on the disk      %8.1f MB of %.1f MB\n", static_cast<double>(on_disk) / 1e6,
              static_cast<double>(bytes) / 1e6);
  measure(*book, "a rare term", holding("out of memory", {{"out of memory"}}), false);
  measure(*book, "an absent term", holding("segmentation fault", {{"segmentation fault"}}), false);
  measure(*book, "no term known", holding("out of memory", {}), false);
  measure(*book, "first page of all", {}, true);
  measure(*book, "a common term", holding("\" 500 ", {{"\" 500 "}}), true);
}

}  // namespace
}  // namespace slipway::logs

int main(int argc, char** argv) {
  const std::uint64_t mebibytes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1024;
  slipway::logs::run(mebibytes << 20);
  return 0;
}
