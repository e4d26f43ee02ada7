#include "modelserver/backends/xgboost_binary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <vector>

#include "modelserver/formats/json_cursor.h"
#include "modelserver/formats/numbers.h"

namespace slipway::modelserver {
namespace {

constexpr std::string_view magic = "binf";
constexpr std::uint32_t high_bit = 0x80000000;

// The structs of the file, little endian, each with what it had in reserve.
struct LearnerParam {
  float base_score;
  std::uint32_t feature_count;
  std::int32_t class_count;
  std::int32_t has_attributes;
  std::int32_t has_metrics;
  std::uint32_t version_major;
  std::uint32_t version_minor;
  std::uint32_t target_count;
  std::int32_t reserved[26];
};
static_assert(sizeof(LearnerParam) == 136);

struct ForestParam {
  std::int32_t tree_count;
  std::int32_t parallel_tree_count;
  std::int32_t unused[38];
};
static_assert(sizeof(ForestParam) == 160);

struct LinearParam {
  std::uint32_t feature_count;
  std::int32_t group_count;
  std::int32_t reserved[32];
};
static_assert(sizeof(LinearParam) == 136);

struct TreeParam {
  std::int32_t root_count;
  std::int32_t node_count;
  std::int32_t deleted_count;
  std::int32_t depth;
  std::int32_t feature_count;
  std::int32_t leaf_vector_size;
  std::int32_t reserved[31];
};
static_assert(sizeof(TreeParam) == 148);

struct Node {
  std::uint32_t parent;  // the high bit: it is the left child
  std::int32_t left;
  std::int32_t right;
  std::uint32_t split;  // the high bit: what is missing goes left; all bits: the node is deleted
  float condition;      // or the leaf's value
};
static_assert(sizeof(Node) == 20);

struct NodeStat {
  float loss_change;
  float hessian_sum;
  float base_weight;
  std::int32_t leaf_child_count;
};
static_assert(sizeof(NodeStat) == 16);

std::unexpected<Error> damaged() {
  return fail(ErrorCode::invalid_argument, "the file is damaged: it ends too early");
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  Result<T> one() {
    TRY(const auto found, many<T>(1));
    return found.front();
  }

  template <typename T>
  Result<std::vector<T>> many(std::int64_t count) {
    if (count < 0 || static_cast<std::uint64_t>(count) > rest_.size() / sizeof(T)) return damaged();
    std::vector<T> found(static_cast<std::size_t>(count));
    if (count > 0) std::memcpy(found.data(), rest_.data(), found.size() * sizeof(T));
    rest_.remove_prefix(found.size() * sizeof(T));
    return found;
  }

  // Reads what is preceded by how many there are.
  template <typename T>
  Result<std::vector<T>> counted() {
    TRY(const auto count, one<std::int64_t>());
    return many<T>(count);
  }

  Result<std::string> text() {
    TRY(const auto chars, counted<char>());
    return std::string(chars.begin(), chars.end());
  }

 private:
  std::string_view rest_;
};

// Appends "name": [value of each].
template <typename T, typename Value>
void append_list(std::string& out, std::string_view name, const std::vector<T>& all, Value value) {
  out += fmt::format(R"("{}": [)", name);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) out += ',';
    if constexpr (std::is_floating_point_v<decltype(value(all[i]))>) {
      append_float(out, value(all[i]));
    } else {
      fmt::format_to(std::back_inserter(out), "{}", value(all[i]));
    }
  }
  out += "], ";
}

Result<> append_tree(std::string& out, Reader& reader, std::int32_t number) {
  TRY(const auto param, reader.one<TreeParam>());
  if (param.leaf_vector_size > 1)
    return fail(ErrorCode::invalid_argument, "its leaves have several values each");
  TRY(const auto nodes, reader.many<Node>(param.node_count));
  TRY(const auto stats, reader.many<NodeStat>(param.node_count));
  out += "{";
  append_list(out, "base_weights", stats, [](const NodeStat& each) { return each.base_weight; });
  append_list(out, "default_left", nodes, [](const Node& each) { return each.split >> 31; });
  append_list(out, "left_children", nodes, [](const Node& each) { return each.left; });
  append_list(out, "loss_changes", stats, [](const NodeStat& each) { return each.loss_change; });
  append_list(out, "parents", nodes, [](const Node& each) { return each.parent & ~high_bit; });
  append_list(out, "right_children", nodes, [](const Node& each) { return each.right; });
  append_list(out, "split_conditions", nodes, [](const Node& each) { return each.condition; });
  append_list(out, "split_indices", nodes, [](const Node& each) { return each.split & ~high_bit; });
  append_list(out, "split_type", nodes, [](const Node&) { return 0; });
  append_list(out, "sum_hessian", stats, [](const NodeStat& each) { return each.hessian_sum; });
  out += fmt::format(R"("categories": [], "categories_nodes": [], "categories_segments": [], )"
                     R"("categories_sizes": [], "id": {}, "tree_param": {{"num_deleted": "{}", )"
                     R"("num_feature": "{}", "num_nodes": "{}", "size_leaf_vector": "0"}}}})",
                     number, param.deleted_count, param.feature_count, param.node_count);
  return {};
}

Result<> append_forest(std::string& out, Reader& reader) {
  TRY(const auto param, reader.one<ForestParam>());
  out += R"({"name": "gbtree", "model": {"trees": [)";
  for (std::int32_t i = 0; i < param.tree_count; ++i) {
    if (i > 0) out += ',';
    TRY_DO(append_tree(out, reader, i));
  }
  out += "], ";
  TRY(const auto groups, reader.many<std::int32_t>(param.tree_count));
  append_list(out, "tree_info", groups, [](std::int32_t group) { return group; });
  out += fmt::format(R"("gbtree_model_param": {{"num_parallel_tree": "{}", "num_trees": "{}", )"
                     R"("size_leaf_vector": "0"}}}}}})",
                     std::max(param.parallel_tree_count, 1), param.tree_count);
  return {};
}

Result<> append_dart(std::string& out, Reader& reader) {
  out += R"({"name": "dart", "gbtree": )";
  TRY_DO(append_forest(out, reader));
  out += ", ";
  TRY(const auto weights, reader.counted<float>());
  append_list(out, "weight_drop", weights, [](float weight) { return weight; });
  out.resize(out.size() - 2);
  out += '}';
  return {};
}

Result<> append_linear(std::string& out, Reader& reader) {
  TRY_DO(reader.one<LinearParam>());
  TRY(const auto weights, reader.counted<float>());
  out += R"({"name": "gblinear", "model": {)";
  append_list(out, "weights", weights, [](float weight) { return weight; });
  // How many there were is not in the file; without any the library leaves the intercept as it is.
  out += R"("boosted_rounds": 1}})";
  return {};
}

Result<> append_booster(std::string& out, Reader& reader, std::string_view name) {
  if (name == "gbtree") return append_forest(out, reader);
  if (name == "dart") return append_dart(out, reader);
  if (name == "gblinear") return append_linear(out, reader);
  return fail(ErrorCode::invalid_argument, "its booster is none of gbtree, dart and gblinear");
}

Result<> append_attributes(std::string& out, Reader& reader, const LearnerParam& param) {
  std::int64_t count = 0;
  if (param.has_attributes != 0) {
    TRY(count, reader.one<std::int64_t>());
  }
  out += '{';
  for (std::int64_t i = 0; i < count; ++i) {
    TRY(const std::string name, reader.text());
    TRY(const std::string value, reader.text());
    if (i > 0) out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  out += '}';
  return {};
}

// Each objective reads those that it has.
std::string objective_of(std::string_view name, std::int32_t class_count) {
  std::string out = R"({"name": )";
  append_json_string(out, name);
  out += fmt::format(R"(, "reg_loss_param": {{"scale_pos_weight": "1"}}, )"
                     R"("softmax_multiclass_param": {{"num_class": "{}"}}, )"
                     R"("poisson_regression_param": {{"max_delta_step": "0.7"}}, )"
                     R"("tweedie_regression_param": {{"tweedie_variance_power": "1.5"}}, )"
                     R"("pseudo_huber_param": {{"huber_slope": "1"}}, )"
                     R"("aft_loss_param": {{"aft_loss_distribution": "normal", )"
                     R"("aft_loss_distribution_scale": "1"}}, )"
                     R"("lambda_rank_param": {{"fix_list_weight": "0", "num_pairsample": "1"}}}})",
                     class_count);
  return out;
}

}  // namespace

bool begins_as_binary(std::string_view bytes) { return bytes.starts_with(magic); }

Result<std::string> json_of_binary(std::string_view bytes) {
  Reader reader(bytes.substr(magic.size()));
  TRY(const auto param, reader.one<LearnerParam>());
  TRY(const std::string objective, reader.text());
  TRY(const std::string booster, reader.text());
  std::string out = R"({"learner": {"gradient_booster": )";
  TRY_DO(append_booster(out, reader, booster));
  out += R"(, "attributes": )";
  TRY_DO(append_attributes(out, reader, param));
  out += R"(, "feature_names": [], "feature_types": [], "objective": )";
  out += objective_of(objective, param.class_count);
  out += R"(, "learner_model_param": {"base_score": ")";
  append_float(out, param.base_score);
  out += fmt::format(R"(", "boost_from_average": "1", "num_class": "{}", "num_feature": "{}", )"
                     R"("num_target": "{}"}}}}, "version": [1, 7, 6]}})",
                     param.class_count, param.feature_count, std::max(param.target_count, 1U));
  return out;
}

}  // namespace slipway::modelserver
