#include "modelserver/formats/signature.h"

#include <fmt/format.h>

namespace slipway::modelserver {

std::string describe(const ModelSignature& signature) {
  const auto list = [](const std::vector<TensorInfo>& infos) {
    std::string text;
    for (const auto& info : infos) text += (text.empty() ? "" : ", ") + describe(info);
    return text.empty() ? std::string("nothing") : text;
  };
  std::string text = fmt::format("The model takes {} and gives {}.", list(signature.inputs),
                                 list(signature.outputs));
  if (!signature.defaults.empty())
    text += fmt::format(" It has defaults for {}.", list(signature.defaults));
  return text;
}

}  // namespace slipway::modelserver
