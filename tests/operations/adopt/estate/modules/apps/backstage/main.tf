# Stays with Terraform, and refers to what leaves.

variable "environment" { type = string }
variable "execution_role_arn" { type = string }
variable "task_role_arn" { type = string }
variable "secret_arn" { type = string }

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${var.environment}/backstage"
  retention_in_days = 30
}

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.environment}-backstage"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = var.task_role_arn
  container_definitions = jsonencode([{
    name    = "backstage"
    image   = "backstage"
    secrets = [{ name = "AUTH_SESSION_SECRET", valueFrom = var.secret_arn }]
  }])
}
