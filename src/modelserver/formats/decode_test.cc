#include "modelserver/formats/decode.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "modelserver/formats/recordio.h"

namespace slipway::modelserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const ModelSignature table{{{"x", ElementType::float32, {any_size, 3}}},
                           {{"y", ElementType::float32, {any_size, 1}}}};
const ModelSignature mixed{{{"age", ElementType::int64, {any_size, 1}},
                            {"name", ElementType::string, {any_size, 1}},
                            {"pair", ElementType::float64, {any_size, 2}}},
                           {}};

ModelSignature one(ElementType type, TensorShape shape) {
  return {{{"x", type, std::move(shape)}}, {}};
}

template <typename T>
std::vector<T> values(const Tensor& tensor) {
  return {tensor.data<T>(), tensor.data<T>() + tensor.size()};
}

// The first input of the decoded body; fails the test where it is refused.
Tensor first(const ModelSignature& signature, ContentType type, std::string_view body) {
  DecodedRequest request;
  const auto decoded = decode(signature, type, {}, body, request);
  EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
  return decoded ? request.inputs[0] : Tensor{};
}

std::string refusal(const ModelSignature& signature, ContentType type, std::string_view body) {
  DecodedRequest request;
  const auto decoded = decode(signature, type, {}, body, request);
  EXPECT_FALSE(decoded) << body;
  return decoded ? "" : decoded.error().message;
}

TEST(ContentTypes, AreKnownWithoutTheirParametersAndInAnyCase) {
  EXPECT_EQ(content_type_of("text/csv"), ContentType::csv);
  EXPECT_EQ(content_type_of("Text/CSV; charset=utf-8"), ContentType::csv);
  EXPECT_EQ(content_type_of("application/json;charset=UTF-8"), ContentType::json);
  EXPECT_EQ(content_type_of("application/x-npy"), ContentType::npy);
  EXPECT_EQ(content_type_of(""), ContentType::unknown);
  EXPECT_EQ(content_type_of("image/png"), ContentType::unknown);
}

TEST(Csv, OfTheXgboostImageMayBePartedOtherwise) {
  for (const auto* const body : {"1,2,3\n", "1;2;3\n", "1\t2\t3\n", "1|2|3\n", "1 2 3\n"}) {
    DecodedRequest request;
    ASSERT_TRUE(decode(table, ContentType::csv, {Delimiters::sniffed}, body, request)) << body;
    EXPECT_THAT(values<float>(request.inputs[0]), ElementsAre(1, 2, 3)) << body;
  }
  EXPECT_THAT(refusal(table, ContentType::csv, "1;2;3\n"), HasSubstr("'1;2;3' is no float32"));
}

TEST(Csv, AHeaderLineIsCalledOne) {
  EXPECT_THAT(refusal(table, ContentType::csv, "a,b,c\n1,2,3\n"), HasSubstr("header line"));
}

TEST(Integers, AreTakenExactlyOrNotAtAll) {
  const auto read = [](std::string_view body) {
    return values<std::int64_t>(
        first(one(ElementType::int64, {any_size}), ContentType::json, body));
  };
  EXPECT_THAT(read("[9007199254740993.0, 1e17, -1.50e1, 3.0, 0.0e5, 9223372036854775807]"),
              ElementsAre(9007199254740993, 100000000000000000, -15, 3, 0,
                          std::numeric_limits<std::int64_t>::max()));
  for (const auto* const body : {"[1.5]", "[1e-1]", "[1e19]", "[9223372036854775808.0]", "[1e400]"})
    refusal(one(ElementType::int64, {any_size}), ContentType::json, body);
}

TEST(Scalars, TakeOneValueForAllRecords) {
  const ModelSignature both{
      {{"x", ElementType::float32, {any_size, 2}}, {"s", ElementType::float32, {}}}, {}};
  const auto scalar = [&](std::string_view body) {
    DecodedRequest request;
    const auto decoded = decode(both, ContentType::json, {}, body, request);
    EXPECT_TRUE(decoded) << (decoded ? "" : decoded.error().message);
    EXPECT_EQ(request.inputs[1].shape, TensorShape{});
    return values<float>(request.inputs[1]);
  };
  EXPECT_THAT(scalar(R"({"inputs": {"x": [[1, 2], [3, 4]], "s": 5}})"), ElementsAre(5));
  EXPECT_THAT(scalar(R"({"instances": [{"x": [1, 2], "s": 5}, {"x": [3, 4], "s": 5}]})"),
              ElementsAre(5));
  for (const auto* const body : {R"({"instances": [{"x": [1, 2], "s": 5}, {"x": [3, 4], "s": 6}]})",
                                 R"({"inputs": {"x": [[1, 2], [3, 4]], "s": [5, 6]}})",
                                 R"({"inputs": {"x": [[1, 2]], "s": []}})"})
    EXPECT_THAT(refusal(both, ContentType::json, body), HasSubstr("'s' is a scalar"));
  EXPECT_THAT(refusal(both, ContentType::csv, "1,2,5\n3,4,6\n"), HasSubstr("'s' is a scalar"));
  const ModelSignature open{{{"x", ElementType::float32, {}, true}}, {}};
  EXPECT_EQ(first(open, ContentType::json, "[[1, 2]]").shape, (TensorShape{1, 2}));
}

TEST(Json, ColumnsMayBeListsAndABareRecordHasBareValues) {
  const ModelSignature people{
      {{"age", ElementType::int64, {any_size, 1}}, {"name", ElementType::string, {any_size, 1}}},
      {}};
  for (const auto* const body : {R"({"age": [30, 41], "name": ["a", "b"]})",
                                 R"({"inputs": {"age": [30, 41], "name": ["a", "b"]}})"}) {
    const auto ages = first(people, ContentType::json, body);
    EXPECT_EQ(ages.shape, (TensorShape{2, 1}));
    EXPECT_THAT(values<std::int64_t>(ages), ElementsAre(30, 41));
  }
  EXPECT_EQ(first(people, ContentType::json, R"({"age": 30, "name": "a"})").shape,
            (TensorShape{1, 1}));
}

TEST(Csv, IsARecordPerLine) {
  const auto plain = first(table, ContentType::csv, "1,2,3\n4,5.5,-6e1\n");
  EXPECT_EQ(plain.shape, (TensorShape{2, 3}));
  EXPECT_THAT(values<float>(plain), ElementsAre(1, 2, 3, 4, 5.5, -60));
  const auto same = {"1,2,3\r\n4,5.5,-6e1", "\n1,2,3\n\n4,5.5,-6e1\n\n", "1, 2 ,3\n4,5.5,-6e1",
                     "\"1\",\"2\",\"3\"\n\"4\",5.5,-6e1\n"};
  for (const auto* const body : same) {
    EXPECT_EQ(values<float>(first(table, ContentType::csv, body)), values<float>(plain)) << body;
  }
}

TEST(Csv, AnEmptyFieldIsMissing) {
  const auto tensor = first(table, ContentType::csv, "1,,3\n,,\n");
  EXPECT_EQ(tensor.shape, (TensorShape{2, 3}));
  EXPECT_TRUE(std::isnan(tensor.data<float>()[1]));
  EXPECT_TRUE(std::isnan(tensor.data<float>()[5]));
}

TEST(Csv, ColumnsAreDealtToTheInputsInTheirOrder) {
  DecodedRequest request;
  ASSERT_TRUE(
      decode(mixed, ContentType::csv, {}, "41,\"Ann, \"\"A\"\"\",1.5,2\n7,Bob,3,4\n", request));
  EXPECT_THAT(values<std::int64_t>(request.inputs[0]), ElementsAre(41, 7));
  EXPECT_THAT(request.inputs[1].strings, ElementsAre("Ann, \"A\"", "Bob"));
  EXPECT_THAT(values<double>(request.inputs[2]), ElementsAre(1.5, 2, 3, 4));
  EXPECT_EQ(request.inputs[2].shape, (TensorShape{2, 2}));
}

TEST(Csv, FillsShapesOfAnyRank) {
  const auto image =
      first(one(ElementType::float32, {any_size, 2, 1, 2}), ContentType::csv, "1,2,3,4\n5,6,7,8\n");
  EXPECT_EQ(image.shape, (TensorShape{2, 2, 1, 2}));
  const auto vector = one(ElementType::float32, {any_size});
  EXPECT_EQ(first(vector, ContentType::csv, "1\n2\n3\n").shape, (TensorShape{3}));
  EXPECT_EQ(first(vector, ContentType::csv, "1,2,3\n").shape, (TensorShape{3}));
  EXPECT_EQ(first(one(ElementType::int32, {}), ContentType::csv, "7").shape, TensorShape{});
}

TEST(Csv, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(refusal(table, ContentType::csv, "1,2\n"), HasSubstr("float32 [N, 3]"));
  EXPECT_THAT(refusal(table, ContentType::csv, "1,2,x\n"), HasSubstr("line 1, column 3: 'x'"));
  EXPECT_THAT(refusal(table, ContentType::csv, "1,2,3\n1,2,3,4\n"),
              HasSubstr("line 2 has 4 columns"));
  EXPECT_THAT(refusal(table, ContentType::csv, ""), HasSubstr("no record"));
  EXPECT_THAT(refusal(table, ContentType::csv, "\n \n"), HasSubstr("no record"));
  EXPECT_THAT(refusal(table, ContentType::csv, "1,2,\"3\n"), HasSubstr("quoted"));
  EXPECT_THAT(refusal(mixed, ContentType::csv, "1.5,a,1,2\n"), HasSubstr("'1.5' is no int64"));
  EXPECT_THAT(refusal(mixed, ContentType::csv, "1,a,1\n"), HasSubstr("3 columns, and 4 are due"));
}

TEST(Json, EveryLayoutMeansTheSame) {
  for (const auto* const body :
       {"[[1, 2, 3], [4, 5, 6]]", R"({"instances": [[1, 2, 3], [4, 5, 6]]})",
        R"({"signature_name": "s", "instances": [{"x": [1, 2, 3]}, {"x": [4, 5, 6]}]})",
        R"([{"x": [1, 2, 3]}, {"features": [4, 5, 6]}])", R"({"inputs": [[1, 2, 3], [4, 5, 6]]})",
        R"({"inputs": {"x": [[1, 2, 3], [4, 5, 6]]}})", R"({"x": [[1, 2, 3], [4, 5, 6]]})"}) {
    const auto tensor = first(table, ContentType::json, body);
    EXPECT_EQ(tensor.shape, (TensorShape{2, 3})) << body;
    EXPECT_THAT(values<float>(tensor), ElementsAre(1, 2, 3, 4, 5, 6)) << body;
  }
  EXPECT_EQ(first(table, ContentType::json, "[1, 2, 3]").shape, (TensorShape{1, 3}));
  const auto lines = first(table, ContentType::json_lines, "[1,2,3]\n\n{\"x\": [4,5,6]}\n");
  EXPECT_THAT(values<float>(lines), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Json, TheWordInputsAsksForOutputs) {
  DecodedRequest request;
  ASSERT_TRUE(decode(table, ContentType::json, {}, R"({"inputs": [[1, 2, 3]]})", request));
  EXPECT_EQ(request.style, AnswerStyle::outputs);
  ASSERT_TRUE(decode(table, ContentType::json, {}, "[[1, 2, 3]]", request));
  EXPECT_EQ(request.style, AnswerStyle::predictions);
}

TEST(Json, IntegersKeepAllTheirDigits) {
  const auto tensor = first(one(ElementType::int64, {any_size}), ContentType::json,
                            "[9223372036854775807, -9223372036854775808, 3.0, 1e3]");
  EXPECT_THAT(values<std::int64_t>(tensor), ElementsAre(INT64_MAX, INT64_MIN, 3, 1000));
  refusal(one(ElementType::int64, {any_size}), ContentType::json, "[9223372036854775808]");
  refusal(one(ElementType::uint8, {any_size}), ContentType::json, "[256]");
  refusal(one(ElementType::uint8, {any_size}), ContentType::json, "[-1]");
  refusal(one(ElementType::int32, {any_size}), ContentType::json, "[1.5]");
}

TEST(Json, StringsAreUnescaped) {
  const auto tensor = first(one(ElementType::string, {any_size}), ContentType::json,
                            R"(["a\"\\\n", "\u00fc\ud83d\ude00", ""])");
  EXPECT_THAT(tensor.strings, ElementsAre("a\"\\\n", "\u00fc\U0001F600", ""));
  for (const auto* const body : {R"(["\ud83d"])", R"(["\x"])", "[\"a", R"(["\u12)", "[\"\n\"]"})
    refusal(one(ElementType::string, {any_size}), ContentType::json, body);
}

TEST(Json, NotANumberIsRead) {
  const auto tensor = first(table, ContentType::json, "[[NaN, -Infinity, null]]");
  EXPECT_TRUE(std::isnan(values<float>(tensor)[0]) && std::isnan(values<float>(tensor)[2]));
  refusal(one(ElementType::int32, {any_size}), ContentType::json, "[NaN]");
  refusal(one(ElementType::int32, {any_size}), ContentType::json, "[null]");
}

TEST(Json, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(refusal(table, ContentType::json, "[[1, 2]]"), HasSubstr("float32 [1, 2] came"));
  EXPECT_THAT(refusal(table, ContentType::json, "[[1, 2, 3], [4]]"), HasSubstr("one shape"));
  EXPECT_THAT(refusal(table, ContentType::json, R"([[1, 2, "3"]])"), HasSubstr("byte 8"));
  EXPECT_THAT(refusal(table, ContentType::json, R"({"inputs": {"z": [1]}})"),
              HasSubstr("no input 'z'"));
  EXPECT_THAT(refusal(table, ContentType::json, R"({"instances": []})"), HasSubstr("no record"));
  EXPECT_THAT(refusal(table, ContentType::json, R"({"x": [1,2,3], "x": [1,2,3]})"),
              HasSubstr("twice"));
  EXPECT_THAT(refusal(mixed, ContentType::json, R"({"instances": [{"age": 1, "name": "a"}]})"),
              HasSubstr("missing"));
  EXPECT_THAT(refusal(mixed, ContentType::json, "[[1, 2]]"), HasSubstr("needs its name"));
  for (const auto* const body :
       {"", "{", "[", "[1,", "[1 2]", "[[1,2,3]]x", "nope", "{\"inputs\"", "[1,2,3]]"})
    refusal(table, ContentType::json, body);
}

TEST(Json, DepthHasALimit) {
  refusal(one(ElementType::float32, {}), ContentType::json, std::string(100'000, '['));
  refusal(table, ContentType::json, "{\"a\": " + std::string(100'000, '[') + "}");
}

// What numpy.save writes, from its parts.
std::string npy(std::string_view type, std::string_view fortran, std::string_view shape,
                std::string_view data) {
  std::string header = "{'descr': '" + std::string(type) +
                       "', 'fortran_order': " + std::string(fortran) +
                       ", 'shape': " + std::string(shape) + ", }\n";
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size());
  out += '\0';
  return out + header + std::string(data);
}

template <typename T>
std::string bytes_of(std::vector<T> list) {
  return {reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T)};
}

TEST(Npy, EveryOrderAndTypeIsRead) {
  const std::string c = bytes_of<float>({1, 2, 3, 4, 5, 6});
  EXPECT_THAT(values<float>(first(table, ContentType::npy, npy("<f4", "False", "(2, 3)", c))),
              ElementsAre(1, 2, 3, 4, 5, 6));
  const std::string f = bytes_of<double>({1, 4, 2, 5, 3, 6});
  EXPECT_THAT(values<float>(first(table, ContentType::npy, npy("<f8", "True", "(2, 3)", f))),
              ElementsAre(1, 2, 3, 4, 5, 6));
  const std::string big("\x00\x01\x00\x02\x00\x03", 6);
  EXPECT_THAT(values<float>(first(table, ContentType::npy, npy(">u2", "False", "(3,)", big))),
              ElementsAre(1, 2, 3));
  const std::string truth("\x01\x00\x01", 3);
  EXPECT_THAT(values<std::uint8_t>(first(one(ElementType::boolean, {any_size}), ContentType::npy,
                                         npy("|b1", "False", "(3,)", truth))),
              ElementsAre(1, 0, 1));
}

TEST(Npy, AnArrayWithoutRecordsIsOne) {
  EXPECT_EQ(first(table, ContentType::npy, npy("<f4", "False", "(0, 3)", "")).shape,
            TensorShape({0, 3}));
}

TEST(Npy, WhatIsBrokenIsRefused) {
  const std::string data = bytes_of<float>({1, 2, 3});
  const std::string fine = npy("<f4", "False", "(1, 3)", data);
  for (std::size_t cut = 0; cut < fine.size(); ++cut)
    refusal(table, ContentType::npy, std::string_view(fine).substr(0, cut));
  refusal(table, ContentType::npy, npy("<f4", "False", "(99999999999, 99999999999)", data));
  refusal(table, ContentType::npy, npy("<f4", "False", "(-1, 3)", data));
  refusal(table, ContentType::npy, npy("|O", "False", "(1, 3)", data));
  refusal(table, ContentType::npy, npy("<f3", "False", "(1, 3)", data));
  refusal(table, ContentType::npy, npy("[('a', '<f4')]", "False", "(1, 3)", data));
  EXPECT_THAT(refusal(one(ElementType::int8, {any_size}), ContentType::npy,
                      npy("<f4", "False", "(1,)", bytes_of<float>({1.5}))),
              HasSubstr("int8 cannot hold"));
  EXPECT_THAT(refusal(mixed, ContentType::npy, fine), HasSubstr("several inputs"));
}

TEST(Libsvm, WhatIsAbsentIsMissing) {
  const auto tensor =
      first(table, ContentType::libsvm, "1 0:1.5 2:-2\n\n1:7 # note\n0 qid:3 1:8\n");
  EXPECT_EQ(tensor.shape, (TensorShape{3, 3}));
  const auto list = values<float>(tensor);
  EXPECT_EQ(list[0], 1.5);
  EXPECT_TRUE(std::isnan(list[1]) && std::isnan(list[3]));
  EXPECT_EQ(list[2], -2);
  EXPECT_EQ(list[4], 7);
  EXPECT_EQ(list[7], 8);
  for (const auto* const body : {"", "1 3:1", "1 -1:1", "1 0:x", "1 0:", "1 :1", "1 2 0:1"})
    refusal(table, ContentType::libsvm, body);
  EXPECT_THAT(refusal(mixed, ContentType::libsvm, "1 0:1"), HasSubstr("one float32 input"));
}

TEST(Libsvm, IndicesCountFromOneWhereTheImageSaysSoAndNoneIsZero) {
  DecodedRequest request;
  const Dialect sniffed{.indices = LibsvmIndices::sniffed};
  ASSERT_TRUE(decode(table, ContentType::libsvm, sniffed, "1 1:5 3:7\n0 2:6 # 0:1\n", request));
  const auto from_one = values<float>(request.inputs[0]);
  EXPECT_EQ(from_one[0], 5);
  EXPECT_EQ(from_one[2], 7);
  EXPECT_EQ(from_one[4], 6);
  ASSERT_TRUE(decode(table, ContentType::libsvm, sniffed, "1 1:5\n0 0:6\n", request));
  EXPECT_EQ(values<float>(request.inputs[0])[1], 5);
  const auto beyond = decode(table, ContentType::libsvm, sniffed, "1 1:5 4:7\n", request);
  ASSERT_FALSE(beyond);
  EXPECT_THAT(beyond.error().message, HasSubstr("from 1 to 3"));
}

// "\x1a\x05..." of a field of bytes, and a record of one feature in its frame.
std::string bytes_field(int number, const std::string& data) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(data.size())} + data;
}

std::string record_of(int tensor_field, const std::string& tensor,
                      const std::string& name = "values") {
  const std::string value = bytes_field(2, bytes_field(tensor_field, tensor));
  std::string framed;
  recordio::append_frame(framed, bytes_field(1, bytes_field(1, name) + value));
  return framed;
}

TEST(Recordio, RecordsAreDenseOrSparseAndOfThreeTypes) {
  const std::string dense = bytes_field(1, bytes_of<float>({1.5, 2, 3}));
  const std::string sparse = bytes_field(1, bytes_of<double>({4, 5})) +
                             bytes_field(2, std::string("\x02\x00", 2)) + bytes_field(3, "\x03");
  const std::string whole = bytes_field(1, "\x07\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  const std::string nothing = bytes_field(3, "\x03");
  const auto tensor = first(
      table, ContentType::recordio,
      record_of(2, dense) + record_of(3, sparse) + record_of(7, whole) + record_of(2, nothing));
  EXPECT_EQ(tensor.shape, (TensorShape{4, 3}));
  const auto list = values<float>(tensor);
  EXPECT_THAT(std::vector(list.begin(), list.begin() + 3), testing::ElementsAre(1.5, 2, 3));
  EXPECT_EQ(list[3], 5);
  EXPECT_TRUE(std::isnan(list[4]));
  EXPECT_EQ(list[5], 4);
  EXPECT_THAT(std::vector(list.begin() + 6, list.begin() + 9), testing::ElementsAre(7, 8, -1));
  EXPECT_TRUE(std::isnan(list[9]) && std::isnan(list[10]) && std::isnan(list[11]));
}

TEST(Recordio, WhatIsNoSuchRecordIsRefusedWithItsPlace) {
  const std::string fine = record_of(2, bytes_field(1, bytes_of<float>({1, 2, 3})));
  const auto place = fmt::format("record 2 (byte {}): ", fine.size());
  const auto said = [&](const std::string& second) {
    return refusal(table, ContentType::recordio, fine + second);
  };
  const std::string two = bytes_field(1, bytes_of<float>({1, 2}));
  EXPECT_THAT(said(fine.substr(0, 20)), HasSubstr(place + "it has"));
  EXPECT_THAT(said("\n#"), HasSubstr(place + "its frame is cut off"));
  EXPECT_THAT(said("1,2,3,4,5"), HasSubstr(place + "it does not begin as a RecordIO frame"));
  EXPECT_THAT(said(record_of(2, two)), HasSubstr("it has 2 values, and 3 are due"));
  EXPECT_THAT(said(record_of(2, two, "more")), HasSubstr("it has features 'more'"));
  EXPECT_THAT(said(record_of(9, two)), HasSubstr("bytes, and no numbers"));
  EXPECT_THAT(said(record_of(2, two + bytes_field(2, "\x01"))), HasSubstr("1 keys for 2 values"));
  EXPECT_THAT(said(record_of(2, two + bytes_field(2, "\x01\x03"))), HasSubstr("its key 3"));
  EXPECT_THAT(said(record_of(2, two + bytes_field(2, "\x01\x01"))), HasSubstr("comes twice"));
  EXPECT_THAT(said(record_of(2, bytes_field(3, "\x04"))), HasSubstr("more than 3 columns"));
  std::string foreign;
  recordio::append_frame(foreign, "\x0a\x7f");
  EXPECT_THAT(said(foreign), HasSubstr("no record of SageMaker's"));
  foreign.clear();
  recordio::append_frame(foreign, bytes_field(2, ""));
  EXPECT_THAT(said(foreign), HasSubstr("no features 'values'"));
  EXPECT_THAT(refusal(mixed, ContentType::recordio, fine), HasSubstr("one float32 input"));
}

TEST(Tensors, HalfFloatsRoundAsTheStandardSays) {
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const auto bits = static_cast<std::uint16_t>(half);
    const float value = half_to_float(bits);
    if (!std::isnan(value)) EXPECT_EQ(to_half(static_cast<double>(value)), bits);
  }
  EXPECT_EQ(to_half(65519.0), 0x7BFF);
  EXPECT_EQ(to_half(65520.0), 0x7C00);
  EXPECT_EQ(to_half(1.0 + 0x1p-11), 0x3C00);  // a tie goes to the even one
  // Rounded once: by way of a float these would go to the other side.
  EXPECT_EQ(to_half(65519.999999), 0x7BFF);
  EXPECT_EQ(to_half(1.0 + 0x1p-11 + 0x1p-40), 0x3C01);
  EXPECT_EQ(to_half(0x1p-25), 0x0000);
  EXPECT_EQ(to_half(0x1p-25 + 0x1p-60), 0x0001);
  EXPECT_EQ(to_half(-0.0), 0x8000);
  EXPECT_TRUE(std::isnan(half_to_float(to_half(std::nan("")))));
}

}  // namespace
}  // namespace slipway::modelserver
