resource "aws_sqs_queue_policy" "open" {
  queue_url = "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:eu-central-1:123456789012:jobs"
    }]
  })
}
