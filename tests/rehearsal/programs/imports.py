import pulumi


class Bucket(pulumi.CustomResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("aws:s3/bucket:Bucket", name, {"bucket": "rc-old"}, opts)


Bucket("old", pulumi.ResourceOptions(import_="rc-old"))
