// Of the tools for building and running, and those for the roles of services. The documents are the
// provider's own, as published in February 2026.
#include "service/iam/managed_policies.h"

namespace slipway::iam {
namespace {

constexpr ManagedPolicy policies[] = {
    {"AWSCloudFormationFullAccess", "/", "ANPAEVGXUZUIPE2QCCSKD", "v1", 1'564'177'835,
     1'564'177'835,
     R"({"Statement":[{"Action":["cloudformation:*"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSCloudFormationReadOnlyAccess", "/", "ANPAIEEMHCHDG337XQVTP", "v7", 1'423'247'989,
     1'770'919'320,
     R"({"Statement":[{"Action":["cloudformation:Describe*","cloudformation:BatchDescribe*",)"
     R"("cloudformation:EstimateTemplateCost","cloudformation:Get*","cloudformation:List*",)"
     R"("cloudformation:ValidateTemplate","cloudformation:Detect*"],"Effect":"Allow",)"
     R"("Resource":"*"}],"Version":"2012-10-17"})"},
    {"AWSCloudTrail_ReadOnlyAccess", "/", "ANPA4EVT3LKYYM4JD2AJZ", "v1", 1'655'227'145,
     1'655'227'145,
     R"({"Statement":[{"Action":["cloudtrail:Get*","cloudtrail:Describe*",)"
     R"("cloudtrail:List*","cloudtrail:LookupEvents"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSCodeBuildDeveloperAccess", "/", "ANPA2CHRPI4XCWHING4AK", "v21", 1'480'618'952,
     1'770'919'294,
     R"({"Statement":[{"Action":["codebuild:StartBuild","codebuild:StopBuild",)"
     R"("codebuild:StartBuildBatch","codebuild:StopBuildBatch","codebuild:RetryBuild",)"
     R"("codebuild:RetryBuildBatch","codebuild:BatchGet*","codebuild:GetResourcePolicy",)"
     R"("codebuild:DescribeTestCases","codebuild:DescribeCodeCoverages","codebuild:List*",)"
     R"("codecommit:GetBranch","codecommit:GetCommit","codecommit:GetRepository",)"
     R"("codecommit:ListBranches","cloudwatch:GetMetricStatistics","events:DescribeRule",)"
     R"("events:ListTargetsByRule","events:ListRuleNamesByTarget","logs:GetLogEvents",)"
     R"("s3:GetBucketLocation","s3:ListAllMyBuckets"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"AWSServicesAccess"},{"Action":["ssm:PutParameter"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:ssm:*:*:parameter/CodeBuild/*","Sid":"SSMParameterWriteAccess"},)"
     R"({"Action":["ssm:StartSession"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:ecs:*:*:task/*/*","Sid":"SSMStartSessionAccess"},)"
     R"({"Action":["ssmmessages:OpenDataChannel"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:ssm:*:*:session/*","Sid":"SSMOpenDataChannelAccess"},)"
     R"({"Action":["codestar-connections:ListConnections",)"
     R"("codestar-connections:GetConnection"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:codestar-connections:*:*:connection/*",)"
     R"("arn:aws:codeconnections:*:*:connection/*"],"Sid":"CodeStarConnectionsUserAccess"},)"
     R"({"Action":["codestar-notifications:CreateNotificationRule",)"
     R"("codestar-notifications:DescribeNotificationRule",)"
     R"("codestar-notifications:UpdateNotificationRule","codestar-notifications:Subscribe",)"
     R"("codestar-notifications:Unsubscribe"],"Condition":{"ArnLike":{"codestar-notification)"
     R"(s:NotificationsForResource":"arn:aws:codebuild:*:*:project/*"}},"Effect":"Allow",)"
     R"("Resource":"*","Sid":"CodeStarNotificationsReadWriteAccess"},)"
     R"({"Action":["codestar-notifications:ListNotificationRules",)"
     R"("codestar-notifications:ListEventTypes","codestar-notifications:ListTargets",)"
     R"("codestar-notifications:ListTagsforResource"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"CodeStarNotificationsListAccess"},{"Action":["sns:ListTopics",)"
     R"("sns:GetTopicAttributes"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"SNSTopicListAccess"},{"Action":["chatbot:DescribeSlackChannelConfigurations",)"
     R"("chatbot:ListMicrosoftTeamsChannelConfigurations"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"CodeStarNotificationsChatbotAccess"}],"Version":"2012-10-17"})"},
    {"AWSCodeDeployFullAccess", "/", "ANPAV73BSJFGYGJFIPKDV", "v6", 1'432'059'203, 1'770'919'117,
     R"({"Statement":[{"Action":"codedeploy:*","Effect":"Allow","Resource":"*"},)"
     R"({"Action":["codestar-notifications:CreateNotificationRule",)"
     R"("codestar-notifications:DescribeNotificationRule",)"
     R"("codestar-notifications:UpdateNotificationRule",)"
     R"("codestar-notifications:DeleteNotificationRule","codestar-notifications:Subscribe",)"
     R"("codestar-notifications:Unsubscribe"],"Condition":{"ArnLike":{"codestar-notification)"
     R"(s:NotificationsForResource":"arn:aws:codedeploy:*:*:application:*"}},)"
     R"("Effect":"Allow","Resource":"*","Sid":"CodeStarNotificationsReadWriteAccess"},)"
     R"({"Action":["codestar-notifications:ListNotificationRules",)"
     R"("codestar-notifications:ListTargets","codestar-notifications:ListTagsforResource",)"
     R"("codestar-notifications:ListEventTypes"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"CodeStarNotificationsListAccess"},{"Action":["sns:CreateTopic",)"
     R"("sns:SetTopicAttributes"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:sns:*:*:codestar-notifications*",)"
     R"("Sid":"CodeStarNotificationsSNSTopicCreateAccess"},)"
     R"({"Action":["chatbot:DescribeSlackChannelConfigurations"],"Effect":"Allow",)"
     R"("Resource":"*","Sid":"CodeStarNotificationsChatbotAccess"},)"
     R"({"Action":["sns:ListTopics"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"SNSTopicListAccess"}],"Version":"2012-10-17"})"},
    {"AWSCodePipeline_FullAccess", "/", "ANPA2A5Y2D5OUI3HARBMU", "v3", 1'596'494'308, 1'710'435'983,
     R"({"Statement":[{"Action":["codepipeline:*","cloudformation:DescribeStacks",)"
     R"("cloudformation:ListStacks","cloudformation:ListChangeSets",)"
     R"("cloudtrail:DescribeTrails","codebuild:BatchGetProjects","codebuild:CreateProject",)"
     R"("codebuild:ListCuratedEnvironmentImages","codebuild:ListProjects",)"
     R"("codecommit:ListBranches","codecommit:GetReferences","codecommit:ListRepositories",)"
     R"("codedeploy:BatchGetDeploymentGroups","codedeploy:ListApplications",)"
     R"("codedeploy:ListDeploymentGroups","ec2:DescribeSecurityGroups",)"
     R"("ec2:DescribeSubnets","ec2:DescribeVpcs","ecr:DescribeRepositories",)"
     R"("ecr:ListImages","ecs:ListClusters","ecs:ListServices",)"
     R"("elasticbeanstalk:DescribeApplications","elasticbeanstalk:DescribeEnvironments",)"
     R"("iam:ListRoles","iam:GetRole","lambda:ListFunctions","events:ListRules",)"
     R"("events:ListTargetsByRule","events:DescribeRule","opsworks:DescribeApps",)"
     R"("opsworks:DescribeLayers","opsworks:DescribeStacks","s3:ListAllMyBuckets",)"
     R"("sns:ListTopics","codestar-notifications:ListNotificationRules",)"
     R"("codestar-notifications:ListTargets","codestar-notifications:ListTagsforResource",)"
     R"("codestar-notifications:ListEventTypes","states:ListStateMachines"],)"
     R"("Effect":"Allow","Resource":"*","Sid":"CodePipelineAuthoringAccess"},)"
     R"({"Action":["s3:GetObject","s3:ListBucket","s3:GetBucketPolicy",)"
     R"("s3:GetBucketVersioning","s3:GetObjectVersion","s3:CreateBucket",)"
     R"("s3:PutBucketPolicy"],"Effect":"Allow","Resource":"arn:aws:s3::*:codepipeline-*",)"
     R"("Sid":"CodePipelineArtifactsReadWriteAccess"},)"
     R"({"Action":["cloudtrail:PutEventSelectors","cloudtrail:CreateTrail",)"
     R"("cloudtrail:GetEventSelectors","cloudtrail:StartLogging"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:cloudtrail:*:*:trail/codepipeline-source-trail",)"
     R"("Sid":"CodePipelineSourceTrailReadWriteAccess"},{"Action":["iam:PassRole"],)"
     R"("Condition":{"StringEquals":{"iam:PassedToService":["events.amazonaws.com"]}},)"
     R"("Effect":"Allow","Resource":["arn:aws:iam::*:role/service-role/cwe-role-*"],)"
     R"("Sid":"EventsIAMPassRole"},{"Action":["iam:PassRole"],)"
     R"("Condition":{"StringEquals":{"iam:PassedToService":["codepipeline.amazonaws.com"]}},)"
     R"("Effect":"Allow","Resource":"*","Sid":"CodePipelineIAMPassRole"},)"
     R"({"Action":["events:PutRule","events:PutTargets","events:DeleteRule",)"
     R"("events:DisableRule","events:RemoveTargets"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:events:*:*:rule/codepipeline-*"],)"
     R"("Sid":"CodePipelineEventsReadWriteAccess"},)"
     R"({"Action":["codestar-notifications:CreateNotificationRule",)"
     R"("codestar-notifications:DescribeNotificationRule",)"
     R"("codestar-notifications:UpdateNotificationRule",)"
     R"("codestar-notifications:DeleteNotificationRule","codestar-notifications:Subscribe",)"
     R"("codestar-notifications:Unsubscribe"],"Condition":{"StringLike":{"codestar-notificat)"
     R"(ions:NotificationsForResource":"arn:aws:codepipeline:*"}},"Effect":"Allow",)"
     R"("Resource":"*","Sid":"CodeStarNotificationsReadWriteAccess"},)"
     R"({"Action":["sns:CreateTopic","sns:SetTopicAttributes"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:sns:*:*:codestar-notifications*",)"
     R"("Sid":"CodeStarNotificationsSNSTopicCreateAccess"},)"
     R"({"Action":["chatbot:DescribeSlackChannelConfigurations",)"
     R"("chatbot:ListMicrosoftTeamsChannelConfigurations"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"CodeStarNotificationsChatbotAccess"}],"Version":"2012-10-17"})"},
    {"AWSDenyAll", "/", "ANPASOWV7IX53SXXXLDAL", "v2", 1'556'750'174, 1'702'917'725,
     R"({"Statement":[{"Action":["*"],"Effect":"Deny","Resource":"*","Sid":"DenyAll"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSGlueConsoleFullAccess", "/", "ANPAJALH2Z4MV25SCKW6V", "v14", 1'502'717'859, 1'689'345'474,
     R"({"Statement":[{"Action":["glue:*","redshift:DescribeClusters",)"
     R"("redshift:DescribeClusterSubnetGroups","iam:ListRoles","iam:ListUsers",)"
     R"("iam:ListGroups","iam:ListRolePolicies","iam:GetRole","iam:GetRolePolicy",)"
     R"("iam:ListAttachedRolePolicies","ec2:DescribeSecurityGroups","ec2:DescribeSubnets",)"
     R"("ec2:DescribeVpcs","ec2:DescribeVpcEndpoints","ec2:DescribeRouteTables",)"
     R"("ec2:DescribeVpcAttribute","ec2:DescribeKeyPairs","ec2:DescribeInstances",)"
     R"("ec2:DescribeImages","rds:DescribeDBInstances","rds:DescribeDBClusters",)"
     R"("rds:DescribeDBSubnetGroups","s3:ListAllMyBuckets","s3:ListBucket",)"
     R"("s3:GetBucketAcl","s3:GetBucketLocation","cloudformation:ListStacks",)"
     R"("cloudformation:DescribeStacks","cloudformation:GetTemplateSummary",)"
     R"("dynamodb:ListTables","kms:ListAliases","kms:DescribeKey",)"
     R"("cloudwatch:GetMetricData","cloudwatch:ListDashboards","databrew:ListRecipes",)"
     R"("databrew:ListRecipeVersions","databrew:DescribeRecipe"],"Effect":"Allow",)"
     R"("Resource":["*"],"Sid":"BaseAppPermissions"},{"Action":["s3:GetObject",)"
     R"("s3:PutObject"],"Effect":"Allow","Resource":["arn:aws:s3:::aws-glue-*/*",)"
     R"("arn:aws:s3:::*/*aws-glue-*/*","arn:aws:s3:::aws-glue-*"]},)"
     R"({"Action":["tag:GetResources"],"Effect":"Allow","Resource":["*"]},)"
     R"({"Action":["s3:CreateBucket"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:s3:::aws-glue-*"]},{"Action":["logs:GetLogEvents"],)"
     R"("Effect":"Allow","Resource":["arn:aws:logs:*:*:/aws-glue/*"]},)"
     R"({"Action":["cloudformation:CreateStack","cloudformation:DeleteStack"],)"
     R"("Effect":"Allow","Resource":"arn:aws:cloudformation:*:*:stack/aws-glue*/*"},)"
     R"({"Action":["ec2:RunInstances"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:ec2:*:*:instance/*","arn:aws:ec2:*:*:key-pair/*",)"
     R"("arn:aws:ec2:*:*:image/*","arn:aws:ec2:*:*:security-group/*",)"
     R"("arn:aws:ec2:*:*:network-interface/*","arn:aws:ec2:*:*:subnet/*",)"
     R"("arn:aws:ec2:*:*:volume/*"]},{"Action":["ec2:TerminateInstances","ec2:CreateTags",)"
     R"("ec2:DeleteTags"],"Condition":{"StringEquals":{"ec2:ResourceTag/aws:cloudformation:l)"
     R"(ogical-id":"ZeppelinInstance"},"StringLike":{"ec2:ResourceTag/aws:cloudformation:sta)"
     R"(ck-id":"arn:aws:cloudformation:*:*:stack/aws-glue-*/*"}},"Effect":"Allow",)"
     R"("Resource":["arn:aws:ec2:*:*:instance/*"]},{"Action":["iam:PassRole"],)"
     R"("Condition":{"StringLike":{"iam:PassedToService":["glue.amazonaws.com"]}},)"
     R"("Effect":"Allow","Resource":"arn:aws:iam::*:role/AWSGlueServiceRole*"},)"
     R"({"Action":["iam:PassRole"],"Condition":{"StringLike":{"iam:PassedToService":["ec2.am)"
     R"(azonaws.com"]}},"Effect":"Allow","Resource":"arn:aws:iam::*:role/AWSGlueServiceNoteb)"
     R"(ookRole*"},{"Action":["iam:PassRole"],"Condition":{"StringLike":{"iam:PassedToServic)"
     R"(e":["glue.amazonaws.com"]}},"Effect":"Allow",)"
     R"("Resource":["arn:aws:iam::*:role/service-role/AWSGlueServiceRole*"]}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSKeyManagementServicePowerUser", "/", "ANPALLBUVYHHPWNNEQ23A", "v2", 1'423'248'040,
     1'488'848'111,
     R"({"Statement":[{"Action":["kms:CreateAlias","kms:CreateKey","kms:DeleteAlias",)"
     R"("kms:Describe*","kms:GenerateRandom","kms:Get*","kms:List*","kms:TagResource",)"
     R"("kms:UntagResource","iam:ListGroups","iam:ListRoles","iam:ListUsers"],)"
     R"("Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"})"},
    {"AWSLambdaExecute", "/", "ANPA4D35DSFCAXYIR54OW", "v1", 1'423'248'046, 1'423'248'046,
     R"({"Statement":[{"Action":["logs:*"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:logs:*:*:*"},{"Action":["s3:GetObject","s3:PutObject"],)"
     R"("Effect":"Allow","Resource":"arn:aws:s3:::*"}],"Version":"2012-10-17"})"},
    {"AWSLambda_FullAccess", "/", "ANPAW4V7L33VVEHJ6TDLZ", "v7", 1'605'647'648, 1'770'919'251,
     R"({"Statement":[{"Action":["cloudformation:DescribeStacks",)"
     R"("cloudformation:ListStackResources","cloudwatch:ListMetrics",)"
     R"("cloudwatch:GetMetricData","ec2:DescribeSecurityGroups","ec2:DescribeSubnets",)"
     R"("ec2:DescribeVpcs","kms:DescribeKey","kms:ListAliases","iam:GetPolicy",)"
     R"("iam:GetPolicyVersion","iam:GetRole","iam:GetRolePolicy",)"
     R"("iam:ListAttachedRolePolicies","iam:ListRolePolicies","iam:ListRoles","lambda:*",)"
     R"("logs:DescribeLogGroups","states:DescribeStateMachine","states:ListStateMachines",)"
     R"("tag:GetResources","xray:GetTraceSummaries","xray:BatchGetTraces"],"Effect":"Allow",)"
     R"("Resource":"*"},{"Action":"iam:PassRole","Condition":{"StringEquals":{"iam:PassedToS)"
     R"(ervice":"lambda.amazonaws.com"}},"Effect":"Allow","Resource":"*"},)"
     R"({"Action":["logs:DescribeLogStreams","logs:GetLogEvents","logs:FilterLogEvents",)"
     R"("logs:StartLiveTail","logs:StopLiveTail"],"Effect":"Allow",)"
     R"("Resource":"arn:aws:logs:*:*:log-group:/aws/lambda/*"},)"
     R"({"Action":"iam:CreateServiceLinkedRole","Condition":{"StringEquals":{"iam:AWSService)"
     R"(Name":"lambda.amazonaws.com"}},"Effect":"Allow",)"
     R"("Resource":"arn:aws:iam::*:role/aws-service-role/lambda.amazonaws.com/AWSServiceRole)"
     R"(ForLambda"}],"Version":"2012-10-17"})"},
    {"AWSLambda_ReadOnlyAccess", "/", "ANPALVQL5A3ZR7XPFFGUE", "v5", 1'605'647'432, 1'770'919'375,
     R"({"Statement":[{"Action":["cloudformation:DescribeStacks",)"
     R"("cloudformation:ListStacks","cloudformation:ListStackResources",)"
     R"("cloudwatch:GetMetricData","cloudwatch:ListMetrics","ec2:DescribeSecurityGroups",)"
     R"("ec2:DescribeSubnets","ec2:DescribeVpcs","kms:ListAliases","iam:GetPolicy",)"
     R"("iam:GetPolicyVersion","iam:GetRole","iam:GetRolePolicy",)"
     R"("iam:ListAttachedRolePolicies","iam:ListRolePolicies","iam:ListRoles",)"
     R"("logs:DescribeLogGroups","lambda:Get*","lambda:List*","states:DescribeStateMachine",)"
     R"("states:ListStateMachines","tag:GetResources","xray:GetTraceSummaries",)"
     R"("xray:BatchGetTraces"],"Effect":"Allow","Resource":"*"},)"
     R"({"Action":["logs:DescribeLogStreams","logs:GetLogEvents","logs:FilterLogEvents",)"
     R"("logs:StartQuery","logs:StopQuery","logs:DescribeQueries","logs:GetLogGroupFields",)"
     R"("logs:GetLogRecord","logs:GetQueryResults","logs:StartLiveTail",)"
     R"("logs:StopLiveTail"],"Effect":"Allow","Resource":"arn:aws:logs:*:*:log-group:/aws/la)"
     R"(mbda/*"}],"Version":"2012-10-17"})"},
    {"AWSStepFunctionsFullAccess", "/", "ANPA2BIU2ZRNVLS5T5NZ7", "v1", 1'484'171'492, 1'484'171'492,
     R"({"Statement":[{"Action":"states:*","Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSStepFunctionsReadOnlyAccess", "/", "ANPAEAA7K47IBPWXOLRNE", "v4", 1'484'171'179,
     1'714'157'634,
     R"({"Statement":[{"Action":["states:ListStateMachines","states:ListActivities",)"
     R"("states:DescribeStateMachine","states:DescribeStateMachineForExecution",)"
     R"("states:ListExecutions","states:DescribeExecution","states:GetExecutionHistory",)"
     R"("states:DescribeActivity","states:ListTagsForResource","states:DescribeMapRun",)"
     R"("states:ListMapRuns","states:DescribeStateMachineAlias",)"
     R"("states:ListStateMachineAliases","states:ListStateMachineVersions",)"
     R"("states:ValidateStateMachineDefinition"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"ReadOnlyAccess"}],"Version":"2012-10-17"})"},
    {"AWSXRayDaemonWriteAccess", "/", "ANPAWDG4A54J4KGUTPTW7", "v2", 1'535'497'233, 1'707'861'510,
     R"({"Statement":[{"Action":["xray:PutTraceSegments","xray:PutTelemetryRecords",)"
     R"("xray:GetSamplingRules","xray:GetSamplingTargets",)"
     R"("xray:GetSamplingStatisticSummaries"],"Effect":"Allow","Resource":["*"],)"
     R"("Sid":"AWSXRayDaemonWriteAccess"}],"Version":"2012-10-17"})"},
    {"AWSXrayFullAccess", "/", "ANPAKE4PAE746MBLYC6EX", "v2", 1'480'617'055, 1'712'855'256,
     R"({"Statement":[{"Action":["xray:*"],"Effect":"Allow","Resource":["*"],)"
     R"("Sid":"AWSXrayFullAccess"}],"Version":"2012-10-17"})"},
    {"AmazonEC2ContainerRegistryFullAccess", "/", "ANPATX444PKMLX3J62TB7", "v3", 1'450'717'608,
     1'607'126'659,
     R"({"Statement":[{"Action":["ecr:*","cloudtrail:LookupEvents"],"Effect":"Allow",)"
     R"("Resource":"*"},{"Action":["iam:CreateServiceLinkedRole"],)"
     R"("Condition":{"StringEquals":{"iam:AWSServiceName":["replication.ecr.amazonaws.com"]})"
     R"(},"Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"})"},
    {"AmazonEC2ContainerRegistryPowerUser", "/", "ANPA26ZNZUW2KAWMBKKL3", "v3", 1'450'717'533,
     1'576'010'888,
     R"({"Statement":[{"Action":["ecr:GetAuthorizationToken",)"
     R"("ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer",)"
     R"("ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages",)"
     R"("ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy",)"
     R"("ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource",)"
     R"("ecr:DescribeImageScanFindings","ecr:InitiateLayerUpload","ecr:UploadLayerPart",)"
     R"("ecr:CompleteLayerUpload","ecr:PutImage"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AmazonEC2ContainerRegistryReadOnly", "/", "ANPAOAGVS3FUMPKKQOIZK", "v3", 1'450'717'455,
     1'576'011'392,
     R"({"Statement":[{"Action":["ecr:GetAuthorizationToken",)"
     R"("ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer",)"
     R"("ecr:GetRepositoryPolicy","ecr:DescribeRepositories","ecr:ListImages",)"
     R"("ecr:DescribeImages","ecr:BatchGetImage","ecr:GetLifecyclePolicy",)"
     R"("ecr:GetLifecyclePolicyPreview","ecr:ListTagsForResource",)"
     R"("ecr:DescribeImageScanFindings"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AmazonEKSClusterPolicy", "/", "ANPAXCA5FBKPNIE4OP6QS", "v10", 1'527'455'174, 1'770'919'095,
     R"({"Statement":[{"Action":["autoscaling:DescribeAutoScalingGroups",)"
     R"("autoscaling:UpdateAutoScalingGroup","ec2:AttachVolume",)"
     R"("ec2:AuthorizeSecurityGroupIngress","ec2:CreateRoute","ec2:CreateSecurityGroup",)"
     R"("ec2:CreateTags","ec2:CreateVolume","ec2:DeleteRoute","ec2:DeleteSecurityGroup",)"
     R"("ec2:DeleteVolume","ec2:DescribeInstances","ec2:DescribeRouteTables",)"
     R"("ec2:DescribeSecurityGroups","ec2:DescribeSubnets","ec2:DescribeVolumes",)"
     R"("ec2:DescribeVolumesModifications","ec2:DescribeVpcs","ec2:DescribeDhcpOptions",)"
     R"("ec2:DescribeNetworkInterfaces","ec2:DescribeAvailabilityZones","ec2:DetachVolume",)"
     R"("ec2:ModifyInstanceAttribute","ec2:ModifyVolume","ec2:RevokeSecurityGroupIngress",)"
     R"("ec2:DescribeAccountAttributes","ec2:DescribeAddresses",)"
     R"("ec2:DescribeInternetGateways","ec2:DescribeInstanceTopology",)"
     R"("elasticloadbalancing:AddTags","elasticloadbalancing:ApplySecurityGroupsToLoadBalanc)"
     R"(er","elasticloadbalancing:AttachLoadBalancerToSubnets",)"
     R"("elasticloadbalancing:ConfigureHealthCheck","elasticloadbalancing:CreateListener",)"
     R"("elasticloadbalancing:CreateLoadBalancer",)"
     R"("elasticloadbalancing:CreateLoadBalancerListeners",)"
     R"("elasticloadbalancing:CreateLoadBalancerPolicy",)"
     R"("elasticloadbalancing:CreateTargetGroup","elasticloadbalancing:DeleteListener",)"
     R"("elasticloadbalancing:DeleteLoadBalancer",)"
     R"("elasticloadbalancing:DeleteLoadBalancerListeners",)"
     R"("elasticloadbalancing:DeleteTargetGroup","elasticloadbalancing:DeregisterInstancesFr)"
     R"(omLoadBalancer","elasticloadbalancing:DeregisterTargets",)"
     R"("elasticloadbalancing:DescribeListeners","elasticloadbalancing:DescribeLoadBalancerA)"
     R"(ttributes","elasticloadbalancing:DescribeLoadBalancerPolicies",)"
     R"("elasticloadbalancing:DescribeLoadBalancers",)"
     R"("elasticloadbalancing:DescribeTargetGroupAttributes",)"
     R"("elasticloadbalancing:DescribeTargetGroups",)"
     R"("elasticloadbalancing:DescribeTargetHealth",)"
     R"("elasticloadbalancing:DetachLoadBalancerFromSubnets",)"
     R"("elasticloadbalancing:ModifyListener","elasticloadbalancing:ModifyLoadBalancerAttrib)"
     R"(utes","elasticloadbalancing:ModifyTargetGroup",)"
     R"("elasticloadbalancing:ModifyTargetGroupAttributes",)"
     R"("elasticloadbalancing:RegisterInstancesWithLoadBalancer",)"
     R"("elasticloadbalancing:RegisterTargets","elasticloadbalancing:SetLoadBalancerPolicies)"
     R"(ForBackendServer","elasticloadbalancing:SetLoadBalancerPoliciesOfListener",)"
     R"("kms:DescribeKey"],"Effect":"Allow","Resource":"*","Sid":"AmazonEKSClusterPolicy"},)"
     R"({"Action":"iam:CreateServiceLinkedRole","Condition":{"StringEquals":{"iam:AWSService)"
     R"(Name":"elasticloadbalancing.amazonaws.com"}},"Effect":"Allow","Resource":"*",)"
     R"("Sid":"AmazonEKSClusterPolicySLRCreate"},{"Action":"ec2:DeleteNetworkInterface",)"
     R"("Condition":{"StringEquals":{"ec2:ResourceTag/eks:eni:owner":"amazon-vpc-cni"}},)"
     R"("Effect":"Allow","Resource":"*","Sid":"AmazonEKSClusterPolicyENIDelete"}],)"
     R"("Version":"2012-10-17"})"},
    {"AmazonEKSWorkerNodePolicy", "/", "ANPAKSJ2YYODUEQHXY5GQ", "v3", 1'527'455'341, 1'701'043'573,
     R"({"Statement":[{"Action":["ec2:DescribeInstances","ec2:DescribeInstanceTypes",)"
     R"("ec2:DescribeRouteTables","ec2:DescribeSecurityGroups","ec2:DescribeSubnets",)"
     R"("ec2:DescribeVolumes","ec2:DescribeVolumesModifications","ec2:DescribeVpcs",)"
     R"("eks:DescribeCluster","eks-auth:AssumeRoleForPodIdentity"],"Effect":"Allow",)"
     R"("Resource":"*","Sid":"WorkerNodePermissions"}],"Version":"2012-10-17"})"},
    {"AmazonEKS_CNI_Policy", "/", "ANPAMAR2WNBDGJII6LBVE", "v6", 1'527'455'262, 1'772'651'534,
     R"({"Statement":[{"Action":["ec2:AssignPrivateIpAddresses",)"
     R"("ec2:AttachNetworkInterface","ec2:CreateNetworkInterface",)"
     R"("ec2:DeleteNetworkInterface","ec2:DescribeInstances","ec2:DescribeTags",)"
     R"("ec2:DescribeNetworkInterfaces","ec2:DescribeInstanceTypes","ec2:DescribeSubnets",)"
     R"("ec2:DescribeSecurityGroups","ec2:DetachNetworkInterface",)"
     R"("ec2:ModifyNetworkInterfaceAttribute","ec2:UnassignPrivateIpAddresses"],)"
     R"("Effect":"Allow","Resource":"*","Sid":"AmazonEKSCNIPolicy"},)"
     R"({"Action":["ec2:CreateTags"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:ec2:*:*:network-interface/*"],)"
     R"("Sid":"AmazonEKSCNIPolicyENITag"}],"Version":"2012-10-17"})"},
    {"AWSCodeDeployRole", "/service-role/", "ANPAWR3HATKRO2T4F3E6B", "v11", 1'430'762'737,
     1'692'218'338,
     R"({"Statement":[{"Action":["autoscaling:CompleteLifecycleAction",)"
     R"("autoscaling:DeleteLifecycleHook","autoscaling:DescribeAutoScalingGroups",)"
     R"("autoscaling:DescribeLifecycleHooks","autoscaling:PutLifecycleHook",)"
     R"("autoscaling:RecordLifecycleActionHeartbeat","autoscaling:CreateAutoScalingGroup",)"
     R"("autoscaling:CreateOrUpdateTags","autoscaling:UpdateAutoScalingGroup",)"
     R"("autoscaling:EnableMetricsCollection","autoscaling:DescribePolicies",)"
     R"("autoscaling:DescribeScheduledActions","autoscaling:DescribeNotificationConfiguratio)"
     R"(ns","autoscaling:SuspendProcesses","autoscaling:ResumeProcesses",)"
     R"("autoscaling:AttachLoadBalancers","autoscaling:AttachLoadBalancerTargetGroups",)"
     R"("autoscaling:PutScalingPolicy","autoscaling:PutScheduledUpdateGroupAction",)"
     R"("autoscaling:PutNotificationConfiguration","autoscaling:PutWarmPool",)"
     R"("autoscaling:DescribeScalingActivities","autoscaling:DeleteAutoScalingGroup",)"
     R"("ec2:DescribeInstances","ec2:DescribeInstanceStatus","ec2:TerminateInstances",)"
     R"("tag:GetResources","sns:Publish","cloudwatch:DescribeAlarms",)"
     R"("cloudwatch:PutMetricAlarm","elasticloadbalancing:DescribeLoadBalancerAttributes",)"
     R"("elasticloadbalancing:DescribeTargetGroupAttributes",)"
     R"("elasticloadbalancing:DescribeLoadBalancers",)"
     R"("elasticloadbalancing:DescribeInstanceHealth",)"
     R"("elasticloadbalancing:RegisterInstancesWithLoadBalancer",)"
     R"("elasticloadbalancing:DeregisterInstancesFromLoadBalancer",)"
     R"("elasticloadbalancing:DescribeTargetGroups",)"
     R"("elasticloadbalancing:DescribeTargetHealth","elasticloadbalancing:RegisterTargets",)"
     R"("elasticloadbalancing:DeregisterTargets"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSCodeDeployRoleForLambda", "/service-role/", "ANPANWQOXFSVZZZ32FLOX", "v3", 1'511'877'944,
     1'575'402'790,
     R"({"Statement":[{"Action":["cloudwatch:DescribeAlarms","lambda:UpdateAlias",)"
     R"("lambda:GetAlias","lambda:GetProvisionedConcurrencyConfig","sns:Publish"],)"
     R"("Effect":"Allow","Resource":"*"},{"Action":["s3:GetObject","s3:GetObjectVersion"],)"
     R"("Effect":"Allow","Resource":"arn:aws:s3:::*/CodeDeploy/*"},)"
     R"({"Action":["s3:GetObject","s3:GetObjectVersion"],)"
     R"("Condition":{"StringEquals":{"s3:ExistingObjectTag/UseWithCodeDeploy":"true"}},)"
     R"("Effect":"Allow","Resource":"*"},{"Action":["lambda:InvokeFunction"],)"
     R"("Effect":"Allow","Resource":"arn:aws:lambda:*:*:function:CodeDeployHook_*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSGlueServiceRole", "/service-role/", "ANPAY6XZWH2LFCKABMNGU", "v5", 1'502'717'841,
     1'694'450'387,
     R"({"Statement":[{"Action":["glue:*","s3:GetBucketLocation","s3:ListBucket",)"
     R"("s3:ListAllMyBuckets","s3:GetBucketAcl","ec2:DescribeVpcEndpoints",)"
     R"("ec2:DescribeRouteTables","ec2:CreateNetworkInterface","ec2:DeleteNetworkInterface",)"
     R"("ec2:DescribeNetworkInterfaces","ec2:DescribeSecurityGroups","ec2:DescribeSubnets",)"
     R"("ec2:DescribeVpcAttribute","iam:ListRolePolicies","iam:GetRole","iam:GetRolePolicy",)"
     R"("cloudwatch:PutMetricData"],"Effect":"Allow","Resource":["*"]},)"
     R"({"Action":["s3:CreateBucket"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:s3:::aws-glue-*"]},{"Action":["s3:GetObject","s3:PutObject",)"
     R"("s3:DeleteObject"],"Effect":"Allow","Resource":["arn:aws:s3:::aws-glue-*/*",)"
     R"("arn:aws:s3:::*/*aws-glue-*/*"]},{"Action":["s3:GetObject"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:s3:::crawler-public*","arn:aws:s3:::aws-glue-*"]},)"
     R"({"Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],)"
     R"("Effect":"Allow","Resource":["arn:aws:logs:*:*:*:/aws-glue/*"]},)"
     R"({"Action":["ec2:CreateTags","ec2:DeleteTags"],)"
     R"("Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["aws-glue-service-resource")"
     R"(]}},"Effect":"Allow","Resource":["arn:aws:ec2:*:*:network-interface/*",)"
     R"("arn:aws:ec2:*:*:security-group/*","arn:aws:ec2:*:*:instance/*"]}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSLambdaBasicExecutionRole", "/service-role/", "ANPAHAXXUC7TTBZMW2DM2", "v1", 1'428'591'823,
     1'428'591'823,
     R"({"Statement":[{"Action":["logs:CreateLogGroup","logs:CreateLogStream",)"
     R"("logs:PutLogEvents"],"Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"})"},
    {"AWSLambdaDynamoDBExecutionRole", "/service-role/", "ANPAJBKKFGALPR2TM2DNP", "v1",
     1'428'592'169, 1'428'592'169,
     R"({"Statement":[{"Action":["dynamodb:DescribeStream","dynamodb:GetRecords",)"
     R"("dynamodb:GetShardIterator","dynamodb:ListStreams","logs:CreateLogGroup",)"
     R"("logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSLambdaKinesisExecutionRole", "/service-role/", "ANPAZ42JR3FYWBMMKZLN7", "v2",
     1'428'592'456, 1'542'658'164,
     R"({"Statement":[{"Action":["kinesis:DescribeStream","kinesis:DescribeStreamSummary",)"
     R"("kinesis:GetRecords","kinesis:GetShardIterator","kinesis:ListShards",)"
     R"("kinesis:ListStreams","kinesis:SubscribeToShard","logs:CreateLogGroup",)"
     R"("logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AWSLambdaRole", "/service-role/", "ANPAGEW6VVARPS3BW6HCP", "v1", 1'423'248'088, 1'423'248'088,
     R"({"Statement":[{"Action":["lambda:InvokeFunction"],"Effect":"Allow",)"
     R"("Resource":["*"]}],"Version":"2012-10-17"})"},
    {"AWSLambdaSQSQueueExecutionRole", "/service-role/", "ANPAQAOZHLCZUTQDH7WCL", "v1",
     1'529'013'045, 1'529'013'045,
     R"({"Statement":[{"Action":["sqs:ReceiveMessage","sqs:DeleteMessage",)"
     R"("sqs:GetQueueAttributes","logs:CreateLogGroup","logs:CreateLogStream",)"
     R"("logs:PutLogEvents"],"Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"})"},
    {"AWSLambdaVPCAccessExecutionRole", "/service-role/", "ANPAZGCLWDEMBV7KAGXIO", "v3",
     1'455'232'526, 1'704'494'306,
     R"({"Statement":[{"Action":["logs:CreateLogGroup","logs:CreateLogStream",)"
     R"("logs:PutLogEvents","ec2:CreateNetworkInterface","ec2:DescribeNetworkInterfaces",)"
     R"("ec2:DescribeSubnets","ec2:DeleteNetworkInterface","ec2:AssignPrivateIpAddresses",)"
     R"("ec2:UnassignPrivateIpAddresses"],"Effect":"Allow","Resource":"*",)"
     R"("Sid":"AWSLambdaVPCAccessExecutionPermissions"}],"Version":"2012-10-17"})"},
    {"AmazonAPIGatewayPushToCloudWatchLogs", "/service-role/", "ANPAH7MWELPP6GSUZP6SV", "v1",
     1'447'285'306, 1'447'285'306,
     R"({"Statement":[{"Action":["logs:CreateLogGroup","logs:CreateLogStream",)"
     R"("logs:DescribeLogGroups","logs:DescribeLogStreams","logs:PutLogEvents",)"
     R"("logs:GetLogEvents","logs:FilterLogEvents"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AmazonEC2ContainerServiceEventsRole", "/service-role/", "ANPAPMDBPQIRMK6ZK5O6V", "v3",
     1'496'163'095, 1'678'141'512,
     R"({"Statement":[{"Action":["ecs:RunTask"],"Effect":"Allow","Resource":["*"]},)"
     R"({"Action":"iam:PassRole","Condition":{"StringLike":{"iam:PassedToService":"ecs-tasks)"
     R"(.amazonaws.com"}},"Effect":"Allow","Resource":["*"]},{"Action":"ecs:TagResource",)"
     R"("Condition":{"StringEquals":{"ecs:CreateAction":["RunTask"]}},"Effect":"Allow",)"
     R"("Resource":"*"}],"Version":"2012-10-17"})"},
    {"AmazonEC2ContainerServiceforEC2Role", "/service-role/", "ANPA5NYVRH2UZDDFXLQNY", "v10",
     1'426'790'718, 1'770'919'192,
     R"({"Statement":[{"Action":["ec2:DescribeTags","ecs:CreateCluster",)"
     R"("ecs:DeregisterContainerInstance","ecs:DiscoverPollEndpoint","ecs:Poll",)"
     R"("ecs:RegisterContainerInstance","ecs:StartTelemetrySession",)"
     R"("ecs:UpdateContainerInstancesState","ecs:Submit*","ecr:GetAuthorizationToken",)"
     R"("ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage",)"
     R"("logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":"*"},)"
     R"({"Action":"ecs:TagResource","Condition":{"StringEquals":{"ecs:CreateAction":["Create)"
     R"(Cluster","RegisterContainerInstance"]}},"Effect":"Allow","Resource":"*"},)"
     R"({"Action":["ecs:ListTagsForResource"],"Effect":"Allow",)"
     R"("Resource":["arn:aws:ecs:*:*:task/*/*","arn:aws:ecs:*:*:container-instance/*/*"]}],)"
     R"("Version":"2012-10-17"})"},
    {"AmazonECSTaskExecutionRolePolicy", "/service-role/", "ANPAZPE3WVQW6NHOK26I7", "v1",
     1'510'858'102, 1'510'858'102,
     R"({"Statement":[{"Action":["ecr:GetAuthorizationToken",)"
     R"("ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage",)"
     R"("logs:CreateLogStream","logs:PutLogEvents"],"Effect":"Allow","Resource":"*"}],)"
     R"("Version":"2012-10-17"})"},
    {"AmazonSNSRole", "/service-role/", "ANPAQ6F5ZU3YGSZTHOXPP", "v1", 1'423'248'090, 1'423'248'090,
     R"({"Statement":[{"Action":["logs:CreateLogGroup","logs:CreateLogStream",)"
     R"("logs:PutLogEvents","logs:PutMetricFilter","logs:PutRetentionPolicy"],)"
     R"("Effect":"Allow","Resource":["*"]}],"Version":"2012-10-17"})"},
};

}  // namespace

std::span<const ManagedPolicy> tool_policies() { return policies; }

}  // namespace slipway::iam
