#include "service/sagemaker/contract.h"

namespace slipway::sagemaker {

namespace {

// This room is named behind those of both tables, so it finds them as they are now. A variant on
// offer runs nothing and has no contract. The variants keep their order. A transform job's plan
// holds its fleet's as text, which `||` makes of JSON.
constexpr store::Migration steps[] = {
    {.room = "service/sagemaker/contract", .version = 1, .sql = R"(
       CREATE TEMP TABLE sagemaker_former_plan(
         owner TEXT NOT NULL, id TEXT NOT NULL, generation INTEGER NOT NULL, plan TEXT NOT NULL);
       INSERT INTO sagemaker_former_plan
         SELECT 'fleet', id, generation, plan FROM fleet_plan WHERE json_valid(plan);
       INSERT INTO sagemaker_former_plan
         SELECT 'transform', id, 0, json_extract(plan, '$.fleet') FROM transform_job
         WHERE json_valid(plan) AND json_valid(json_extract(plan, '$.fleet'));
       UPDATE sagemaker_former_plan SET plan = json_set(plan, '$.variants', json((
         SELECT concat('[', group_concat(CASE
           WHEN json_extract(value, '$.offers') IS NOT NULL THEN value
           ELSE json_set(
             CASE WHEN json_extract(value, '$.program.built_in') = '' THEN value
             ELSE json_insert(value, '$.program.environment.SLIPWAY_IMAGE',
                              json_extract(value, '$.program.built_in')) END,
             '$.program.contract', json('{
               "model_path": "/opt/ml/model", "models_path": "/opt/ml/models",
               "code_path": "/opt/ml/code", "default_arguments": ["serve"], "ports": [8080],
               "probe": {"kind": "http", "path": "/ping"}, "request_method": "POST",
               "request_path": "/invocations", "request_models_path": "/models"}'))
           END, ',' ORDER BY key), ']')
         FROM json_each(sagemaker_former_plan.plan, '$.variants'))));
       UPDATE fleet_plan SET plan = former.plan FROM sagemaker_former_plan AS former
         WHERE former.owner = 'fleet' AND former.id = fleet_plan.id
           AND former.generation = fleet_plan.generation;
       UPDATE transform_job SET plan = json_set(transform_job.plan, '$.fleet', former.plan || '')
         FROM sagemaker_former_plan AS former
         WHERE former.owner = 'transform' AND former.id = transform_job.id;
       DROP TABLE sagemaker_former_plan;
     )"}};

}  // namespace

fleet::Contract container_contract() {
  return {.model_path = "/opt/ml/model",
          .models_path = "/opt/ml/models",
          .code_path = "/opt/ml/code",
          .default_arguments = {"serve"},
          .ports = {8080},
          .probe = fleet::HttpProbe{.path = "/ping"},
          .request = {.method = "POST", .path = "/invocations", .models_path = "/models"}};
}

std::span<const store::Migration> contract_migrations() { return steps; }

}  // namespace slipway::sagemaker
