#include "service/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "base/log.h"
#include "wire/auth/auth_error.h"

namespace slipway::service {
namespace {

namespace json = boost::json;

constexpr std::string_view own_service = "slipway";  // in the access log
constexpr std::string_view own_folder = "/_slipway/";
constexpr std::uint64_t page_body_bytes_max = 8 * 1024;  // of which nothing is read

net::Response json_response(int status, const json::object& body) {
  net::Response response{.status = status, .headers = {}, .body = json::serialize(body)};
  response.headers.add("Content-Type", "application/json");
  return response;
}

// As a JSON service says it.
net::Response refusal_response(const Error& error) {
  int status = 500;
  switch (error.code) {
    case ErrorCode::unauthenticated:
      status = wire::auth_status(error, wire::AuthDialect::rest_json);
      break;
    case ErrorCode::permission_denied: status = 403; break;
    case ErrorCode::invalid_argument: status = 400; break;
    case ErrorCode::not_found: status = 404; break;
    case ErrorCode::unavailable: status = 503; break;
    default: break;
  }
  json::object body = {{"message", error.message}};
  if (!error.kind.empty()) body["__type"] = error.kind;
  return json_response(status, body);
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

net::Response no_such_method(const ServerPage& page) {
  net::Response response = json_response(405, {{"message", "The page is not for this method."}});
  response.headers.add("Allow", page.put ? "GET, HEAD, PUT" : "GET, HEAD");
  return response;
}

// As the page says it now, or was told to be.
net::Response answer_of(const ServerPage& page, const net::RequestHead& head) {
  const Result<std::string> text = head.method == "PUT" ? page.put(head) : page.text(head);
  if (!text) return refusal_response(text.error());
  if (text->empty()) return json_response(404, {{"message", "There is no such page yet."}});
  return page_response(page.content_type, *text);
}

}  // namespace

void PageDoor::mount_on(net::Gateway& gateway, const net::Gateway::Claim& claim) {
  for (const ServerPage& page : pages_) {
    if (page.path.starts_with(own_folder)) continue;
    // "/" is mounted with all that is below it, which is no page.
    gateway.mount(page.path, *this, [&page, claim](const net::RequestHead& head) {
      return head.path == page.path && claim(head) && (!page.claim || page.claim(head));
    });
  }
  gateway.mount(std::string(own_folder), *this);
}

net::BodyPlan PageDoor::on_head(const net::RequestHead&) {
  return net::Collect{page_body_bytes_max};
}

void PageDoor::on_request(net::Request&& request, net::Responder&& responder) {
  responder.describe({.service = own_service, .operation = request.path()});
  Found page = find(request.head(), responder);
  if (!page) return responder.send(std::move(page.error()));
  if ((*page)->lane == ServerPage::Lane::loop)
    return responder.send(answer_of(**page, request.head()));
  auto asked = std::make_shared<std::pair<net::Request, net::Responder>>(std::move(request),
                                                                         std::move(responder));
  workers_.post([asked, &page = **page] {
    try {
      asked->second.send(answer_of(page, asked->first.head()));
    } catch (const std::exception& bug) {
      log_error("server", "a page threw", {{"page", page.path}, {"what", bug.what()}});
    }
  });
}

PageDoor::Found PageDoor::find(const net::RequestHead& head, net::Responder& responder) {
  if (auto foreign = sites_.refusal(head))
    return std::unexpected(refusal_response(
        {ErrorCode::permission_denied, *std::move(foreign), "AccessDeniedException"}));
  const auto page = std::ranges::find(pages_, head.path, &ServerPage::path);
  if (page == pages_.end())
    return std::unexpected(
        json_response(404, {{"message", head.path.starts_with(own_folder)
                                            ? "There is no such page; there is /_slipway/health."
                                            : "There is nothing at this path."}}));
  if (const Result<> shown = expect_root(head, *page, responder); !shown)
    return std::unexpected(refusal_response(shown.error()));
  if (head.method == "PUT" && page->put) return &*page;
  if (!page->roots_scope.empty() && head.method != "GET" && head.method != "HEAD")
    return std::unexpected(no_such_method(*page));
  return &*page;
}

Result<> PageDoor::expect_root(const net::RequestHead& head, const ServerPage& page,
                               net::Responder& responder) {
  if (page.roots_scope.empty()) return {};
  TRY(const Authenticated authenticated, authenticator_.check_page(head, page.roots_scope));
  const identity::Principal& principal = authenticated.caller.principal;
  responder.describe({.principal = principal.name});
  using Kind = identity::Principal::Kind;
  if (principal.kind == Kind::root || principal.kind == Kind::root_session) return {};
  return fail(ErrorCode::permission_denied,
              fmt::format("{} may not see {}: only the root's keys do.", principal.name, page.path),
              "AccessDeniedException");
}

}  // namespace slipway::service
