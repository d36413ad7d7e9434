variable "name" { type = string }
variable "vpc_id" { type = string }
variable "subnet_ids" { type = list(string) }
variable "prefix_list_id" { type = string }
variable "certificate_arn" { type = string }
variable "log_bucket" { type = string }
variable "header_secret" { type = string }
variable "hosts" { type = map(string) }
variable "applications" {
  type = map(object({ port = number, priority = number, security_group_id = string }))
}
variable "kinde" {
  type = object({ domain = string, client_id = string, client_secret = string })
}

resource "aws_security_group" "alb" {
  name        = "${var.name}-alb"
  description = "Allow CloudFront"
  vpc_id      = var.vpc_id
}

resource "aws_security_group_rule" "from_cloudfront" {
  type              = "ingress"
  security_group_id = aws_security_group.alb.id
  prefix_list_ids   = [var.prefix_list_id]
  protocol          = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "to_targets" {
  for_each                     = var.applications
  security_group_id            = aws_security_group.alb.id
  referenced_security_group_id = each.value.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "to_kinde" {
  security_group_id = aws_security_group.alb.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_lb" "this" {
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = false
  security_groups            = [aws_security_group.alb.id]
  subnets                    = var.subnet_ids
  drop_invalid_header_fields = true

  access_logs {
    bucket  = var.log_bucket
    prefix  = "alb-access"
    enabled = true
  }
}

resource "aws_lb_target_group" "this" {
  for_each    = var.applications
  name        = "${var.name}-${each.key}"
  port        = 80
  protocol    = "HTTP"
  target_type = "ip"
  vpc_id      = var.vpc_id
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type = "fixed-response"
    fixed_response {
      content_type = "text/plain"
      message_body = "Forbidden"
      status_code  = "403"
    }
  }
}

resource "aws_lb_listener_rule" "this" {
  for_each     = var.applications
  listener_arn = aws_lb_listener.https.arn
  priority     = each.value.priority

  condition {
    host_header {
      values = [var.hosts[each.key]]
    }
  }
  condition {
    http_header {
      http_header_name = "X-Origin-Verify"
      values           = [var.header_secret]
    }
  }

  action {
    type  = "authenticate-oidc"
    order = 1
    authenticate_oidc {
      issuer                 = "https://${var.kinde.domain}"
      authorization_endpoint = "https://${var.kinde.domain}/oauth2/auth"
      token_endpoint         = "https://${var.kinde.domain}/oauth2/token"
      user_info_endpoint     = "https://${var.kinde.domain}/oauth2/v2/user_profile"
      client_id              = var.kinde.client_id
      client_secret          = var.kinde.client_secret
    }
  }
  action {
    type             = "forward"
    order            = 2
    target_group_arn = aws_lb_target_group.this[each.key].arn
  }
}
