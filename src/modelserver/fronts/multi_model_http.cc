#include "modelserver/fronts/multi_model_http.h"

#include <fmt/format.h>

#include "base/encoding.h"
#include "modelserver/formats/json_cursor.h"
#include "modelserver/fronts/http_front.h"

namespace slipway::modelserver {
namespace {

constexpr std::string_view models_path = "/models";
constexpr std::string_view invoke_suffix = "/invoke";

// Says what a path asks for.
struct Asked {
  enum class What : std::uint8_t { nothing, ping, models, model, invoke };
  What what = What::nothing;
  std::string_view name;  // as it stands in the path
};

Asked asked_by(std::string_view path) {
  using enum Asked::What;
  if (path == "/ping") return {ping, {}};
  if (path == models_path) return {models, {}};
  if (!path.starts_with(models_path) || path.size() < models_path.size() + 2 ||
      path[models_path.size()] != '/')
    return {};
  std::string_view name = path.substr(models_path.size() + 1);
  const bool invokes = name.ends_with(invoke_suffix);
  if (invokes) name.remove_suffix(invoke_suffix.size());
  if (name.empty() || name.find('/') != name.npos) return {};
  return {invokes ? invoke : model, name};
}

std::string_view methods_of(Asked::What what) {
  switch (what) {
    case Asked::What::nothing: return "";
    case Asked::What::ping: return "GET HEAD";
    case Asked::What::models: return "GET POST";
    case Asked::What::model: return "GET DELETE";
    case Asked::What::invoke: return "POST";
  }
  return "";
}

struct LoadRequest {
  std::string name;
  std::string url;
};

Result<LoadRequest> read_load_request(std::string_view body) {
  LoadRequest request;
  JsonCursor cursor(body);
  TRY_DO(read_object(cursor, [&](const std::string& key) -> Result<> {
    if (key != "model_name" && key != "url") return cursor.skip_value();
    TRY((key == "url" ? request.url : request.name), cursor.read_string());
    return {};
  }));
  TRY_DO(cursor.expect_end());
  if (request.name.empty() || request.name.size() > model_name_bytes_max || request.url.empty())
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("model_name (1 to {} bytes) and url are needed.", model_name_bytes_max));
  return request;
}

std::uint16_t status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::already_exists: return 409;
    case ErrorCode::limit_exceeded: return 507;
    case ErrorCode::not_found:
    case ErrorCode::conflict:
    case ErrorCode::invalid_argument: return 400;
    default: return 500;
  }
}

void answer_plainly(net::Responder&& responder, std::uint16_t status, std::string_view sentence) {
  Answer answer;
  answer_error(answer, status, sentence);
  const net::Header headers[] = {{"Content-Type", answer.content_type}};
  responder.send(net::ResponseView{answer.status, headers, answer.body});
}

void answer_json(net::Responder&& responder, std::string_view json) {
  const net::Header headers[] = {{"Content-Type", "application/json"}};
  responder.send(net::ResponseView{200, headers, json});
}

void append_listed(std::string& json, const ModelRepository::Listed& listed) {
  json += "{\"modelName\": ";
  append_json_string(json, listed.name);
  json += ", \"modelUrl\": ";
  append_json_string(json, listed.folder);
  json += '}';
}

std::string page_token(std::string_view query) {
  constexpr std::string_view name = "next_page_token=";
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(name)) return percent_decode(pair.substr(name.size()), PlusSign::space);
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

}  // namespace

net::BodyPlan MultiModelHttp::on_head(const net::RequestHead& head) {
  const Asked asked = asked_by(head.path);
  if (asked.what == Asked::What::nothing)
    return net::Refuse{net::plain_response(
        404, "Nothing is here; this server has many models: /models and /models/NAME/invoke.")};
  const std::string_view methods = methods_of(asked.what);
  if (methods.find(head.method) == methods.npos) {
    auto response = net::plain_response(405, fmt::format("Answered here: {}.", methods));
    response.headers.set("Allow", methods);
    return net::Refuse{std::move(response)};
  }
  if (asked.what == Asked::What::invoke) return net::Collect{invocation_bytes_max};
  return net::Collect{load_request_bytes_max};
}

void MultiModelHttp::on_request(net::Request&& request, net::Responder&& responder) {
  const Asked asked = asked_by(request.path());
  switch (asked.what) {
    case Asked::What::nothing: return;
    case Asked::What::ping: return responder.send(net::ResponseView{200, {}, {}});
    case Asked::What::models:
      if (request.method() == "POST") return load(request, std::move(responder));
      return list(request.query(), std::move(responder));
    case Asked::What::model: {
      std::string name = percent_decode(asked.name);
      if (request.method() == "DELETE") return unload(std::move(name), std::move(responder));
      return show(name, std::move(responder));
    }
    case Asked::What::invoke:
      return invoke(percent_decode(asked.name), std::move(request), std::move(responder));
  }
}

void MultiModelHttp::load(const net::Request& request, net::Responder&& responder) {
  auto asked = read_load_request(request.body());
  if (!asked) return answer_plainly(std::move(responder), 400, asked.error().message);
  repository_.load(std::move(asked->name), std::move(asked->url),
                   [responder = std::move(responder)](Result<> loaded) mutable {
                     if (loaded)
                       return answer_json(std::move(responder), "{\"status\": \"loaded\"}");
                     const Error& error = loaded.error();
                     answer_plainly(std::move(responder), status_of(error), error.message);
                   });
}

void MultiModelHttp::unload(std::string name, net::Responder&& responder) {
  repository_.unload(std::move(name), [responder = std::move(responder)](Result<> gone) mutable {
    if (gone) return answer_json(std::move(responder), "{\"status\": \"unloaded\"}");
    answer_plainly(std::move(responder), 404, gone.error().message);
  });
}

void MultiModelHttp::list(std::string_view query, net::Responder&& responder) const {
  auto page = repository_.list(page_token(query), listed_models_max + 1);
  const bool more = page.size() > listed_models_max;
  if (more) page.pop_back();
  std::string json = "{\"models\": [";
  for (const auto& listed : page) {
    if (&listed != page.data()) json += ", ";
    append_listed(json, listed);
  }
  json += ']';
  if (more) {
    json += ", \"nextPageToken\": ";
    append_json_string(json, page.back().name);
  }
  answer_json(std::move(responder), json + '}');
}

void MultiModelHttp::show(std::string_view name, net::Responder&& responder) const {
  const auto found = repository_.find(name);
  if (!found)
    return answer_plainly(std::move(responder), 404, fmt::format("No model {} is loaded.", name));
  std::string json;
  append_listed(json, *found);
  answer_json(std::move(responder), json);
}

void MultiModelHttp::invoke(std::string_view name, net::Request&& request,
                            net::Responder&& responder) {
  ModelCall invocation;
  invocation.content_type = request.headers().get("Content-Type");
  invocation.accept = request.headers().get("Accept");
  invocation.custom_attributes = request.headers().get(custom_attributes_name);
  invocation.body = request.body();
  repository_.submit(name, invocation, HttpReply{std::move(request), std::move(responder)});
}

}  // namespace slipway::modelserver
