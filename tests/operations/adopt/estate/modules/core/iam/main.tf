variable "environment" { type = string }
variable "roles" { type = map(object({ service = string, boundary = string })) }
variable "policies" { type = list(string) }
variable "attachments" { type = list(object({ role = string, policy = string })) }
variable "ci_issuer" { type = string }
variable "ci_audience" { type = string }

resource "aws_iam_openid_connect_provider" "ci" {
  url             = "https://${var.ci_issuer}"
  client_id_list  = [var.ci_audience]
  thumbprint_list = []
}

data "aws_iam_policy_document" "trust" {
  for_each = var.roles
  statement {
    actions = [each.value.service == "" ? "sts:AssumeRoleWithWebIdentity" : "sts:AssumeRole"]
    principals {
      type        = each.value.service == "" ? "Federated" : "Service"
      identifiers = [each.value.service == "" ? aws_iam_openid_connect_provider.ci.arn : each.value.service]
    }
  }
}

resource "aws_iam_policy" "this" {
  for_each    = toset(var.policies)
  name        = each.key
  description = "Managed by Terraform"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "logs:PutLogEvents", Resource = "*" }]
  })
}

resource "aws_iam_role" "this" {
  for_each             = var.roles
  name                 = each.key
  description          = "Managed by Terraform"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  permissions_boundary = aws_iam_policy.this[each.value.boundary].arn
}

resource "aws_iam_role_policy" "this" {
  for_each = var.roles
  name     = each.key
  role     = aws_iam_role.this[each.key].id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "logs:PutLogEvents", Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each   = { for one in var.attachments : "${one.role}/${one.policy}" => one }
  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}

output "role_arns" { value = { for name, role in aws_iam_role.this : name => role.arn } }
