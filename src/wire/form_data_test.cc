#include "wire/form_data.h"

#include <gtest/gtest.h>

namespace slipway::wire {
namespace {

constexpr std::string_view type = "multipart/form-data; boundary=xYz";

struct Read {
  std::vector<FormField> fields;
  std::optional<std::string> file_name;
  std::string file;
};

// As it comes in pieces of that many bytes.
Result<Read> read(std::string_view body, std::size_t piece = 1 << 20,
                  std::string_view content_type = type) {
  TRY(FormReader reader, FormReader::of(content_type));
  Read out;
  std::vector<std::string_view> pieces;
  while (!body.empty()) {
    TRY_DO(reader.push(body.substr(0, piece), pieces));
    for (const std::string_view each : pieces) out.file += each;
    pieces.clear();
    body.remove_prefix(std::min(piece, body.size()));
  }
  TRY_DO(reader.finish());
  out.fields = reader.fields();
  out.file_name = reader.file_name();
  return out;
}

std::string part(std::string_view disposition, std::string_view value) {
  std::string out = "--xYz\r\nContent-Disposition: ";
  out.append(disposition).append("\r\n\r\n").append(value).append("\r\n");
  return out;
}

std::string form(std::string_view file) {
  return part("form-data; name=\"key\"", "a/${filename}") +
         part("form-data; name=\"x-amz-meta-a\"", "") +
         "--xYz\r\ncontent-disposition:form-data; filename=\"C:\\dir\\q "
         "\\\"1\\\".txt\";name=file\r\n"
         "Content-Type: text/plain\r\n\r\n" +
         std::string(file) + "\r\n" + part("form-data; name=\"submit\"", "late") + "--xYz--\r\n";
}

TEST(FormReader, SplitsFieldsFromTheFileWhereverThePiecesEnd) {
  const std::string file = "one\r\n\r\n--xY\r\r\n--xYy\n--xYz\r";
  for (std::size_t piece = 1; piece < 400; ++piece) {
    const auto got = read(form(file), piece);
    ASSERT_TRUE(got) << piece;
    ASSERT_EQ(got->fields.size(), 2u);
    EXPECT_EQ(got->fields[0].name, "key");
    EXPECT_EQ(got->fields[0].value, "a/${filename}");
    EXPECT_EQ(got->fields[1].value, "");
    EXPECT_EQ(got->file_name, "C:\\dir\\q \"1\".txt");
    EXPECT_EQ(got->file, file) << piece;
  }
}

TEST(FormReader, TakesAPreambleAQuotedBoundaryAndAnEmptyFile) {
  const auto got = read("hello\r\n" + form(""), 7, "Multipart/Form-Data; boundary=\"xYz\"");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->file, "");
  const std::string body =
      part("form-data; name=\"file\"; filename=\"a\"; filename*=utf-8''n%C3%A4.txt", "x") +
      "--xYz--";
  EXPECT_EQ(read(body)->file_name, "n\xc3\xa4.txt");
  EXPECT_EQ(read(part("form-data; name=\"file\"", "x") + "--xYz--")->file_name, std::nullopt);
}

TEST(FormReader, RefusesWhatIsNoForm) {
  const auto kind = [](const Result<Read>& got) { return got ? "" : got.error().kind; };
  EXPECT_EQ(kind(read("", 1, "multipart/form-data")), "MalformedPOSTRequest");
  EXPECT_EQ(kind(read("nothing of the kind")), "MalformedPOSTRequest");
  EXPECT_EQ(kind(read("--xYz\r\n\r\n\r\nx\r\n--xYz--")), "MalformedPOSTRequest");
  EXPECT_EQ(kind(read("--xYz-\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--xYz--")),
            "MalformedPOSTRequest");
  const std::string cut = form("file");
  EXPECT_EQ(kind(read(cut.substr(0, cut.find("file\r\n--") + 6))), "MalformedPOSTRequest");
  const auto none = read(part("form-data; name=\"key\"", "k") + "--xYz--\r\n");
  EXPECT_EQ(kind(none), "InvalidArgument");
  // Only a part of a form is the file, whatever else is named so.
  EXPECT_EQ(kind(read(part("file; name=\"file\"", "x") + "--xYz--")), "InvalidArgument");
}

TEST(FormReader, HoldsNoMoreThanTheFieldsMayTake) {
  const std::string most(FormReader::fields_bytes_max - 1, 'v');
  const std::string file = part("form-data; name=\"file\"", "x") + "--xYz--";
  EXPECT_TRUE(read(part("form-data; name=a", most) + file, 100));
  const auto more = read(part("form-data; name=ab", most) + file, 100);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().kind, "MaxPostPreDataLengthExceeded");
  // Without an end to it, or in parts without number.
  const std::string endless(4 << 20, 'v');
  EXPECT_EQ(read(part("form-data; name=a", endless)).error().kind, "MaxPostPreDataLengthExceeded");
  EXPECT_EQ(read(endless, 1000).error().kind, "MaxPostPreDataLengthExceeded");
  std::string parts;
  while (parts.size() < FormReader::front_bytes_max) parts += part("form-data; name=a", "");
  EXPECT_EQ(read(parts + file).error().kind, "MaxPostPreDataLengthExceeded");
  // The file may be as large as it likes.
  EXPECT_EQ(read(form(endless))->file, endless);
}

}  // namespace
}  // namespace slipway::wire
