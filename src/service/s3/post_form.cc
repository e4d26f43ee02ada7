#include "service/s3/post_form.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "service/query_headers.h"
#include "service/s3/cors.h"
#include "service/s3/door.h"
#include "service/s3/post_policy.h"
#include "wire/codec.h"
#include "wire/xml_codec.h"

namespace slipway::s3 {
namespace {

using service::FormUpload;
using service::PostedForm;

constexpr std::string_view file_name_mark = "${filename}";

using Fields = std::vector<std::pair<std::string, std::string>>;

// Names in lower case, each once: which of two counts nobody can say.
Result<Fields> read_fields(const PostedForm& form) {
  Fields out;
  for (const auto& [name, value] : form.fields) {
    std::string lower = to_lower(name);
    if (std::ranges::find(out, lower, &Fields::value_type::first) != out.end())
      return invalid_argument(
          fmt::format("POST requires exactly one field named '{}' per request.", name),
          {name, std::string(value)});
    out.emplace_back(std::move(lower), value);
  }
  return out;
}

std::string* find_field(Fields& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Fields::value_type::first);
  return found == fields.end() ? nullptr : &found->second;
}

std::string text_of(Fields& fields, std::string_view name) {
  const std::string* const found = find_field(fields, name);
  return found ? *found : std::string();
}

// Browsers may give a path, of which the last name counts. Where the form gives no name, the mark
// stays as it is.
void fill_file_name(std::string& key, std::optional<std::string_view> file_name) {
  const std::size_t at = key.find(file_name_mark);
  if (!file_name || at == std::string::npos) return;
  const std::size_t slash = file_name->find_last_of("/\\");
  if (slash != std::string_view::npos) file_name->remove_prefix(slash + 1);
  key.replace(at, file_name_mark.size(), *file_name);
}

// Tags stand in a form as the document of PutObjectTagging, in a header as a query.
Result<std::string> tagging_header(std::string_view document) {
  wire::Arena arena;
  wire::PathLabels labels;
  labels.add("Bucket", "b");
  labels.add("Key", "k");
  TRY(const wire::Node node,
      wire::decode_request(api::op::PutObjectTagging::operation(), wire::Protocol::rest_xml, labels,
                           {.method = "PUT", .path = "/b/k", .body = document}, arena));
  std::string out;
  for (const auto tag : api::PutObjectTaggingRequest(node, &arena).Tagging().TagSet())
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", percent_encode(tag.Key()),
                       percent_encode(tag.Value()));
  return out;
}

// A header carries a line; what is none travels as an encoded word, which metadata is read from.
std::string as_header(std::string_view name, const std::string& value) {
  const bool breaks =
      std::ranges::any_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  if (!breaks || !name.starts_with("x-amz-meta-")) return value;
  return fmt::format("=?UTF-8?B?{}?=", to_base64(value));
}

// Metadata travels in headers of its name: one that is no header's could not be read again.
Result<> check_metadata_name(std::string_view name) {
  if (is_header_name(name)) return {};
  return invalid_argument("The name of a field of metadata is no name of a header.",
                          {std::string(name), ""});
}

// A field stands for the header of its name, where PutObject has one.
Result<net::Fields> headers_of(const Fields& fields) {
  net::Fields out;
  for (const auto& [name, value] : fields) {
    if (name == "acl") {
      out.add("x-amz-acl", value);
    } else if (name == "tagging") {
      TRY(const std::string tagging, tagging_header(value));
      if (!tagging.empty()) out.add("x-amz-tagging", tagging);
    } else if (name != "content-length" &&
               (service::reads_header(api::op::PutObject::operation(), name) ||
                name.starts_with("x-amz-checksum-"))) {
      TRY_DO(check_metadata_name(name));
      out.add(name, as_header(name, value));
    }
  }
  return out;
}

// What the form wants to hear.
struct Wish {
  std::string bucket;
  std::string bucket_url;
  std::string key;
  std::string status;    // success_action_status
  std::string redirect;  // success_action_redirect; empty where it is no address
};

std::string redirect_of(Fields& fields) {
  for (const std::string_view name : {"success_action_redirect", "redirect"})
    if (const std::string address = text_of(fields, name);
        starts_with_ignoring_case(address, "http://") ||
        starts_with_ignoring_case(address, "https://"))
      return address;
  return {};
}

std::string form_encode(std::string_view text) {
  std::string out = percent_encode(text, " ");
  std::ranges::replace(out, ' ', '+');
  return out;
}

std::string post_response(const Wish& wish, std::string_view location, std::string_view etag) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>";
  const auto add = [&](std::string_view name, std::string_view text) {
    out.append("<").append(name).append(">");
    wire::write_xml_text(text, out);
    out.append("</").append(name).append(">");
  };
  add("Location", location);
  add("Bucket", wish.bucket);
  add("Key", wish.key);
  add("ETag", etag);
  return out + "</PostResponse>";
}

void answer(const Wish& wish, net::Response& response) {
  const std::string etag(response.headers.find("etag").value_or(""));
  const std::string location = fmt::format("{}/{}", wish.bucket_url, percent_encode(wish.key));
  response.headers.remove("content-type");
  response.body = net::Body();
  if (!wish.redirect.empty()) {
    response.status = 303;
    response.headers.set(
        "Location", fmt::format("{}{}bucket={}&key={}&etag={}", wish.redirect,
                                wish.redirect.contains('?') ? '&' : '?', form_encode(wish.bucket),
                                form_encode(wish.key), form_encode(etag)));
    return;
  }
  response.headers.set("Location", location);
  response.status = wish.status == "200" ? 200 : wish.status == "201" ? 201 : 204;
  if (response.status != 201) return;
  response.headers.set("Content-Type", "application/xml");
  response.body = post_response(wish, location, etag);
}

Result<FormUpload> read_form(const PostedForm& form) {
  TRY(Fields fields, read_fields(form));
  fill_file_name(*find_field(fields, "key"), form.file_name);
  FormUpload out;
  out.key = text_of(fields, "key");
  if (out.key.empty())
    return invalid_argument("User key must have a length greater than 0.", {"key", ""});
  if (form.signature != wire::FormSignature::none) {
    TRY(const SizeRange sizes,
        check_post_policy(text_of(fields, "policy"), {.bucket = form.bucket, .fields = fields},
                          form.now));
    out.bytes_min = sizes.min;
    out.bytes_max = sizes.max;
  }
  TRY(out.headers, headers_of(fields));
  Wish wish{.bucket = std::string(form.bucket),
            .bucket_url = std::string(form.bucket_url),
            .key = out.key,
            .status = text_of(fields, "success_action_status"),
            .redirect = redirect_of(fields)};
  out.answer = [wish = std::move(wish)](net::Response& response) { answer(wish, response); };
  return out;
}

}  // namespace

service::FormDoor form_door() { return {&api::op::PutObject::operation(), read_form}; }

}  // namespace slipway::s3
