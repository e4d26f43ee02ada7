// The statements that AddPermission writes into a resource's own policy.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::service {

// A statement that AddPermission puts into a resource's policy.
struct PolicyStatement {
  std::string label;
  std::string resource;  // an ARN
  std::string service;   // "SQS": stands before each action
  std::vector<std::string> accounts;
  std::vector<std::string> actions;
};

// `policy`, a JSON object, with one statement more. already_exists where one has the label. Lists
// of one are written as the one, as AWS does.
Result<std::string> add_statement(std::string_view policy, const PolicyStatement& statement);
// Without one: empty where none is left. not_found where none has the label.
Result<std::string> remove_statement(std::string_view policy, std::string_view label);

}  // namespace slipway::service
