#include "service/form_upload.h"

#include <vector>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/text.h"
#include "net/rewritten.h"
#include "service/aws_request_handler.h"
#include "service/cross_origin.h"
#include "service/upload.h"
#include "wire/form_data.h"

namespace slipway::service {
namespace {

// Of a form's own headers those that say who asks. All others would pass by the form's policy.
constexpr std::string_view kept_headers[] = {"host", "origin", "referer", "user-agent"};

// "bucket" of "/bucket" or "/bucket/", still encoded; empty where the path says anything else.
std::string_view bucket_of_path(const net::RequestHead& head, const wire::Route& route) {
  std::string_view path = head.path;
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view bucket =
      route.virtual_bucket.empty() ? take_until(path, '/') : route.virtual_bucket;
  return path.empty() ? bucket : std::string_view();
}

std::string url_of_bucket(const net::RequestHead& head, const wire::Route& route,
                          std::string_view bucket) {
  const std::string server =
      fmt::format("{}://{}", head.secure ? "https" : "http", head.headers.get("host"));
  return route.virtual_bucket.empty() ? fmt::format("{}/{}", server, percent_encode(bucket))
                                      : server;
}

class FormReceiver final : public net::BodyReceiver {
 public:
  FormReceiver(const ServiceContext& context, Authenticator& authenticator, wire::FormReader reader,
               FormBegin begin)
      : context_(context),
        authenticator_(authenticator),
        reader_(std::move(reader)),
        begin_(std::move(begin)) {}

  void on_start(net::Request&& request, net::Responder&& responder,
                net::BodyControl control) override {
    request_.emplace(std::move(request));
    responder.describe(described(begin_.route, begin_.request_id));
    responder_ = std::move(responder);
    control_ = std::move(control);
  }

  void on_data(std::string_view bytes) override {
    if (refused_) return;
    pieces_.clear();
    if (const auto read = reader_.push(bytes, pieces_); !read) return refuse(read.error());
    if (!upload_ && reader_.has_file())
      if (const auto begun = begin_file(); !begun) return refuse(begun.error());
    for (const std::string_view piece : pieces_) {
      bytes_ += piece.size();
      // What is too large is only counted.
      if (bytes_ <= wanted_.bytes_max) upload_->on_data(piece);
    }
  }

  void on_end(const net::Headers&) override {
    if (refused_) return;
    if (const auto whole = reader_.finish(); !whole) return refuse(whole.error());
    if (const auto fits = check_size(); !fits) return refuse(fits.error());
    upload_->on_end({});
  }

  void on_abort(const Error& error) override {
    if (upload_) upload_->on_abort(error);
  }

 private:
  Result<> begin_file() {
    std::vector<wire::HeaderPair> fields;
    for (const wire::FormField& field : reader_.fields())
      fields.emplace_back(field.name, field.value);
    const net::RequestHead& head = request_->head();
    TRY(const wire::FormSignature signature, wire::form_signature(fields));
    TRY(Authenticated sender, authenticator_.check_form(head, begin_.route, fields, signature));
    const std::string bucket = percent_decode(bucket_of_path(head, begin_.route));
    const std::string url = url_of_bucket(head, begin_.route, bucket);
    TRY(wanted_, context_.forms.read({.bucket = bucket,
                                      .bucket_url = url,
                                      .fields = fields,
                                      .file_name = reader_.file_name(),
                                      .signature = signature,
                                      .now = context_.call.clock.now()}));
    begin_upload(bucket, std::move(sender));
    return {};
  }

  // From here on it is the upload that the form stands for.
  void begin_upload(std::string_view bucket, Authenticated sender) {
    std::vector<net::Header> headers;
    for (const std::string_view name : kept_headers)
      if (const auto value = request_->headers().find(name)) headers.push_back({name, *value});
    wanted_.headers.for_each([&](const net::Header& header) { headers.push_back(header); });
    net::Request request = net::rewritten(
        *request_, fmt::format("/{}/{}", percent_encode(bucket), percent_encode(wanted_.key, "/")),
        headers);
    wire::Route route{begin_.route};
    route.virtual_bucket = {};
    std::string_view path = request.path().substr(1);
    route.labels.add("Bucket", take_until(path, '/'));
    route.labels.add("Key", path);
    upload_ = make_upload_receiver(
        context_, {route, *context_.registry.find(*context_.forms.operation), std::move(sender),
                   begin_.request_id, std::move(wanted_.answer)});
    upload_->on_start(std::move(request), std::move(responder_), control_);
  }

  Result<> check_size() const {
    const auto wrong = [&](std::string code, std::string message, std::string limit_name,
                           std::uint64_t limit) {
      return std::unexpected(Error{ErrorCode::invalid_argument,
                                   std::move(message),
                                   std::move(code),
                                   {{"ProposedSize", std::to_string(bytes_)},
                                    {std::move(limit_name), std::to_string(limit)}}});
    };
    if (bytes_ > wanted_.bytes_max)
      return wrong("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
                   "MaxSizeAllowed", wanted_.bytes_max);
    if (bytes_ < wanted_.bytes_min)
      return wrong("EntityTooSmall",
                   "Your proposed upload is smaller than the minimum allowed size",
                   "MinSizeAllowed", wanted_.bytes_min);
    return {};
  }

  void refuse(Error error) {
    refused_ = true;
    if (upload_) return upload_->refuse(std::move(error));
    // The rules for pages of other origins are read from the store: on a worker.
    struct Refusal {
      FormBegin begin;
      net::Request request;
      net::Responder responder;
      Error error;
    };
    auto refusal = std::make_shared<Refusal>(begin_, *std::move(request_), std::move(responder_),
                                             std::move(error));
    context_.lanes.control.post([&context = context_, refusal] {
      const wire::Route& route = refusal->begin.route;
      net::Response response =
          error_response(refusal->error, route, context.registry.errors_of(*route.schema),
                         refusal->begin.request_id);
      add_fields(page_fields(context, route, refusal->request.head()), response);
      refusal->responder.send(std::move(response));
    });
  }

  const ServiceContext& context_;
  Authenticator& authenticator_;
  wire::FormReader reader_;
  const FormBegin begin_;
  std::optional<net::Request> request_;  // as it came; gone once it was refused
  net::Responder responder_;             // until the file begins
  net::BodyControl control_;
  std::vector<std::string_view> pieces_;
  FormUpload wanted_;
  std::uint64_t bytes_ = 0;  // of the file so far
  std::unique_ptr<UploadReceiver> upload_;
  bool refused_ = false;
};

}  // namespace

std::string_view bucket_of_form(const ServiceContext& context, const wire::Route& route,
                                const net::RequestHead& head) {
  if (!context.forms.operation || !route.found() || !route.schema->service.s3_style ||
      route.operation || head.method != "POST" || !head.query.empty())
    return {};
  return bucket_of_path(head, route);
}

Result<std::unique_ptr<net::BodyReceiver>> make_form_receiver(const ServiceContext& context,
                                                              Authenticator& authenticator,
                                                              const net::RequestHead& head,
                                                              FormBegin begin) {
  const std::string_view type = head.headers.get("content-type");
  if (!wire::FormReader::reads(type)) return no_form(head);
  TRY(wire::FormReader reader, wire::FormReader::of(type));
  begin.route.operation = context.forms.operation;
  return std::make_unique<FormReceiver>(context, authenticator, std::move(reader),
                                        std::move(begin));
}

std::unexpected<Error> no_form(const net::RequestHead& head) {
  if (wire::FormReader::reads(head.headers.get("content-type")))
    return std::unexpected(wire::malformed_form());
  return std::unexpected(
      Error{ErrorCode::precondition_failed,
            "At least one of the pre-conditions you specified did not hold",
            "PreconditionFailed",
            {{"Condition", "Bucket POST must be of the enclosure-type multipart/form-data"}}});
}

}  // namespace slipway::service
