// Incremental decoder of aws-chunked bodies: signed chunks, signed with a signed trailer, and
// unsigned with a trailer.
//
// What comes out must not be believed before finish() succeeded: a signed chunk is handed out while
// it arrives and its signature is compared at its end. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/auth/checksum.h"
#include "wire/auth/hmac.h"
#include "wire/auth/sigv4.h"

namespace slipway::wire {

// A chunk header "hex;chunk-signature=...\r\n"; a trailer line; all trailers.
inline constexpr std::size_t chunk_header_bytes_max = 256;
inline constexpr std::size_t trailer_line_bytes_max = 1024;
inline constexpr std::size_t trailers_max = 16;
// One chunk; S3 documents no bound, clients send 64 KiB to 8 MiB.
inline constexpr std::uint64_t chunk_bytes_max = 5ULL << 30;
// A signed chunk but the last must have at least this.
inline constexpr std::uint64_t chunk_bytes_min = 8192;

struct ChunkedOptions {
  PayloadMode mode = PayloadMode::chunks_trailer;
  // For the signed modes, from Verified.
  HmacKey signing_key = {};
  std::string date = {};
  std::string scope = {};
  std::string seed_signature = {};
  // x-amz-decoded-content-length, where sent.
  std::optional<std::uint64_t> decoded_length = std::nullopt;
  // x-amz-trailer: names announced, comma separated; empty: none.
  std::string announced_trailers = {};
};

// Reads x-amz-decoded-content-length and x-amz-trailer beside what was verified. InvalidRequest
// where x-amz-trailer stands together with an x-amz-checksum-* header, or a trailer mode has none;
// MissingContentLength without a readable decoded length.
Result<ChunkedOptions> chunked_options(const SignedRequest& request, const Verified& verified);

using Trailer = std::pair<std::string, std::string>;  // lower-case name, trimmed value

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(ChunkedOptions options);

  // Takes the next bytes of the body (any split) and appends the pieces of content found in them to
  // `content`; these view into `bytes`. After an error only destruction makes sense.
  //   IncompleteBody         less or more content than the decoded length said
  //   InvalidChunkSizeError  a signed chunk under chunk_bytes_min that is not the last
  //   SignatureDoesNotMatch  a chunk's or the trailer's signature is wrong
  //   MalformedTrailerError  a trailer that was not announced, or a broken line
  //   InvalidRequest         broken framing
  Result<> push(std::string_view bytes, std::vector<std::string_view>& content);

  // The body has ended. The trailers (never x-amz-trailer-signature), in order.
  // IncompleteBody where the last chunk, the content or an announced trailer is missing; BadDigest
  // where a checksum trailer is not that of the content.
  Result<std::vector<Trailer>> finish();

  std::uint64_t decoded_bytes() const { return decoded_bytes_; }

 private:
  enum class State : std::uint8_t { header, data, data_end, trailer, done };

  Result<> take_line(std::string_view line);
  Result<> begin_chunk(std::string_view line);
  Result<> end_chunk();
  Result<> take_trailer(std::string_view line);
  Result<> end_trailers();
  bool is_signed() const;
  bool is_trailing() const;

  ChunkedOptions options_;
  std::vector<std::string> announced_;
  std::optional<Checksum> checksum_;
  State state_ = State::header;
  std::string line_;  // of a line that is split over pushes
  std::uint64_t chunk_bytes_ = 0;
  std::uint64_t chunk_left_ = 0;
  std::uint64_t decoded_bytes_ = 0;
  bool short_chunk_seen_ = false;
  std::string chunk_signature_;
  std::string previous_signature_;
  Sha256 chunk_hash_;
  std::vector<Trailer> trailers_;
  std::string trailer_signature_;
};

}  // namespace slipway::wire
