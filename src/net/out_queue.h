// This queue holds what waits to be written to one connection. Internal to net.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "net/http.h"
#include "net/transport.h"

namespace slipway::net {

// Texts, borrowed bytes and parts of files, in order. Small things are joined, so that a head and
// its body leave in one call; the memory is used again.
class OutQueue {
 public:
  enum class Flush : std::uint8_t {
    emptied,
    blocked,
    out_of_turn,
    broken,     // the connection
    no_source,  // a file of the body: it failed, or is shorter than was promised
  };

  bool empty() const { return bytes_ == 0; }
  std::uint64_t bytes() const { return bytes_; }
  // Returns how much of it is in memory and not in files.
  std::uint64_t memory_bytes() const;

  // Appends text: write into it, then say with appended() how much it became longer.
  std::string& text();
  void appended(std::size_t bytes) { bytes_ += bytes; }
  void add(std::string_view bytes);
  void add_body(Body&& body);

  // Writes until everything went, the socket is full, or `budget` bytes were written (out_of_turn:
  // the caller lets others have their turn and calls again).
  Flush flush(Transport& transport, std::uint64_t budget);
  void clear();

 private:
  // A text, and after it perhaps a body that is not worth copying.
  struct Segment {
    std::string text;
    Body body;
    FileRange part;                // of a FileSequence: the one that is being sent ...
    std::uint64_t part_begin = 0;  // ... and where it begins among them
    bool closed = false;           // has a body: further text goes into the next segment
  };

  Segment& open_segment();
  Io write_some(Transport& transport);
  static Io write_file(Transport& transport, Segment& segment, std::uint64_t skip);
  void advance(std::uint64_t bytes);
  void compact();

  std::vector<Segment> segments_;
  std::size_t first_ = 0;   // segments before it were written
  std::size_t end_ = 0;     // segments from it on are empty and wait to be used again
  std::uint64_t sent_ = 0;  // of the first segment
  std::uint64_t bytes_ = 0;
};

}  // namespace slipway::net
