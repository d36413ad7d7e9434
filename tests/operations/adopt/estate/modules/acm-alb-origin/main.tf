terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "hosts" { type = list(string) }

resource "aws_acm_certificate" "this" {
  domain_name               = var.hosts[0]
  subject_alternative_names = slice(var.hosts, 1, length(var.hosts))
  validation_method         = "DNS"
  key_algorithm             = "RSA_2048"

  lifecycle {
    create_before_destroy = true
  }
}

output "arn" { value = aws_acm_certificate.this.arn }
