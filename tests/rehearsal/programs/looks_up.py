import pulumi

pulumi.runtime.invoke("aws:ec2/getVpc:getVpc", {"default": True})
