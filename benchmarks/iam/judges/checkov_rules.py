"""The rules of Checkov that judge the contents of a policy. The others judge encryption, logging and the like."""

OF_PLANS = (
    *("CKV_AWS_60", "CKV_AWS_61", "CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_274", "CKV2_AWS_40", "CKV2_AWS_56"),
    *("CKV_AWS_286", "CKV_AWS_287", "CKV_AWS_288", "CKV_AWS_289", "CKV_AWS_290", "CKV_AWS_355", "CKV_AWS_393"),
    *("CKV_AWS_32", "CKV_AWS_33", "CKV_AWS_70", "CKV_AWS_72", "CKV_AWS_168", "CKV_AWS_169", "CKV_AWS_301"),
    *("CKV_AWS_364", "CKV_AWS_385", "CKV_AWS_387"),
)

OF_TEMPLATES = (
    *("CKV_AWS_60", "CKV_AWS_61", "CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_32", "CKV_AWS_33"),
    *("CKV_AWS_107", "CKV_AWS_108", "CKV_AWS_109", "CKV_AWS_110", "CKV_AWS_111"),
)
