// Typed, thin eyes on a Node: what the generated views (gen/<service>.h) are made of.
//
// A view is a node and a pointer, copied freely. It reads and writes the slots of one structure;
// the slots and everything they point to live in an Arena or in the request's buffer, which the
// view borrows.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "wire/node.h"
#include "wire/schema.h"

namespace slipway::wire {

// Bytes as opposed to text: a blob member.
struct Blob {
  std::string_view bytes;
};

// A JSON value without a schema.
struct Document {
  Node value;
};

// `out.Models(wire::empty)`: there, with nothing in it.
struct Empty {};
inline constexpr Empty empty;

// bool or std::optional<bool>, and nothing that merely converts to it.
template <typename T>
concept BooleanLike = std::same_as<T, bool> || std::same_as<T, std::optional<bool>>;

// The base of all generated structure views.
class StructView {
 public:
  StructView() = default;

  // Whether the structure was given.
  explicit operator bool() const { return node_.kind == Kind::structure; }

  // Returns what the view looks at; a structure node, or absent.
  const Node& node() const { return node_; }
  Arena* arena() const { return arena_; }

 protected:
  StructView(const Node& node, Arena* arena) : node_(node), arena_(arena) {}
  StructView(std::size_t slots, Arena& arena)
      : node_(make_structure(slots, arena)), arena_(&arena) {}

  // An absent node stands for what is not there, so that a chain of readers on an absent structure
  // reads absent values.
  const Node& slot(std::size_t index) const {
    static constexpr Node nothing{};
    return node_.kind == Kind::structure ? node_.items[index] : nothing;
  }
  Node& own_slot(std::size_t index) { return node_.items[index]; }

  Node node_{};
  Arena* arena_ = nullptr;
};

template <typename T>
class ListView;
template <typename T>
class MapView;

// How a T is read from a node and written as one.
template <typename T>
struct Slot;

template <>
struct Slot<bool> {
  static bool read(const Node& node, Arena*) { return node.kind == Kind::boolean && node.boolean; }
  static Node write(bool value, Arena&) { return make_boolean(value); }
};
template <std::signed_integral T>
struct Slot<T> {
  static T read(const Node& node, Arena*) {
    return node.kind == Kind::integer ? static_cast<T>(node.integer) : T{};
  }
  static Node write(T value, Arena&) { return make_integer(value); }
};
template <>
struct Slot<double> {
  static double read(const Node& node, Arena*) { return node.kind == Kind::real ? node.real : 0; }
  static Node write(double value, Arena&) { return make_real(value); }
};
template <>
struct Slot<slipway::Timestamp> {
  static slipway::Timestamp read(const Node& node, Arena*) {
    return node.kind == Kind::timestamp ? node.time() : slipway::Timestamp{};
  }
  static Node write(slipway::Timestamp value, Arena&) { return make_time(value); }
};
template <>
struct Slot<std::string_view> {
  static std::string_view read(const Node& node, Arena*) {
    return node.kind == Kind::text ? node.text() : std::string_view{};
  }
  static Node write(std::string_view value, Arena& arena) { return make_text(arena.copy(value)); }
};
template <>
struct Slot<Blob> {
  static Blob read(const Node& node, Arena*) {
    return {node.kind == Kind::blob ? node.text() : std::string_view{}};
  }
  static Node write(Blob value, Arena& arena) { return make_blob(arena.copy(value.bytes)); }
};
template <>
struct Slot<Document> {
  static Document read(const Node& node, Arena*) { return {node}; }
  static Node write(Document value, Arena&) { return value.value; }
};
template <std::derived_from<StructView> T>
struct Slot<T> {
  static T read(const Node& node, Arena* arena) { return T(node, arena); }
  static Node write(const T& value, Arena&) { return value.node(); }
};
template <typename T>
struct Slot<ListView<T>> {
  static ListView<T> read(const Node& node, Arena* arena) { return ListView<T>(node, arena); }
  static Node write(const ListView<T>& value, Arena&) { return value.node(); }
};
template <typename T>
struct Slot<MapView<T>> {
  static MapView<T> read(const Node& node, Arena* arena) { return MapView<T>(node, arena); }
  static Node write(const MapView<T>& value, Arena&) { return value.node(); }
};

// A list of T: `for (auto variant : in.ProductionVariants())`.
template <typename T>
class ListView {
 public:
  class Iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const Node* at, Arena* arena) : at_(at), arena_(arena) {}
    T operator*() const { return Slot<T>::read(*at_, arena_); }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++, arena_); }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const Node* at_ = nullptr;
    Arena* arena_ = nullptr;
  };

  ListView() = default;
  ListView(Empty) { node_.kind = Kind::list; }
  ListView(const Node& node, Arena* arena) : node_(node), arena_(arena) {}

  // Whether the list was given; an absent list reads as one without items.
  bool has() const { return node_.present(); }
  std::size_t size() const { return node_.n; }
  bool empty() const { return node_.n == 0; }
  T operator[](std::size_t index) const { return Slot<T>::read(node_.items[index], arena_); }
  Iterator begin() const { return Iterator(node_.items, arena_); }
  Iterator end() const { return Iterator(node_.items + node_.n, arena_); }
  const Node& node() const { return node_; }

 private:
  Node node_{};
  Arena* arena_ = nullptr;
};

// A map from text to T, in the order of the wire.
template <typename T>
class MapView {
 public:
  class Iterator {
   public:
    using value_type = std::pair<std::string_view, T>;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const MapEntry* at, Arena* arena) : at_(at), arena_(arena) {}
    value_type operator*() const { return {at_->key, Slot<T>::read(at_->value, arena_)}; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    Iterator operator++(int) { return Iterator(at_++, arena_); }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const MapEntry* at_ = nullptr;
    Arena* arena_ = nullptr;
  };

  MapView() = default;
  MapView(Empty) { node_.kind = Kind::map; }
  MapView(const Node& node, Arena* arena) : node_(node), arena_(arena) {}

  bool has() const { return node_.present(); }
  std::size_t size() const { return node_.n; }
  bool empty() const { return node_.n == 0; }
  Iterator begin() const { return Iterator(node_.entries, arena_); }
  Iterator end() const { return Iterator(node_.entries + node_.n, arena_); }
  const Node& node() const { return node_; }

  std::optional<T> find(std::string_view key) const {
    for (std::uint32_t i = 0; i < node_.n; ++i) {
      if (node_.entries[i].key == key) return Slot<T>::read(node_.entries[i].value, arena_);
    }
    return std::nullopt;
  }

 private:
  Node node_{};
  Arena* arena_ = nullptr;
};

// The generated accessors call these. A generated view derives from Shaped<View, slots>.
template <typename Self, std::size_t slots>
class Shaped : public StructView {
 public:
  // Absent.
  Shaped() = default;
  // A new structure with nothing set. `arena` outlives it and all that is written to it.
  explicit Shaped(Arena& arena) : StructView(slots, arena) {}
  // A view of what a codec read with Self::shape(); `arena` is where writers would write.
  Shaped(const Node& node, Arena* arena) : StructView(node, arena) {}

 protected:
  template <typename T>
  T value(std::size_t index) const {
    return Slot<T>::read(slot(index), arena_);
  }
  template <typename T>
  std::optional<T> optional(std::size_t index) const {
    const Node& node = slot(index);
    if (!node.present() || node.kind == Kind::null) return std::nullopt;
    return Slot<T>::read(node, arena_);
  }
  template <typename T>
  Self& put(std::size_t index, const T& value) {
    own_slot(index) = Slot<T>::write(value, *arena_);
    return static_cast<Self&>(*this);
  }
  template <typename T>
  Self& put_optional(std::size_t index, const std::optional<T>& value) {
    own_slot(index) = value ? Slot<T>::write(*value, *arena_) : Node{};
    return static_cast<Self&>(*this);
  }
  // The structure in the slot, made where there is none.
  template <typename T>
  T made(std::size_t index) {
    Node& node = own_slot(index);
    if (node.kind != Kind::structure) node = T(*arena_).node();
    return T(node, arena_);
  }
  template <typename T>
  T added(std::size_t index) {
    Node& item = append(own_slot(index), *arena_);
    item = T(*arena_).node();
    return T(item, arena_);
  }
  template <typename T>
  Self& add(std::size_t index, const T& value) {
    const Node item = Slot<T>::write(value, *arena_);
    append(own_slot(index), *arena_) = item;
    return static_cast<Self&>(*this);
  }
  template <typename T>
  T entered(std::size_t index, std::string_view key) {
    Node& value = append(own_slot(index), arena_->copy(key), *arena_);
    value = T(*arena_).node();
    return T(value, arena_);
  }
  template <typename T>
  Self& enter(std::size_t index, std::string_view key, const T& value) {
    const Node written = Slot<T>::write(value, *arena_);
    append(own_slot(index), arena_->copy(key), *arena_) = written;
    return static_cast<Self&>(*this);
  }
};

// A structure without members: the input or output of an operation that has none.
class Unit : public Shaped<Unit, 0> {
 public:
  using Shaped::Shaped;
  static const Shape& shape();
};

// Collects items for a list that is set as a whole: lists of lists, or a list built before its
// owner.
template <typename T>
class ListBuilder {
 public:
  explicit ListBuilder(Arena& arena) : arena_(&arena) { node_.kind = Kind::list; }
  ListBuilder& add(const T& value) {
    const Node item = Slot<T>::write(value, *arena_);
    append(node_, *arena_) = item;
    return *this;
  }
  ListView<T> view() const { return ListView<T>(node_, arena_); }

 private:
  Node node_{};
  Arena* arena_;
};

// Makes a map in a request's arena, entry by entry.
template <typename T>
class MapBuilder {
 public:
  explicit MapBuilder(Arena& arena) : arena_(&arena) { node_.kind = Kind::map; }
  MapBuilder& add(std::string_view key, const T& value) {
    const Node item = Slot<T>::write(value, *arena_);
    append(node_, arena_->copy(key), *arena_) = item;
    return *this;
  }
  MapView<T> view() const { return MapView<T>(node_, arena_); }

 private:
  Node node_{};
  Arena* arena_;
};

// Sets every member of `to` that is still absent and that `from` has under the same name and with
// the same shape: a Describe answer from what its Create was given. Nothing is copied but pointers.
void echo(const Shape& from_shape, const Node& from, const Shape& to_shape, Node& to);
template <std::derived_from<StructView> To, std::derived_from<StructView> From>
void echo(const From& from, To& to) {
  Node node = to.node();
  echo(From::shape(), from.node(), To::shape(), node);
}

}  // namespace slipway::wire
