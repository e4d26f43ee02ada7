#include "service/ecr/ecr.h"

#include "service/ecr/operations.h"

namespace slipway::ecr {
namespace {

constexpr service::ErrorRow errors[] = {
    {"not_allowed", "AccessDeniedException", 400},
    {"no_such_repository", "RepositoryNotFoundException", 400},
    {"repository_exists", "RepositoryAlreadyExistsException", 400},
    {"repository_not_empty", "RepositoryNotEmptyException", 400},
    {"no_such_manifest", "ImageNotFoundException", 400},
    {"tag_stays", "ImageTagAlreadyExistsException", 400},
    {"no_such_reference", "LayersNotFoundException", 400},
    {"bad_manifest", "InvalidParameterException", 400},
    {"manifest_too_large", "InvalidParameterException", 400},
    {"bad_digest", "InvalidParameterException", 400},
    {"too_many_tags", "TooManyTagsException", 400},
    {"not_implemented", "InvalidParameterException", 400},
    {"invalid_argument", "InvalidParameterException", 400},
};

// A function of this door as a handler.
template <auto operation>
auto with(const EcrNeeds& door) {
  return [door](Call& call, auto in) { return operation(door, call, in); };
}

}  // namespace

void install(service::Registry& registry, const EcrNeeds& needs) {
  namespace op = api::op;
  registry.begin(api::schema(), errors)
      .add<op::BatchCheckLayerAvailability>(with<batch_check_layer_availability>(needs))
      .add<op::BatchDeleteImage>(with<batch_delete_image>(needs))
      .add<op::BatchGetImage>(with<batch_get_image>(needs))
      .add<op::CreateRepository>(with<create_repository>(needs))
      .add<op::DeleteRepository>(with<delete_repository>(needs))
      .add<op::DescribeImages>(with<describe_images>(needs))
      .add<op::DescribeRepositories>(with<describe_repositories>(needs))
      .add<op::GetAuthorizationToken>(with<get_authorization_token>(needs))
      .add<op::ListImages>(with<list_images>(needs))
      .add<op::PutImage>(with<put_image>(needs))
      .add<op::PutImageTagMutability>(with<put_image_tag_mutability>(needs));
}

}  // namespace slipway::ecr
