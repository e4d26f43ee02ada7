#include "wire/auth/chunked.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "base/text.h"
#include "wire/auth/auth_error.h"
#include "wire/auth/canonical.h"

namespace slipway::wire {
namespace {

constexpr std::string_view empty_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view signature_mark = ";chunk-signature=";
constexpr std::string_view trailer_signature_name = "x-amz-trailer-signature";

std::unexpected<Error> incomplete() {
  return fail(ErrorCode::invalid_argument, "The request body terminated unexpectedly",
              "IncompleteBody");
}

std::unexpected<Error> malformed_trailer() {
  return fail(ErrorCode::invalid_argument,
              "The request contained trailing data that was not well-formed or did not conform to "
              "our published schema.",
              "MalformedTrailerError");
}

std::unexpected<Error> invalid_request(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message), "InvalidRequest");
}

std::unexpected<Error> chunk_too_small(std::uint64_t next_chunk, std::uint64_t bytes) {
  return std::unexpected(Error{
      .code = ErrorCode::invalid_argument,
      .message = fmt::format("Only the last chunk is allowed to have a size less than {} bytes",
                             chunk_bytes_min),
      .kind = "InvalidChunkSizeError",
      .details = {{"Chunk", std::to_string(next_chunk)}, {"BadChunkSize", std::to_string(bytes)}}});
}

// The whole text as a number in `base`; nullopt for anything else.
std::optional<std::uint64_t> to_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> names_of(std::string_view list) {
  std::vector<std::string> names;
  for_each_part(list, ',', [&](std::string_view part) {
    if (const std::string_view name = trimmed(part); !name.empty()) names.push_back(to_lower(name));
    return names.size() <= trailers_max;
  });
  return names;
}

// As the client would have computed one: what is none makes no frame.
bool is_signature(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool has_checksum_header(const SignedRequest& request) {
  return std::ranges::any_of(request.headers, [](const HeaderPair& header) {
    return checksum_of_header(header.first).has_value();
  });
}

}  // namespace

Result<ChunkedOptions> chunked_options(const SignedRequest& request, const Verified& verified) {
  ChunkedOptions options{.mode = verified.payload,
                         .signing_key = verified.signing_key,
                         .date = verified.date,
                         .scope = verified.scope,
                         .seed_signature = verified.signature};
  options.decoded_length =
      to_number(find_header(request.headers, "x-amz-decoded-content-length"), 10);
  if (!options.decoded_length)
    return fail(ErrorCode::invalid_argument, "You must provide the Content-Length HTTP header.",
                "MissingContentLength");
  options.announced_trailers = find_header(request.headers, "x-amz-trailer");
  if (options.announced_trailers.empty()) return options;
  if (has_checksum_header(request))
    return invalid_request("Expecting a single x-amz-checksum- header");
  for (const std::string& name : names_of(options.announced_trailers))
    if (!checksum_of_header(name))
      return invalid_request("The value specified in the x-amz-trailer header is not supported");
  return options;
}

ChunkedDecoder::ChunkedDecoder(ChunkedOptions options)
    : options_(std::move(options)),
      announced_(names_of(options_.announced_trailers)),
      previous_signature_(options_.seed_signature) {
  for (const std::string& name : announced_)
    if (const auto algorithm = checksum_of_header(name)) checksum_.emplace(*algorithm);
}

bool ChunkedDecoder::is_signed() const {
  return is_checked() && options_.mode != PayloadMode::chunks_trailer;
}

bool ChunkedDecoder::is_trailing() const { return options_.mode != PayloadMode::chunks_signed; }

Result<> ChunkedDecoder::push(std::string_view bytes, std::vector<std::string_view>& content) {
  while (!bytes.empty()) {
    if (state_ == State::data) {
      TRY_DO(take_data(bytes, content));
      continue;
    }
    const std::size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    if (line_.size() + piece.size() > chunk_line_bytes_max) return incomplete();
    line_ += piece;
    if (newline == std::string_view::npos) return {};
    bytes.remove_prefix(newline + 1);
    if (line_.ends_with('\r'))
      line_.pop_back();
    else if (state_ != State::trailer)  // some clients end a trailer with a bare line feed
      return incomplete();
    const std::string line = std::exchange(line_, {});
    TRY_DO(take_line(line));
  }
  return {};
}

Result<> ChunkedDecoder::take_line(std::string_view line) {
  switch (state_) {
    case State::header: return begin_chunk(line);
    case State::data_end: return line.empty() ? end_chunk() : incomplete();
    case State::trailer: return line.empty() ? end_trailers() : take_trailer(line);
    case State::done: return line.empty() && may_skip_blank() ? Result<>{} : incomplete();
    case State::data: break;
  }
  return incomplete();
}

Result<> ChunkedDecoder::begin_chunk(std::string_view line) {
  const std::size_t mark = line.find(';');
  const auto bytes = to_number(line.substr(0, mark), 16);
  if (!bytes || *bytes > chunk_bytes_max) return incomplete();
  const std::string_view extension = mark == std::string_view::npos ? "" : line.substr(mark);
  if (is_checked() && is_signed() != extension.starts_with(signature_mark)) return incomplete();
  ++chunk_;
  if (chunk_ > 1 && *bytes > 0 && chunk_bytes_ < chunk_bytes_min)
    return chunk_too_small(chunk_, chunk_bytes_);
  if (options_.decoded_length && *bytes > *options_.decoded_length - decoded_bytes_)
    return incomplete();
  if (is_signed()) {
    chunk_signature_ = extension.substr(signature_mark.size());
    if (!is_signature(chunk_signature_)) return incomplete();
  }
  chunk_bytes_ = chunk_left_ = *bytes;
  chunk_hash_ = {};
  if (chunk_bytes_ > 0) {
    state_ = State::data;
    return {};
  }
  TRY_DO(end_chunk());
  state_ = State::trailer;  // an empty line at once where there are none
  return {};
}

Result<> ChunkedDecoder::take_data(std::string_view& bytes,
                                   std::vector<std::string_view>& content) {
  const std::string_view piece =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, bytes.size())));
  bytes.remove_prefix(piece.size());
  if (is_signed()) chunk_hash_.update(piece);
  if (checksum_) checksum_->update(piece);
  content.push_back(piece);
  chunk_left_ -= piece.size();
  decoded_bytes_ += piece.size();
  if (chunk_left_ == 0) state_ = State::data_end;
  return {};
}

Result<> ChunkedDecoder::end_chunk() {
  state_ = State::header;
  if (!is_signed()) return {};
  const std::string text =
      fmt::format("AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}", options_.date, options_.scope,
                  previous_signature_, empty_hash, view_of(hex_of(chunk_hash_.finish())));
  const HexDigest wanted = hex_of(options_.signing_key.value_or(HmacKey()).sign(text));
  if (!equal_in_constant_time(view_of(wanted), chunk_signature_))
    return refuse(AuthProblem::mismatch, AuthDialect::s3, {},
                  {{"StringToSign", text}, {"SignatureProvided", chunk_signature_}});
  previous_signature_ = chunk_signature_;
  return {};
}

Result<> ChunkedDecoder::take_trailer(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_trailing() || !trailer_signature_.empty())
    return malformed_trailer();
  std::string name = to_lower(trimmed(line.substr(0, colon)));
  std::string value(trimmed(line.substr(colon + 1)));
  if (name == trailer_signature_name && (is_signed() || !is_checked())) {
    trailer_signature_ = std::move(value);
    return {};
  }
  if (std::ranges::find(announced_, name) == announced_.end()) return malformed_trailer();
  if (std::ranges::find(trailers_, name, &Trailer::first) != trailers_.end())
    return malformed_trailer();
  trailers_.emplace_back(std::move(name), std::move(value));
  return {};
}

Result<> ChunkedDecoder::check_trailer_signature() {
  if (!is_checked() || options_.mode != PayloadMode::chunks_signed_trailer) return {};
  if (trailers_.empty() && trailer_signature_.empty()) return {};
  std::string lines;
  for (const auto& [name, value] : trailers_) lines += fmt::format("{}:{}\n", name, value);
  const std::string text =
      fmt::format("AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}", options_.date, options_.scope,
                  previous_signature_, view_of(hex_of(sha256_of(lines))));
  const HexDigest wanted = hex_of(options_.signing_key.value_or(HmacKey()).sign(text));
  if (equal_in_constant_time(view_of(wanted), trailer_signature_)) return {};
  return refuse(AuthProblem::mismatch, AuthDialect::s3, {},
                {{"StringToSign", text}, {"SignatureProvided", trailer_signature_}});
}

// minio-go writes one empty line more than it should, before the trailer's signature or after all.
bool ChunkedDecoder::may_skip_blank() {
  return !trailers_.empty() && !std::exchange(blank_skipped_, true);
}

Result<> ChunkedDecoder::end_trailers() {
  const bool awaits_signature =
      options_.mode == PayloadMode::chunks_signed_trailer && trailer_signature_.empty();
  if (awaits_signature && may_skip_blank()) return {};
  state_ = State::done;
  if (trailers_.size() != announced_.size()) return malformed_trailer();
  return check_trailer_signature();
}

Result<> ChunkedDecoder::check_checksum() const {
  for (const auto& [name, value] : trailers_) {
    const auto algorithm = checksum_of_header(name);
    if (!algorithm || !checksum_ || checksum_->algorithm() != *algorithm) continue;
    if (checksum_->base64() == value) continue;
    const auto digest = from_base64(value);
    if (!digest || digest->size() != digest_bytes(*algorithm))
      return invalid_request(fmt::format("Value for {} trailing header is invalid.", name));
    return fail(ErrorCode::invalid_argument,
                fmt::format("The {} you specified did not match the calculated checksum.",
                            name_of(*algorithm)),
                "BadDigest");
  }
  return {};
}

Result<std::vector<Trailer>> ChunkedDecoder::finish() {
  if (state_ != State::done || !line_.empty()) return incomplete();
  if (options_.decoded_length && *options_.decoded_length != decoded_bytes_) return incomplete();
  TRY_DO(check_checksum());
  return std::move(trailers_);
}

}  // namespace slipway::wire
