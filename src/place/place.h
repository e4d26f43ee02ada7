// Runs instances somewhere: start, watch, stop, log, and nothing else. A place decides nothing.
//
// Implementations: process/, docker/, simulated/, and places.h, which is one made of several; all
// pass place_conformance.h. Callers ask capabilities(), never for the type.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::place {

// Names one life of one instance: "fleet/<id>/<generation>/<variant>/<ordinal>". The first segment
// is the engine that owns it. A key is used once: an instance that ended is followed by another
// with another key, so that "this key was started" has one meaning, also after a crash.
struct InstanceKey {
  std::string text;

  auto operator<=>(const InstanceKey&) const = default;

  // The engine's segment: what stands before the first '/'.
  std::string_view owner() const { return std::string_view(text).substr(0, text.find('/')); }

  // A name for files, at most 28 bytes of [a-z0-9.-]: the key's end as far as it is readable and a
  // digest of all of it. Two keys never share one.
  std::string file_name() const;
};

// A directory or file of the host that the instance sees. Where the place shares the host's file
// tree (capabilities().sees_host_paths) it is there under its host path, and under `inside` too
// where the place can show it there.
struct Mount {
  enum class Access : std::uint8_t { read_only, read_write };
  std::string host_path;
  std::string inside = {};
  Access access = Access::read_only;
  // A directory of the server's that is this instance's alone: where instances are users of their
  // own, no other one enters it.
  bool kept_for_it = false;
};

// A port that an instance listens on.
struct Port {
  std::uint16_t inside = 0;
  // The host reaches it there, in a place with networks of its own (capabilities().maps_ports). 0:
  // the place picks one.
  std::uint16_t outside = 0;
};

// Labels are what whoever starts an instance calls it. The place keeps the labels with the instance
// and hands them on with what it prints and how it ends, also to a later server. Text of one line
// each.
struct Labels {
  std::string service = {};  // whose it is: "sagemaker"
  // The log of what it prints is kept there (engine/logs/log_book.h has such names): a stream is
  // one instance's. No group: nowhere.
  std::string log_space = {};
  std::string log_group = {};
  std::string log_stream = {};

  bool operator==(const Labels&) const = default;
};

// A spec says what to run. Everything the instance gets is named here; nothing else is inherited.
struct InstanceSpec {
  std::vector<std::string> argv;  // argv[0] is an absolute path (programs) or the image's command
  std::string image = {};         // empty: a program of this host
  std::map<std::string, std::string> environment = {};
  std::vector<Mount> mounts = {};
  Labels labels = {};
  std::string user = {};  // whom it runs as, "1000:1000"; empty: whom the place takes

  // It will listen there, relative to its working directory, which is its own run directory. Empty:
  // it does not.
  std::string http_socket = {};
  std::string link_socket = {};
  // It listens on these beside or instead. Without an `http_socket` it is asked at the first.
  std::vector<Port> ports = {};

  // Of all its processes together. 0: no limit, and no device.
  std::uint64_t memory_bytes_max = 0;  // one that takes more is ended
  std::uint32_t cpu_millis_max = 0;    // thousandths of a core; one that wants more waits
  std::uint32_t gpus = 0;              // for it alone
};

// Addresses say where an instance can be reached from this server.
struct Addresses {
  std::string http = {};  // "unix:/path" or "127.0.0.1:49153"; empty: nowhere
  std::string link = {};  // "unix:/path"; empty: it has no framed link
  std::map<std::uint16_t, std::string> ports = {};  // "127.0.0.1:32768", by the port inside

  bool operator==(const Addresses&) const = default;
};

// How an instance ended. Neither status nor signal: it is not known, because no one watched or
// because it was no child of this process (a former server's, a warmed parent's).
struct Exit {
  std::optional<int> status;
  std::optional<int> signal;
  // It was still running when stop() was called for it: its end is no failure of its own.
  bool asked = false;

  bool operator==(const Exit&) const = default;
  // "exited with status 1", "was ended by signal 9 (Killed)", "ended".
  std::string describe() const;
};

// How much of its log the end of an instance carries.
inline constexpr std::size_t tail_lines = 10;

// An observation says what happened to an instance. For one key: `preparing` any number of times;
// at most one of `started` and `adopted`; then `printed` any number of times, at most one
// `over_memory` and one `exited`; or one `start_failed` after `preparing`. A key that is started
// again reports again what it is.
struct Observation {
  enum class Kind : std::uint8_t {
    preparing,      // what it needs is fetched before it runs; `reason` says how far that is
    started,        // it runs; `addresses` say where
    adopted,        // a former server process started it and it still runs
    start_failed,   // it never ran; `reason` says why. The key is used up
    printed,        // its log has more than when this was last told, soon after; not told of what
                    // it printed just before it ended
    over_memory,    // it passed its memory limit: told before it is ended, so that whoever loses
                    // its connection knows why
    exited,         // it ended by itself or was stopped; `exit` says how
    adoption_done,  // adopt() has reported everything; no key
  };
  Kind kind = Kind::started;
  InstanceKey key;
  Labels labels = {};        // started, adopted, exited: as they were given
  Addresses addresses = {};  // started, adopted
  Exit exit = {};
  std::string reason = {};  // preparing, start_failed, over_memory
  // adopted, start_failed, printed, exited: the last `tail_lines` lines that it printed, at most
  // `log_tail_bytes_max`.
  std::string tail = {};
};

std::string_view name_of(Observation::Kind kind);

// Called on a thread of the place, in order for each instance; returns soon and never calls back
// into the place.
using ObservationSink = std::function<void(Observation)>;

// Says what a place can do, for callers that would otherwise ask for its type.
struct Capabilities {
  bool runs_programs = false;    // argv of this host, without an image
  bool runs_images = false;      // container images
  bool survives_server = false;  // instances outlive this process and adopt() finds them
  bool sees_host_paths = false;  // host paths are the instance's paths
  bool limits_memory = false;
  bool limits_cpu = false;
  bool gives_gpus = false;  // to one instance alone
  bool maps_ports = false;  // instances have networks of their own
  bool sets_user = false;   // to the one that the spec names
  // Instances are users of their own and reach what they were given through the host's own
  // directories, which have to let them pass.
  bool walks_host_paths = false;

  // The code of an instance cannot do these, whatever it tries.
  bool closes_files = false;      // touch files that it was not given, or change what it only reads
  bool closes_processes = false;  // trace, signal or choke processes that are not its own
  bool hides_processes = false;   // see them, or reach their sockets by path
  bool closes_names = false;      // reach their sockets by abstract names
  bool ends_everything = false;   // leave processes behind that outlive it
};

// Says in a sentence what of the spec a place with these capabilities cannot do; nullopt where it
// can. Such a spec is refused with it (`start_failed`): no place leaves a limit out without a word.
std::optional<std::string> refusal(const Capabilities& place, const InstanceSpec& spec);

// A part of what an instance printed (standard output and standard error, interleaved).
struct LogPart {
  std::string_view text;
  std::uint64_t offset = 0;  // of its first byte in all that the instance printed
  enum class Follows : std::uint8_t { more_may, nothing } follows = Follows::more_may;

  std::uint64_t end() const { return offset + text.size(); }
};

// Takes what instances print, of those whose labels name a group. Called on a thread of the place,
// in order for each instance, and before its `exited` is observed; returns soon.
class LogSink {
 public:
  virtual ~LogSink() = default;

  // How far what such an instance printed was taken before, also by a former server.
  virtual std::uint64_t taken(const Labels& labels) = 0;
  // Takes of the part what it can, from its beginning, and returns up to where: the rest is offered
  // again, with what follows, a little later. What the place does not keep any more is left out.
  virtual std::uint64_t take(const InstanceKey& key, const Labels& labels, const LogPart& part) = 0;
};

// Thread-safe. Nothing here blocks on an instance.
class Place {
 public:
  virtual ~Place() = default;

  virtual Capabilities capabilities() const = 0;

  // Starts `spec` and returns at once, or does nothing where an earlier call with this key did: a
  // reconciler that crashed between the start and its own note of it must not start a second one.
  // For a key that ended, `exited` (or `start_failed`) is reported again and nothing is started.
  virtual void start(const InstanceKey& key, const InstanceSpec& spec) = 0;

  // Asks politely, then after `grace` forces. Stopping what has ended or never was is fine.
  virtual void stop(const InstanceKey& key, std::chrono::milliseconds grace) = 0;

  // Forgets an ended key, with its log and its run directory. A key that still runs is left alone.
  virtual void forget(const InstanceKey& key) = 0;

  // Reports every instance that a former process started: `adopted` where it still runs, `exited`
  // where it has ended and was not forgotten; then `adoption_done`. Called once, before the first
  // start.
  virtual void adopt() = 0;

  // Returns where on this host its program worked and left its files, until the key is forgotten;
  // empty where the place shares no such directory with the host.
  virtual std::filesystem::path directory_of(const InstanceKey& key) const = 0;

  // Offers the log's sink what instances have printed by now instead of a little later, and then
  // calls `done`, on a thread of the place or within the call.
  virtual void push_logs(std::move_only_function<void()> done) = 0;
};

inline constexpr std::size_t log_tail_bytes_max = 16 * 1024;

}  // namespace slipway::place
