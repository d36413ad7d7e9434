import pulumi

pulumi.runtime.register_resource_transform(lambda args: None)
