#include "service/sagemaker_runtime/session.h"

namespace slipway::sagemaker_runtime {
namespace {

std::optional<std::string_view> field_of(const routing::InvokeAnswer& answer,
                                         std::string_view name) {
  for (const net::Header& field : answer.headers)
    if (net::same_name(field.name, name)) return field.value;
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<> HeldSession::find(const routing::Sessions& sessions, const AskedEndpoint& endpoint,
                           const InvokeHead& head, routing::InvokeRequest& request) {
  if (head.session.empty() || head.session == new_session) return {};
  auto instance = sessions.find(endpoint.fleet, head.session);
  if (!instance) return std::unexpected(no_session(endpoint));
  instance_ = *std::move(instance);
  request.instance = instance_;
  return {};
}

std::optional<NewSession> opened_session(const routing::InvokeAnswer& answer, Timestamp now) {
  constexpr std::string_view expires = "Expires=";
  const auto field = field_of(answer, "X-Amzn-SageMaker-New-Session-Id");
  if (!field) return std::nullopt;
  NewSession session{.id = trimmed(field->substr(0, field->find(';'))),
                     .life = session_life_default};
  const std::size_t at = field->find(expires);
  if (at == field->npos) return session;
  if (const auto end = parse_iso8601(trimmed(field->substr(at + expires.size()))))
    session.life = *end - now;
  return session;
}

std::optional<std::string_view> closed_session(const routing::InvokeAnswer& answer) {
  const auto field = field_of(answer, "X-Amzn-SageMaker-Closed-Session-Id");
  return field ? std::optional(trimmed(*field)) : std::nullopt;
}

}  // namespace slipway::sagemaker_runtime
