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

// A line of the framing: "hex;chunk-signature=..." or a trailer.
inline constexpr std::size_t chunk_line_bytes_max = 1024;
inline constexpr std::size_t trailers_max = 16;
// One chunk; S3 documents no bound, clients send 64 KiB to 8 MiB.
inline constexpr std::uint64_t chunk_bytes_max = 5ULL << 30;
// Every chunk but the last must have at least this.
inline constexpr std::uint64_t chunk_bytes_min = 8192;

// Whether the signatures of chunks and trailers are compared. `passed_over` takes them, or their
// absence, for what they are worth: where nobody's signature is checked.
enum class ChunkSignatures : std::uint8_t { checked, passed_over };

// Says what a body in chunks was announced to be.
struct ChunkedOptions {
  PayloadMode mode = PayloadMode::chunks_trailer;
  ChunkSignatures signatures = ChunkSignatures::checked;
  // For the signed modes, from Verified.
  std::optional<HmacKey> signing_key = std::nullopt;
  std::string date = {};
  std::string scope = {};
  std::string seed_signature = {};
  // x-amz-decoded-content-length, where sent.
  std::optional<std::uint64_t> decoded_length = std::nullopt;
  // x-amz-trailer: names announced, comma separated; empty: none.
  std::string announced_trailers = {};
};

// Returns what the head says of a body that is sent in chunks. Fails with S3's codes:
//   MissingContentLength  no readable x-amz-decoded-content-length
//   InvalidRequest        x-amz-trailer beside an x-amz-checksum-* header, or names no checksum
Result<ChunkedOptions> chunked_options(const SignedRequest& request, const Verified& verified);

using Trailer = std::pair<std::string, std::string>;  // lower-case name, trimmed value

// Takes one body apart, in the order of its bytes.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(ChunkedOptions options);

  // Takes the next bytes of the body (any split) and appends the pieces of content found in them to
  // `content`; these view into `bytes`. After an error only destruction makes sense. S3's codes:
  //   IncompleteBody         broken framing; more content than the decoded length said
  //   InvalidChunkSizeError  a chunk under chunk_bytes_min that is not the last
  //   SignatureDoesNotMatch  a chunk's or the trailer's signature is wrong
  //   MalformedTrailerError  a trailer that was not announced, or a broken line
  //   InvalidRequest         a checksum trailer that is none
  Result<> push(std::string_view bytes, std::vector<std::string_view>& content);

  // The body has ended. The trailers (never x-amz-trailer-signature), in order.
  //   IncompleteBody         the last chunk, the end, or some of the content is missing
  //   MalformedTrailerError  what was announced did not come
  //   BadDigest              a checksum trailer is not that of the content
  Result<std::vector<Trailer>> finish();

 private:
  enum class State : std::uint8_t { header, data, data_end, trailer, done };

  Result<> take_line(std::string_view line);
  Result<> begin_chunk(std::string_view line);
  Result<> take_data(std::string_view& bytes, std::vector<std::string_view>& content);
  Result<> end_chunk();
  Result<> take_trailer(std::string_view line);
  Result<> end_trailers();
  bool may_skip_blank();
  Result<> check_trailer_signature();
  Result<> check_checksum() const;
  bool is_checked() const { return options_.signatures == ChunkSignatures::checked; }
  bool is_signed() const;
  bool is_trailing() const;

  ChunkedOptions options_;
  std::vector<std::string> announced_;
  std::optional<Checksum> checksum_;  // of the content, where a trailer will name one
  State state_ = State::header;
  std::string line_;         // the part of a line that came so far
  std::uint64_t chunk_ = 0;  // how many began
  std::uint64_t chunk_bytes_ = 0;
  std::uint64_t chunk_left_ = 0;
  std::uint64_t decoded_bytes_ = 0;
  std::string chunk_signature_;
  std::string previous_signature_;
  Sha256 chunk_hash_;
  std::vector<Trailer> trailers_;
  std::string trailer_signature_;
  bool blank_skipped_ = false;
};

}  // namespace slipway::wire
