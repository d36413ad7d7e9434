variable "environment" { type = string }
variable "region" { type = string }
variable "domain" { type = string }
variable "vpc_id" { type = string }
variable "public_subnet_ids" { type = list(string) }
variable "cloudfront_prefix_list_id" { type = string }
variable "buckets" { type = list(string) }
variable "log_bucket" { type = string }
variable "secrets" { type = list(string) }
variable "parameters" { type = map(string) }
variable "policies" { type = list(string) }
variable "attachments" { type = list(object({ role = string, policy = string })) }
variable "ci_issuer" { type = string }
variable "ci_audience" { type = string }

variable "roles" {
  type        = map(object({ service = string, boundary = string }))
  description = "Name of a role -> who assumes it (a service, or CI where it is empty), and its boundary"
}

variable "applications" {
  type        = map(object({ port = number, priority = number, security_group_id = string }))
  description = "First label of an application's host -> how the load balancer reaches it"
}

variable "kinde" {
  type = object({ domain = string, client_id = string, client_secret = string })
}

variable "header_secret" { type = string }
variable "secret_value" { type = string }
