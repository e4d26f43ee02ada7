// What an instance needs installed beside its model and its code: prepared once for each content,
// shared by all instances, read-only.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/artifacts/artifact.h"
#include "place/place.h"

namespace slipway::environments {

// How a program is asked what it needs, and to install it: its arguments, each followed by its
// value. The program reads and writes the plan (environment_plan.h).
struct EnvironmentFlags {
  std::string plan;         // the file to write the plan into
  std::string install;      // the folder to install into
  std::string environment;  // where instances see the environment; also told to these
  std::string plan_text;    // the plan to install, as it was written
  // How its last line begins where that says why it failed.
  std::string reason;

  bool operator==(const EnvironmentFlags&) const = default;
};

// What is to be served, as far as that decides what is installed for it.
struct EnvironmentNeed {
  // Whose it is: "<fleet>/<generation>/<variant>". The content does not depend on it.
  std::string name;
  // In whose name it is asked for, in the door's words: what is done for one leaves room for
  // others.
  std::string owner = {};
  // Of the programs that prepare it: each adds a number of its own to the stream.
  place::Labels labels = {};
  // The program that serves, which can find out what it needs, and install it: with the model and
  // the code, and their variables; and with neither.
  place::InstanceSpec with_contents;
  place::InstanceSpec without;
  EnvironmentFlags flags;
  // The model and the code, as instances see them: folders that never change, each named by its
  // content.
  std::vector<place::Mount> contents;
  // Alive while somebody waits: what nobody waits for any more is ended.
  std::weak_ptr<const void> asker;
};

// What the reconciler asks for environments. EnvironmentCache is the real one.
class Environments {
 public:
  virtual ~Environments() = default;
  // Calls `done` once, on any thread: with a content of no name where nothing is needed; as
  // unavailable where its asker has gone meanwhile.
  virtual void prepare(EnvironmentNeed need, artifacts::FetchDone done) = 0;
  // Where a content lies that was prepared since this process began. Answers from memory.
  virtual std::optional<std::filesystem::path> find(const std::string& content) = 0;
  // What the installation for the need of that name does at this moment, as plain text: "12 s,
  // Collecting numpy". Empty: nothing is being installed for it. From any thread.
  virtual std::string doing(const std::string& need) const = 0;
};

}  // namespace slipway::environments
