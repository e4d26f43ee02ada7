// For tests: the pages of a store that is closed, as make_of() takes them.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "store/first_pages.h"

namespace slipway::store {

// Holds the bytes that its pages are views of.
class PagesOf {
 public:
  explicit PagesOf(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    for (std::size_t at = 0; at < bytes_.size(); at += page_bytes)
      pages_.push_back(std::string_view(bytes_).substr(at, page_bytes));
  }
  PagesOf(const PagesOf&) = delete;
  PagesOf& operator=(const PagesOf&) = delete;

  Pages all() const { return pages_; }

 private:
  std::string bytes_;
  std::vector<std::string_view> pages_;
};

}  // namespace slipway::store
