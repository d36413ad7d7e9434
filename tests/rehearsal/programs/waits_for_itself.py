import pulumi

shelf = pulumi.ComponentResource("workshop:index:Shelf", "shelf")
outside = pulumi.CustomResource("aws:s3/bucket:Bucket", "outside", {}, pulumi.ResourceOptions(depends_on=[shelf]))
pulumi.CustomResource("aws:s3/bucket:Bucket", "late", {"bucket": outside.id}, pulumi.ResourceOptions(parent=shelf))
