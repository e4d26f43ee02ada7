// How an engine comes to have an image.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "place/docker/engine_client.h"

namespace slipway::place {

// Makes images present in an engine's own store before a container is made of them. The place's
// thread only.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  using Progress = std::function<void(std::string)>;
  using Done = std::move_only_function<void(Result<>)>;
  // Ends with success where the engine has the image and it is made for the engine's machine.
  // `progress` says in a sentence how far that is. Errors are sentences for whoever deploys:
  // not_found (nobody has it), invalid_argument (another architecture), unavailable. The engine may
  // end before: neither is called then.
  virtual void make_present(EngineClient& engine, const EngineMachine& machine,
                            const std::string& image, Progress progress, Done done) = 0;
};

// Takes images that the engine has, and else has it pull from where the image's name points.
class PulledImages final : public ImageSource {
 public:
  void make_present(EngineClient& engine, const EngineMachine& machine, const std::string& image,
                    Progress progress, Done done) override;
};

// The name as POST /images/create takes it: "host/name" with the tag ("latest" where none is
// named) or the digest.
struct ImageName {
  std::string name;
  std::string tag;
};
ImageName image_name(std::string_view image);

}  // namespace slipway::place
