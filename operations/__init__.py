"""What people run before and after a deploy: `python -m operations COMMAND --stack STACK`.

It knows the program through its settings and its catalogue only. No secret value is ever printed, logged, given as an
argument or written to a file.
"""
