#include "service/errors.h"

#include <algorithm>

namespace slipway::service {
namespace {

constexpr std::string_view disk_full = "disk_full";

constexpr ErrorRow common_errors[] = {
    {"not_found", "ResourceNotFoundException", 400},
    {"already_exists", "ResourceInUse", 400},
    {"in_use", "ResourceInUse", 400},
    {"conflict", "ConflictException", 400},
    {"limit_exceeded", "ResourceLimitExceeded", 400},
    {"precondition_failed", "PreconditionFailed", 412},
    {"permission_denied", "AccessDeniedException", 403},
    {"unauthenticated", "AccessDeniedException", 403},
    {"not_implemented", "NotImplemented", 501},
    // AWS's disks are never full: the name is ours, and the status one that no SDK repeats.
    {disk_full, "InsufficientStorage", 507},
    {"unavailable", "ServiceUnavailable", 503},
    {"timeout", "ServiceUnavailable", 503},
    {"corrupted", "InternalFailure", 500},
    {"internal", "InternalFailure", 500},
};

const ErrorRow* find(ErrorTable table, std::string_view name) {
  const auto found = std::ranges::find(table, name, &ErrorRow::name);
  return found == table.end() ? nullptr : &*found;
}

bool is_aws_code(std::string_view kind) {
  return !kind.empty() && kind.front() >= 'A' && kind.front() <= 'Z';
}

}  // namespace

wire::ErrorAnswer to_wire(const Error& error, const wire::Service& service, ErrorTable table) {
  const auto answer = [&](std::string_view code, int status) {
    return wire::ErrorAnswer{
        .code = code, .message = error.message, .status = status, .details = error.details};
  };
  if (!error.kind.empty())
    if (const ErrorRow* row = find(table, error.kind)) return answer(row->code, row->status);
  if (is_aws_code(error.kind)) return answer(error.kind, 0);
  if (error.kind != disk_full)
    if (const ErrorRow* row = find(table, name_of(error.code)))
      return answer(row->code, row->status);
  if (error.code == ErrorCode::invalid_argument) return answer(service.validation_error, 400);
  const ErrorRow* const row =
      find(common_errors, error.kind == disk_full ? disk_full : name_of(error.code));
  return answer(row->code, row->status);
}

}  // namespace slipway::service
