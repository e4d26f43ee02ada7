// Pickled XGBoost models, read without running anything of them.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::modelserver {

// Says whose prediction a pickled model is asked for.
enum class Interface : std::uint8_t {
  booster,       // xgboost.Booster
  scikit_learn,  // XGBClassifier, XGBRegressor and their like, which hold a Booster
};

// Holds what is taken out of a pickle: the Booster, and how whoever pickled it would ask it.
struct PickledBooster {
  std::string serialized;  // what XGBoosterSerializeToBuffer gave
  Interface interface = Interface::booster;
  // The value that stands for a missing one, beside NaN, which always does.
  double missing = std::numeric_limits<double>::quiet_NaN();
};

// Whether `bytes` begin as a pickle of protocol 2 or later.
bool begins_as_pickle(std::string_view bytes);

// Whether `bytes` begin as a model that the library wrote as JSON or UBJSON.
bool begins_as_object(std::string_view bytes);

// The model in a pickle, which is the pickled object itself. invalid_argument: the object is of a
// class that is none of XGBoost's (a pipeline has steps before the Booster in it, and several
// regressors have several), or says something of its data that cannot be read.
Result<PickledBooster> read_pickled_booster(std::string_view pickle);

}  // namespace slipway::modelserver
