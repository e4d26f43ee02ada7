// The operations of this door; each stands in the file of what it is about. All that name a
// repository refuse one that is not there, or another account's: RepositoryNotFoundException.
#pragma once

#include "gen/ecr.h"
#include "service/call.h"
#include "service/ecr/ecr.h"
#include "service/errors.h"

namespace slipway::ecr {

namespace api = aws::ecr;
using service::Call;
using service::refuse;

// repository.cc
// RepositoryAlreadyExistsException; not_implemented: a key of KMS's.
Result<api::CreateRepositoryResponse> create_repository(const EcrNeeds& door, Call& call,
                                                        api::CreateRepositoryRequest in);
Result<api::DescribeRepositoriesResponse> describe_repositories(
    const EcrNeeds& door, Call& call, api::DescribeRepositoriesRequest in);
// RepositoryNotEmptyException without `force`.
Result<api::DeleteRepositoryResponse> delete_repository(const EcrNeeds& door, Call& call,
                                                        api::DeleteRepositoryRequest in);
Result<api::PutImageTagMutabilityResponse> put_image_tag_mutability(
    const EcrNeeds& door, Call& call, api::PutImageTagMutabilityRequest in);
Result<api::GetAuthorizationTokenResponse> get_authorization_token(
    const EcrNeeds& door, Call& call, api::GetAuthorizationTokenRequest in);
// The repository of that name in the caller's account and region.
Result<images::Repository> find_repository(const Call& call,
                                           std::optional<std::string_view> registry,
                                           std::string_view name);

// image.cc
Result<api::ListImagesResponse> list_images(const EcrNeeds& door, Call& call,
                                            api::ListImagesRequest in);
Result<api::DescribeImagesResponse> describe_images(const EcrNeeds& door, Call& call,
                                                    api::DescribeImagesRequest in);
Result<api::BatchGetImageResponse> batch_get_image(const EcrNeeds& door, Call& call,
                                                   api::BatchGetImageRequest in);
Result<api::BatchDeleteImageResponse> batch_delete_image(const EcrNeeds& door, Call& call,
                                                         api::BatchDeleteImageRequest in);
Result<api::PutImageResponse> put_image(const EcrNeeds& door, Call& call, api::PutImageRequest in);
Result<api::BatchCheckLayerAvailabilityResponse> batch_check_layer_availability(
    const EcrNeeds& door, Call& call, api::BatchCheckLayerAvailabilityRequest in);

}  // namespace slipway::ecr
