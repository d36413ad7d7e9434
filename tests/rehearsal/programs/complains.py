import pulumi

print("printed by the program")
pulumi.log.info("all is well")
pulumi.log.warn("dusty")
pulumi.log.error("on fire")
