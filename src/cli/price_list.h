// AWS's public price list of SageMaker, as the Price List Bulk API publishes it for a region
// (offers/v1.0/aws/AmazonSageMaker/current/REGION/index.json):
//   {"products": {SKU: {"attributes": {"usagetype": "USE1-Host:ml.m5.large", ...}}},
//    "terms": {"OnDemand": {SKU: {ANY: {"priceDimensions": {ANY: {"unit": "Hrs",
//                                                                 "pricePerUnit": {"USD":
//                                                                 "0.115"}}}}}}}}
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::cli {

inline constexpr std::size_t price_list_bytes_max = 256UL << 20;

// Prices of instances, from a document of AWS's price list.
class PriceList {
 public:
  // invalid_argument: no such document.
  static Result<PriceList> parse(std::string_view json);
  // The same of a file; unavailable where it cannot be read.
  static Result<PriceList> read(const std::string& path);

  // Dollars for one unit (an hour of an instance, a second of serverless computing) of a usage type
  // without its region: "Host:ml.m5.large", "AsyncInf:ml.m5.large", "Tsform:ml.m5.large",
  // "ServerlessInf:Mem-2GB".
  std::optional<double> price_of(std::string_view usage_type) const;

 private:
  std::map<std::string, double, std::less<>> prices_;
};

}  // namespace slipway::cli
