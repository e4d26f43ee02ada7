#include "service/sagemaker/deployment.h"

namespace slipway::sagemaker {

using service::Call;

std::optional<Deployment> find_deployment(const Call& call, std::string_view endpoint_arn) {
  auto rows = call.tx().query(
      "SELECT generation, wanted, former, started_us FROM sagemaker_deployment "
      "WHERE arn=?1",
      endpoint_arn);
  if (!rows.next()) return std::nullopt;
  return Deployment{.generation = static_cast<routing::Generation>(rows.integer(0)),
                    .wanted = std::string(rows.text(1)),
                    .former = rows.optional_text(2),
                    .started = Timestamp(std::chrono::microseconds(rows.integer(3)))};
}

void put_deployment(const Call& call, std::string_view endpoint_arn, const Deployment& deployment) {
  call.tx().run(
      "INSERT INTO sagemaker_deployment VALUES(?1,?2,?3,?4,?5) ON CONFLICT DO UPDATE SET "
      "generation=?2, wanted=?3, former=?4, started_us=?5",
      endpoint_arn, deployment.generation, deployment.wanted, deployment.former,
      deployment.started.time_since_epoch().count());
}

void remove_deployment(const Call& call, std::string_view endpoint_arn) {
  call.tx().run("DELETE FROM sagemaker_deployment WHERE arn=?1", endpoint_arn);
}

}  // namespace slipway::sagemaker
