import pulumi


def shelf(_: str) -> str:
    raise ValueError("no shelf left")


pulumi.export("shelf", pulumi.Output.from_input("wood").apply(shelf))
