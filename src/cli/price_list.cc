#include "cli/price_list.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>

namespace slipway::cli {

namespace {

namespace json = boost::json;

// "USE1-Host:ml.m5.large" -> "Host:ml.m5.large"; us-east-1's own have no region in some lists.
std::string without_region(std::string_view usage_type) {
  const auto colon = usage_type.find(':');
  const auto dash = usage_type.find('-');
  if (dash < colon) usage_type.remove_prefix(dash + 1);
  return std::string(usage_type);
}

// The first price above nothing: a free tier stands beside it as a dimension of its own.
std::optional<double> first_price(const json::object& offers) {
  for (const auto& offer : offers)
    for (const auto& dimension : offer.value().at("priceDimensions").as_object()) {
      const json::object& per_unit = dimension.value().at("pricePerUnit").as_object();
      const json::value* const dollars = per_unit.if_contains("USD");
      if (dollars == nullptr) continue;
      const double price = std::strtod(dollars->as_string().c_str(), nullptr);
      if (price > 0) return price;
    }
  return std::nullopt;
}

}  // namespace

Result<PriceList> PriceList::parse(std::string_view text) {
  try {
    const json::value document = json::parse(text);
    const json::object& products = document.at("products").as_object();
    const json::object& terms = document.at("terms").at("OnDemand").as_object();
    PriceList list;
    for (const auto& product : products) {
      const json::value* const usage =
          product.value().at("attributes").as_object().if_contains("usagetype");
      const json::value* const offers = terms.if_contains(product.key());
      if (usage == nullptr || offers == nullptr) continue;
      if (const auto price = first_price(offers->as_object()))
        list.prices_.emplace(without_region(usage->as_string()), *price);
    }
    return list;
  } catch (const std::exception& error) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("This is no price list of AWS (an object with \"products\" and "
                            "\"terms\", as its Price List Bulk API publishes it): {}.",
                            error.what()));
  }
}

Result<PriceList> PriceList::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::size_t>(file.tellg()) : 0;
  if (!file || size > price_list_bytes_max)
    return fail(ErrorCode::unavailable,
                fmt::format("The price file '{}' cannot be read, or has more than {} MB.", path,
                            price_list_bytes_max >> 20));
  std::string text(size, '\0');
  file.seekg(0);
  file.read(text.data(), static_cast<std::streamsize>(size));
  return parse(text);
}

std::optional<double> PriceList::price_of(std::string_view usage_type) const {
  const auto found = prices_.find(usage_type);
  if (found == prices_.end()) return std::nullopt;
  return found->second;
}

}  // namespace slipway::cli
