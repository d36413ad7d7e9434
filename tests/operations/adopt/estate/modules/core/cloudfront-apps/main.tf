terraform {
  required_providers {
    aws = { source = "hashicorp/aws", configuration_aliases = [aws.viewers] }
  }
}

variable "environment" { type = string }
variable "origin" { type = string }
variable "hosts" { type = map(string) }
variable "certificate_arn" { type = string }
variable "header_secret" { type = string }

resource "aws_cloudfront_response_headers_policy" "security" {
  name = "${var.environment}-security-headers"
  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 31536000
      override                   = true
    }
  }
}

resource "aws_wafv2_ip_set" "cloudflare" {
  for_each           = { ipv4 = ["173.245.48.0/20"], ipv6 = ["2400:cb00::/32"] }
  provider           = aws.viewers
  name               = "${var.environment}-only-cloudflare-${each.key}"
  scope              = "CLOUDFRONT"
  ip_address_version = upper(each.key)
  addresses          = each.value
}

resource "aws_wafv2_web_acl" "only_cloudflare" {
  provider = aws.viewers
  name     = "${var.environment}-only-cloudflare"
  scope    = "CLOUDFRONT"

  default_action {
    block {}
  }

  dynamic "rule" {
    for_each = { ipv4 = 0, ipv6 = 1 }
    content {
      name     = "cloudflare-${rule.key}"
      priority = rule.value
      action {
        allow {}
      }
      statement {
        ip_set_reference_statement {
          arn = aws_wafv2_ip_set.cloudflare[rule.key].arn
        }
      }
      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "cloudflare-${rule.key}"
        sampled_requests_enabled   = false
      }
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "only-cloudflare"
    sampled_requests_enabled   = false
  }
}

resource "aws_cloudfront_distribution" "app" {
  for_each        = var.hosts
  enabled         = true
  comment         = each.value
  aliases         = [each.value]
  is_ipv6_enabled = true
  price_class     = "PriceClass_100"
  web_acl_id      = aws_wafv2_web_acl.only_cloudflare.arn

  origin {
    origin_id   = "alb"
    domain_name = var.origin
    custom_header {
      name  = "X-Origin-Verify"
      value = var.header_secret
    }
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  default_cache_behavior {
    target_origin_id           = "alb"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods             = ["GET", "HEAD"]
    cache_policy_id            = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    origin_request_policy_id   = "216adef6-5c7f-47e4-b989-5492eafa07d3"
    response_headers_policy_id = aws_cloudfront_response_headers_policy.security.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }
}
