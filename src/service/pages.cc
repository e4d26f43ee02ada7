#include "service/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "wire/auth/auth_error.h"

namespace slipway::service {
namespace {

constexpr std::string_view own_folder = "/_slipway/";
// Docker's clients take this answer for that of a server without a registry.
constexpr std::string_view registry_folder = "/v2/";
constexpr std::uint64_t page_body_bytes_max = 8 * 1024;  // of which nothing is read

net::Response json_response(int status, const boost::json::object& body) {
  net::Response response{.status = status, .headers = {}, .body = boost::json::serialize(body)};
  response.headers.add("Content-Type", "application/json");
  return response;
}

// As a JSON service says it.
net::Response refusal_response(const Error& error) {
  const int status = error.code == ErrorCode::unauthenticated
                         ? wire::auth_status(error, wire::AuthDialect::rest_json)
                         : 403;
  return json_response(status, {{"__type", error.kind}, {"message", error.message}});
}

net::Response page_response(std::string_view content_type, std::string text) {
  net::Response response{.status = 200, .headers = {}, .body = std::move(text)};
  response.headers.add("Content-Type", content_type);
  if (!content_type.starts_with("text/html")) return response;
  response.headers.add("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Cache-Control", "no-store");
  return response;
}

}  // namespace

void PageDoor::mount_on(net::Gateway& gateway, const net::Gateway::Claim& claim) {
  for (const Page& page : pages_) {
    if (page.path.starts_with(own_folder)) continue;
    // "/" is mounted with all that is below it, which is no page.
    gateway.mount(page.path, *this, [&page, claim](const net::RequestHead& head) {
      return head.path == page.path && claim(head) && (!page.claim || page.claim(head));
    });
  }
  gateway.mount(std::string(own_folder), *this);
  gateway.mount(std::string(registry_folder), *this, claim);
}

net::BodyPlan PageDoor::on_head(const net::RequestHead&) {
  return net::Collect{page_body_bytes_max};
}

void PageDoor::on_request(net::Request&& request, net::Responder&& responder) {
  responder.send(answer_to(request.head()));
}

net::Response PageDoor::answer_to(const net::RequestHead& head) {
  if (auto foreign = sites_.refusal(head))
    return refusal_response(
        {ErrorCode::permission_denied, *std::move(foreign), "AccessDeniedException"});
  const auto page = std::ranges::find(pages_, head.path, &Page::path);
  if (page == pages_.end())
    return json_response(404, {{"message", head.path.starts_with(own_folder)
                                               ? "There is no such page; there is /_slipway/health."
                                               : "There is nothing at this path."}});
  if (const Result<> shown = expect_root(head, *page); !shown)
    return refusal_response(shown.error());
  std::string text = page->text(head);
  if (text.empty()) return json_response(404, {{"message", "There is no such page yet."}});
  return page_response(page->content_type, std::move(text));
}

Result<> PageDoor::expect_root(const net::RequestHead& head, const Page& page) {
  if (page.roots_scope.empty()) return {};
  TRY(const Authenticated authenticated, authenticator_.check_page(head, page.roots_scope));
  const identity::Principal& principal = authenticated.caller.principal;
  using Kind = identity::Principal::Kind;
  if (principal.kind == Kind::root || principal.kind == Kind::root_session) return {};
  return fail(ErrorCode::permission_denied,
              fmt::format("{} may not see {}: only the root's keys do.", principal.name, page.path),
              "AccessDeniedException");
}

}  // namespace slipway::service
