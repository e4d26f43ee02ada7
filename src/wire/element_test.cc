#include "wire/element.h"

#include <string>

#include <gtest/gtest.h>

namespace slipway::wire {
namespace {

std::string xml_error(std::string_view text) {
  Arena arena;
  const auto root = parse_xml(text, arena);
  return root ? "" : root.error().message;
}

const Element* form(std::string_view text, Arena& arena) {
  const auto root = parse_form({&text, 1}, arena);
  return root ? *root : nullptr;
}

TEST(Xml, ReadsElementsAttributesAndEntitiesOfXmlItself) {
  Arena arena;
  const auto root = parse_xml("<a x:y='1'><b>p &lt; q&#10;</b><ns:c/></a>", arena);
  ASSERT_TRUE(root);
  EXPECT_EQ((*root)->attribute("x:y")->value, "1");
  EXPECT_EQ((*root)->child("b")->text, "p < q\n");
  EXPECT_NE((*root)->child("c"), nullptr);
}

TEST(Xml, RefusesDocumentTypesAndSoEveryEntityBomb) {
  EXPECT_EQ(xml_error(R"(<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>)"),
            "A document type declaration is not allowed in the XML document");
  EXPECT_EQ(xml_error(R"(<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>)"),
            "A document type declaration is not allowed in the XML document");
}

TEST(Xml, RefusesDepthAndCountsBeyondTheLimits) {
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "<a>";
  EXPECT_EQ(xml_error(deep), "The XML document is nested too deeply");
  std::string wide = "<a>";
  for (int i = 0; i < 300'000; ++i) wide += "<b/>";
  EXPECT_EQ(xml_error(wide + "</a>"), "The XML document has too many elements");
}

TEST(Xml, SaysWhereItIsNotWellFormed) {
  EXPECT_TRUE(xml_error("<a>\n<b></a>").contains("at line 2")) << xml_error("<a>\n<b></a>");
  EXPECT_NE(xml_error(""), "");
  EXPECT_NE(xml_error("<a>&nbsp;</a>"), "");
  EXPECT_NE(xml_error("<a>\xFF</a>"), "");
}

TEST(Form, MakesATreeOfDottedNames) {
  Arena arena;
  const Element* root =
      form("Tags.member.1.Key=a&Tags.member.10.Key=c&Tags.member.2.Key=b+b%2Bb&Tags-x=1&Action=A",
           arena);
  ASSERT_NE(root, nullptr);
  const Element* list = root->child("Tags")->child("member");
  EXPECT_EQ(list->child("1")->child("Key")->text, "a");
  EXPECT_EQ(list->child("2")->child("Key")->text, "b b+b");
  EXPECT_EQ(root->child("Tags-x")->text, "1");
}

TEST(Form, KeepsAValueThatHasChildrenToo) {
  Arena arena;
  const Element* root = form("Tags=&Tags.member.1=x&Tags!=y", arena);
  EXPECT_EQ(root->child("Tags")->child("member")->child("1")->text, "x");
  EXPECT_EQ(root->child("Tags!")->text, "y");
}

TEST(Form, OfANameGivenTwiceTheLastCounts) {
  Arena arena;
  EXPECT_EQ(form("A=1&A=2", arena)->child("A")->text, "2");
}

TEST(Form, RefusesDepthAndCountsBeyondTheLimits) {
  Arena arena;
  std::string deep = "a";
  for (int i = 0; i < 100; ++i) deep += ".a";
  EXPECT_EQ(form(deep + "=1", arena), nullptr);
  std::string wide;
  for (int i = 0; i < 30'000; ++i) wide += "a" + std::to_string(i) + "=&";
  EXPECT_EQ(form(wide, arena), nullptr);
  EXPECT_NE(form("", arena), nullptr);
  EXPECT_NE(form("&&=&.&..=1", arena), nullptr);
}

}  // namespace
}  // namespace slipway::wire
