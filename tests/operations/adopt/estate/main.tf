# A platform as Terraform makes it, for tests of taking it over. It has the five usual differences from what this
# repository's program plans: the path of roles, descriptions of policies and of the security group, the certificate's
# kind of key, and the target groups' port.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = var.region
  s3_use_path_style           = true
  skip_metadata_api_check     = true
  skip_credentials_validation = true

  default_tags {
    tags = { ManagedBy = "terraform", Environment = var.environment }
  }
}

provider "aws" {
  alias                       = "viewers"
  region                      = "us-east-1"
  skip_metadata_api_check     = true
  skip_credentials_validation = true

  default_tags {
    tags = { ManagedBy = "terraform", Environment = var.environment }
  }
}

locals {
  hosts  = { for label, app in var.applications : label => "${label}.${var.domain}" }
  origin = "origin.${var.domain}"
}

module "acm_alb_origin" {
  source = "./modules/acm-alb-origin"
  hosts  = concat([local.origin], values(local.hosts))
}

module "acm_viewer" {
  source    = "./modules/acm-alb-origin"
  providers = { aws = aws.viewers }
  hosts     = values(local.hosts)
}

module "s3_data" {
  source   = "./modules/core/s3-data"
  for_each = toset(var.buckets)
  bucket   = each.key
}

module "iam" {
  source      = "./modules/core/iam"
  environment = var.environment
  roles       = var.roles
  policies    = var.policies
  attachments = var.attachments
  ci_issuer   = var.ci_issuer
  ci_audience = var.ci_audience
}

module "alb" {
  source          = "./modules/core/alb"
  name            = "${var.environment}-edge"
  vpc_id          = var.vpc_id
  subnet_ids      = var.public_subnet_ids
  prefix_list_id  = var.cloudfront_prefix_list_id
  certificate_arn = module.acm_alb_origin.arn
  log_bucket      = module.s3_data[var.log_bucket].bucket
  header_secret   = var.header_secret
  hosts           = local.hosts
  applications    = var.applications
  kinde           = var.kinde
}

module "cloudfront_apps" {
  source          = "./modules/core/cloudfront-apps"
  providers       = { aws = aws, aws.viewers = aws.viewers }
  environment     = var.environment
  origin          = local.origin
  hosts           = local.hosts
  certificate_arn = module.acm_viewer.arn
  header_secret   = var.header_secret
}

resource "aws_secretsmanager_secret" "this" {
  for_each                = toset(var.secrets)
  name                    = each.key
  description             = "Made by Terraform"
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each      = aws_secretsmanager_secret.this
  secret_id     = each.value.id
  secret_string = var.secret_value
}

resource "aws_ssm_parameter" "this" {
  for_each = var.parameters
  name     = each.key
  type     = "String"
  value    = each.value
}

resource "aws_ssm_parameter" "header_secret" {
  name  = "/${var.environment}/shared/cf_alb_secret"
  type  = "SecureString"
  value = var.header_secret
}

module "backstage" {
  source             = "./modules/apps/backstage"
  environment        = var.environment
  execution_role_arn = module.iam.role_arns["${var.environment}-backstage-execution"]
  task_role_arn      = module.iam.role_arns["${var.environment}-backstage-task"]
  secret_arn         = aws_secretsmanager_secret.this["${var.environment}/backstage/session-secret"].arn
}
