import pulumi


class Bucket(pulumi.CustomResource):
    def __init__(self, name: str) -> None:
        super().__init__("aws:s3/bucket:Bucket", name, {"bucket": f"rc-{name}"})


Bucket("one")
Bucket("one")
