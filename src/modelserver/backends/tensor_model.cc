#include "modelserver/backends/tensor_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace slipway::modelserver {
namespace {

constexpr std::string_view known_content_types =
    "text/csv, application/json, application/jsonlines, application/x-npy and, for XGBoost, "
    "text/libsvm and application/x-recordio-protobuf";
constexpr std::size_t quoted_header_bytes_max = 100;
// What of a large table is worked on at once: its text, numbers and answers stay in a core's cache.
constexpr std::size_t slice_bytes = std::size_t{256} << 10;
// Buffers that are kept for the next call; larger ones are given back.
constexpr std::size_t workspace_bytes_max = std::size_t{8} << 20;

std::uint16_t status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::limit_exceeded: return 413;
    default: return 500;
  }
}

// The next whole lines of a body, of slice_bytes if it can be; empty where there is no line end.
std::string_view next_slice(std::string_view body) {
  if (body.size() <= slice_bytes) return body;
  return body.substr(0, body.rfind('\n', slice_bytes) + 1);
}

bool have_records(std::span<const Tensor> inputs, std::int64_t records) {
  return std::ranges::all_of(inputs, [&](const Tensor& tensor) {
    return !tensor.shape.empty() && tensor.shape[0] == records;
  });
}

}  // namespace

struct TensorModel::Item {
  ModelCall* invocation = nullptr;
  DecodedRequest request;
  AcceptType accept = AcceptType::json;
  std::int64_t records = 0;
};

struct TensorModel::Workspace {
  std::vector<Item> items;
  Item slice;
  std::vector<Item*> ready;
  std::vector<Tensor> joined;
  std::vector<Tensor> outputs;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Item& item : items)
      for (const Tensor& tensor : item.request.inputs) sum += tensor.bytes.capacity();
    for (const Tensor& tensor : slice.request.inputs) sum += tensor.bytes.capacity();
    for (const Tensor& tensor : outputs) sum += tensor.bytes.capacity();
    return sum;
  }
};

TensorModel::TensorModel(std::unique_ptr<Predictor> predictor, Manner manner)
    : predictor_(std::move(predictor)), manner_(std::move(manner)) {}

TensorModel::~TensorModel() = default;

std::size_t TensorModel::batch_max() const {
  return predictor_->joining() == Joining::by_records ? joined_requests_max : 1;
}

std::size_t TensorModel::concurrency() const {
  return std::max(1U, std::thread::hardware_concurrency());
}

std::unique_ptr<TensorModel::Workspace> TensorModel::take_workspace() {
  const std::scoped_lock lock(mutex_);
  if (idle_.empty()) return std::make_unique<Workspace>();
  auto workspace = std::move(idle_.back());
  idle_.pop_back();
  return workspace;
}

// Decodes the request and chooses the answer's type; answers at once where that fails.
bool TensorModel::prepare(ModelCall& invocation, Item& item) const {
  item.invocation = &invocation;
  ContentType type = content_type_of(invocation.content_type);
  if (invocation.content_type.empty())
    type = manner_.flavor == Flavor::plain ? ContentType::json : ContentType::csv;
  if (type == ContentType::unknown) {
    answer_error(invocation.answer, 415,
                 fmt::format("The content type '{}' is not read here; these are: {}.",
                             invocation.content_type.substr(0, quoted_header_bytes_max),
                             known_content_types));
    return false;
  }
  const auto accept = choose_accept(invocation.accept, manner_.accept, answer_kind());
  if (!accept) {
    answer_error(invocation.answer, 406,
                 fmt::format("None of the types in 'Accept: {}' is written here; these are: {}.",
                             invocation.accept.substr(0, quoted_header_bytes_max),
                             written_types(answer_kind())));
    return false;
  }
  item.accept = *accept;
  if (auto decoded = decode(signature(), type, manner_.dialect, invocation.body, item.request);
      !decoded) {
    answer_error(invocation.answer, status_of(decoded.error().code), decoded.error().message);
    return false;
  }
  const auto& inputs = item.request.inputs;
  item.records = inputs.empty() || inputs[0].shape.empty() ? 0 : inputs[0].shape[0];
  if (predictor_->joining() == Joining::never || have_records(inputs, item.records)) return true;
  answer_error(invocation.answer, 400,
               misfit(signature(), "its inputs came with different numbers of records").message);
  return false;
}

// Of one shape but for the number of records, and with nothing that holds for all of a run.
bool TensorModel::can_join(const Item& first, const Item& next) const {
  if (!first.request.overrides.empty() || !next.request.overrides.empty()) return false;
  const auto& a = first.request.inputs;
  const auto& b = next.request.inputs;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::equal(a[i].shape.begin() + 1, a[i].shape.end(), b[i].shape.begin() + 1,
                    b[i].shape.end())) {
      return false;
    }
  }
  return true;
}

Result<> TensorModel::write(const Item& item, std::span<const Tensor> outputs, RecordRange range,
                            std::string& out) const {
  if (!manner_.selected)
    return encode(signature(), outputs, range, item.accept, item.request.style, manner_.flavor,
                  out);
  manner_.selected->encode(outputs.front(), range, item.accept, manner_.flavor, out);
  return {};
}

void TensorModel::finish(Item& item, std::span<const Tensor> outputs, RecordRange range) const {
  Answer& answer = item.invocation->answer;
  answer.body.clear();
  auto encoded = write(item, outputs, range, answer.body);
  if (!encoded) return answer_error(answer, 406, encoded.error().message);
  answer.status = 200;
  answer.content_type = media_type_of(item.accept);
}

void TensorModel::run_alone(Item& item, Workspace& workspace) {
  auto done = predictor_->run(item.request.inputs, item.request.overrides, workspace.outputs);
  if (done) return finish(item, workspace.outputs, {});
  Error error = std::move(done).error();
  if (error.code == ErrorCode::invalid_argument) error.message += ' ' + describe(signature());
  answer_error(item.invocation->answer, status_of(error.code), error.message);
}

void TensorModel::run_joined(std::span<Item*> items, Workspace& workspace) {
  auto& joined = workspace.joined;
  joined.resize(signature().inputs.size());
  std::int64_t records = 0;
  for (const Item* item : items) records += item->records;
  for (std::size_t i = 0; i < joined.size(); ++i) {
    joined[i].clear(signature().inputs[i].type);
    for (const Item* item : items) joined[i].append(item->request.inputs[i]);
    joined[i].shape = items[0]->request.inputs[i].shape;
    joined[i].shape[0] = records;
  }
  const auto splits = [&](const Tensor& output) {
    return !output.shape.empty() && output.shape[0] == records;
  };
  if (!predictor_->run(joined, {}, workspace.outputs) ||
      !std::ranges::all_of(workspace.outputs, splits)) {
    for (Item* item : items) run_alone(*item, workspace);
    return;
  }
  std::int64_t first = 0;
  for (Item* item : items) {
    finish(*item, workspace.outputs, {first, item->records, false});
    first += item->records;
  }
}

// Joins as many neighbours as go together.
void TensorModel::run_items(std::span<Item*> items, Workspace& workspace) {
  const bool joins = predictor_->joining() == Joining::by_records;
  while (!items.empty()) {
    std::size_t count = 1;
    std::int64_t records = items[0]->records;
    while (joins && count < std::min(items.size(), joined_requests_max) &&
           records + items[count]->records <= joined_records_max &&
           can_join(*items[0], *items[count])) {
      records += items[count++]->records;
    }
    if (count == 1) {
      run_alone(*items[0], workspace);
    } else {
      run_joined(items.first(count), workspace);
    }
    items = items.subspan(count);
  }
}

// Whether a body is a table whose lines may be answered a slice after the other.
bool TensorModel::can_slice(const ModelCall& invocation, AcceptType accept) const {
  const bool by_line =
      accept == AcceptType::json_lines ||
      (accept == AcceptType::csv && manner_.flavor == Flavor::plain && !manner_.selected);
  return by_line && invocation.body.size() >= 2 * slice_bytes &&
         predictor_->joining() == Joining::by_records &&
         content_type_of(invocation.content_type) == ContentType::csv;
}

// Answers a large table a slice at a time: what is at work stays in the processor's caches, and
// memory does not grow with the body. False, and nothing answered, at whatever is unusual or wrong:
// the table as a whole then says what it is.
bool TensorModel::answer_in_slices(ModelCall& invocation, Workspace& workspace) {
  const auto accept = choose_accept(invocation.accept, manner_.accept, answer_kind());
  if (!accept || !can_slice(invocation, *accept)) return false;
  Item& item = workspace.slice;
  item.accept = *accept;
  std::string& out = invocation.answer.body;
  out.clear();
  TensorShape shape;
  for (std::string_view rest = invocation.body; !rest.empty();) {
    const std::string_view slice = next_slice(rest);
    if (slice.empty() ||
        !decode(signature(), ContentType::csv, manner_.dialect, slice, item.request))
      return false;
    rest.remove_prefix(slice.size());
    Tensor& input = item.request.inputs[0];
    const std::int64_t records = input.shape.empty() ? 0 : input.shape[0];
    const bool fits = have_records(item.request.inputs, records) &&
                      (shape.empty() || std::equal(shape.begin() + 1, shape.end(),
                                                   input.shape.begin() + 1, input.shape.end()));
    shape = input.shape;
    if (!fits || !predictor_->run(item.request.inputs, {}, workspace.outputs) ||
        !have_records(workspace.outputs, records) || !write(item, workspace.outputs, {}, out))
      return false;
    if (rest.size() + slice.size() == invocation.body.size())  // the first: the others are like it
      out.reserve((invocation.body.size() / slice.size() + 1) * out.size());
  }
  invocation.answer.status = 200;
  invocation.answer.content_type = media_type_of(*accept);
  return true;
}

void TensorModel::answer(std::span<ModelCall> batch) {
  auto workspace = take_workspace();
  if (workspace->items.size() < batch.size()) workspace->items.resize(batch.size());
  workspace->ready.clear();
  for (std::size_t i = 0; i < batch.size(); ++i)
    if (!answer_in_slices(batch[i], *workspace) && prepare(batch[i], workspace->items[i]))
      workspace->ready.push_back(&workspace->items[i]);
  run_items(workspace->ready, *workspace);
  if (workspace->bytes() > workspace_bytes_max) return;
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(workspace));
}

}  // namespace slipway::modelserver
