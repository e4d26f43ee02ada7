#include "wire/element.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <expat.h>

#include "base/encoding.h"
#include "wire/scalar.h"

namespace slipway::wire {
namespace {

constexpr std::size_t xml_depth_max = 64;
constexpr std::size_t xml_elements_max = 250'000;
constexpr std::size_t xml_attributes_max = 250'000;
constexpr std::size_t form_parameters_max = 20'000;
constexpr std::size_t form_depth_max = 64;

std::string_view without_prefix(std::string_view name) {
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

// Builds the tree from expat's calls.
class XmlBuilder {
 public:
  explicit XmlBuilder(Arena& arena) : arena_(arena), root_(arena.make_array<Element>(1)) {
    open_.push_back(root_);
  }

  Result<const Element*> parse(std::string_view text) {
    const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(XML_ParserCreate("UTF-8"),
                                                                         XML_ParserFree);
    parser_ = parser.get();
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(parser_, on_start, on_end);
    XML_SetCharacterDataHandler(parser_, on_text);
    XML_SetStartDoctypeDeclHandler(parser_, on_doctype);
    const auto status = XML_Parse(parser_, text.data(), static_cast<int>(text.size()), XML_TRUE);
    if (!error_.empty()) return unreadable(std::move(error_));
    if (status != XML_STATUS_OK) return unreadable(position());
    return root_->first;
  }

 private:
  static XmlBuilder& self(void* data) { return *static_cast<XmlBuilder*>(data); }
  static void on_start(void* data, const char* name, const char** attributes) {
    self(data).start(name, attributes);
  }
  static void on_end(void* data, const char*) { self(data).end(); }
  static void on_text(void* data, const char* text, int size) {
    self(data).text_.append(text, static_cast<std::size_t>(size));
  }
  static void on_doctype(void* data, const char*, const char*, const char*, int) {
    self(data).stop("A document type declaration is not allowed in the XML document");
  }

  void stop(std::string why) {
    if (error_.empty()) error_ = std::move(why);
    XML_StopParser(parser_, XML_FALSE);
  }

  std::string position() const {
    return "The XML document is not well-formed: " +
           std::string(XML_ErrorString(XML_GetErrorCode(parser_))) + " at line " +
           std::to_string(XML_GetCurrentLineNumber(parser_));
  }

  void start(const char* name, const char** attributes) {
    if (open_.size() > xml_depth_max) return stop("The XML document is nested too deeply");
    if (++elements_ > xml_elements_max) return stop("The XML document has too many elements");
    text_.clear();
    Element& element = add_child(*open_.back(), without_prefix(arena_.copy(name)), arena_);
    open_.push_back(&element);
    for (; *attributes != nullptr; attributes += 2) {
      if (++attributes_ > xml_attributes_max)
        return stop("The XML document has too many attributes");
      XmlAttribute* added = arena_.make_array<XmlAttribute>(1);
      *added = {arena_.copy(attributes[0]), arena_.copy(attributes[1]), element.attributes};
      element.attributes = added;
    }
  }

  void end() {
    Element& element = *open_.back();
    if (element.first == nullptr) element.text = arena_.copy(text_);
    text_.clear();
    open_.pop_back();
  }

  Arena& arena_;
  Element* root_;
  XML_Parser parser_ = nullptr;
  std::vector<Element*> open_;
  std::string text_;
  std::string error_;
  std::size_t elements_ = 0;
  std::size_t attributes_ = 0;
};

struct Parameter {
  std::string_view name;
  std::string_view value;
  std::size_t order;
};

std::string_view decoded(std::string_view text, Arena& arena) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  return arena.copy(percent_decode(text, PlusSign::space));
}

// Whether `a` comes before `b`, a dot before every other character, so that what shares a prefix
// stands together; equal names keep their order.
bool by_path(const Parameter& a, const Parameter& b) {
  const auto [x, y] = std::ranges::mismatch(a.name, b.name);
  if (y == b.name.end()) return x == a.name.end() && a.order < b.order;
  if (x == a.name.end() || *x == '.') return true;
  return *y != '.' && static_cast<unsigned char>(*x) < static_cast<unsigned char>(*y);
}

Result<void> split_form(std::string_view text, std::vector<Parameter>& out, Arena& arena) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    if (out.size() == form_parameters_max) return unreadable("The request has too many parameters");
    const auto equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    out.push_back({decoded(pair.substr(0, equals), arena), decoded(value, arena), out.size()});
    // It goes into documents that could not be read otherwise.
    if (!is_utf8(out.back().name) || !is_utf8(out.back().value))
      return unreadable("A parameter of the request is not UTF-8");
  }
  return {};
}

// Places one parameter; `path` holds the elements of the one before, from the root down.
Result<void> place(const Parameter& parameter, std::vector<Element*>& path, Arena& arena) {
  std::string_view rest = parameter.name;
  std::size_t depth = 1;
  while (true) {
    const auto dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    if (depth > form_depth_max) return unreadable("A parameter name is nested too deeply");
    if (depth == path.size() || path[depth]->name != part) {
      path.resize(depth);
      path.push_back(&add_child(*path.back(), part, arena));
    }
    ++depth;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  path.resize(depth);
  path.back()->text = parameter.value;
  return {};
}

}  // namespace

const Element* Element::child(std::string_view wanted) const {
  for (const Element* at = first; at != nullptr; at = at->next) {
    if (at->name == wanted) return at;
  }
  return nullptr;
}

const XmlAttribute* Element::attribute(std::string_view wanted) const {
  for (const XmlAttribute* at = attributes; at != nullptr; at = at->next) {
    if (at->name == wanted) return at;
  }
  return nullptr;
}

Element& add_child(Element& parent, std::string_view name, Arena& arena) {
  Element* added = arena.make_array<Element>(1);
  added->name = name;
  (parent.last == nullptr ? parent.first : parent.last->next) = added;
  parent.last = added;
  return *added;
}

Result<const Element*> parse_xml(std::string_view text, Arena& arena) {
  if (text.size() > static_cast<std::size_t>(1 << 30))
    return unreadable("The XML document is too large");
  return XmlBuilder(arena).parse(text);
}

Result<const Element*> parse_form(std::span<const std::string_view> texts, Arena& arena) {
  std::vector<Parameter> parameters;
  for (const std::string_view text : texts) TRY_DO(split_form(text, parameters, arena));
  std::ranges::sort(parameters, by_path);
  Element* root = arena.make_array<Element>(1);
  std::vector<Element*> path = {root};
  for (const Parameter& parameter : parameters) TRY_DO(place(parameter, path, arena));
  return root;
}

}  // namespace slipway::wire
