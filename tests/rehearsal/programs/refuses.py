import pulumi


class Refused(pulumi.RunError):
    exit_code = 2


raise Refused("the stack has 2 problems:\n- width: missing\n- depth: not a number")
