"""One program per tool. Each reads the documents, judges them one by one and writes verdicts and times.

They run in the tools' own environments, so all except `own` import nothing from this project but `harness`.
"""
