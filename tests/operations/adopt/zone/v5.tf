# A zone as generation 5 of Cloudflare's provider keeps it.

variable "address" {}

terraform {
  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 5.22"
    }
  }
}

provider "cloudflare" {
  base_url = "https://${var.address}/client/v4"
}

resource "cloudflare_dns_record" "app" {
  for_each = toset(["portal", "pipelines"])
  zone_id  = "0123456789abcdef0123456789abcdef"
  name     = each.key
  type     = "CNAME"
  content  = "d111111abcdef8.cloudfront.net"
  ttl      = 1
  proxied  = true
}

resource "cloudflare_dns_record" "origin" {
  zone_id = "0123456789abcdef0123456789abcdef"
  name    = "origin.example.com"
  type    = "CNAME"
  content = "edge.eu-central-1.elb.amazonaws.com"
  ttl     = 300
}

resource "cloudflare_ruleset" "cache" {
  zone_id = "0123456789abcdef0123456789abcdef"
  name    = "default"
  kind    = "zone"
  phase   = "http_request_cache_settings"

  rules = [{
    action            = "set_cache_settings"
    expression        = "true"
    action_parameters = { cache = false }
  }]
}

resource "cloudflare_zone_setting" "ssl" {
  zone_id    = "0123456789abcdef0123456789abcdef"
  setting_id = "ssl"
  value      = "strict"
}
