"""The access report and the difference between two plans, compared with brute force and a separate evaluator."""

from __future__ import annotations

import copy
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.least_privilege.access.__main__ import main
from policies.least_privilege.access.report import NotAPlan, accesses, difference
from policies.least_privilege.access.sentences import sentences
from policies.least_privilege.access.tables import page
from policies.least_privilege.language.patterns import covered

Json = Any
ROOT: Final = Path(__file__).resolve().parents[3]
ACCOUNT: Final = "123456789012"

# --- patterns -------------------------------------------------------------------------------------------------------

PATTERNS: Final = st.text("ab*?", max_size=4)
TEXTS: Final = ["".join(letters) for size in range(7) for letters in itertools.product("abc", repeat=size)]


def brute(pattern: str) -> set[str]:
    expression = re.compile("".join({"*": ".*", "?": "."}.get(letter, letter) for letter in pattern))
    return {text for text in TEXTS if expression.fullmatch(text)}


@given(PATTERNS, st.lists(PATTERNS, max_size=4))
def test_covered_agrees_with_brute_force(inner: str, outers: list[str]) -> None:
    everything: set[str] = set().union(*map(brute, outers))
    # No pattern names the letter `c`; texts of six letters are longer than any pattern of four.
    assert covered(inner, tuple(outers)) == (brute(inner) <= everything)


# --- an empty difference is a proof -----------------------------------------------------------------------------------


def role(name: str, boundary: str | None = None, **more: Json) -> Json:
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
    inputs = {"name": name, "assumeRolePolicy": json.dumps(trust), **more}
    return planned("aws:iam/role:Role", name, inputs | ({"permissionsBoundary": boundary} if boundary else {}))


def planned(kind: str, name: str, inputs: Json) -> Json:
    return {
        "op": "create",
        "newState": {"type": kind, "urn": f"urn:pulumi:prod::p::{kind}::{name}", "inputs": inputs},
    }


def text(statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def plan(*steps: Json) -> Json:
    return {"steps": list(steps)}


BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/limit"


def stack(statements: Json, limit: Json = None) -> Json:
    steps = [
        role("app", BOUNDARY if limit is not None else None),
        planned("aws:iam/rolePolicy:RolePolicy", "app", {"role": "app", "name": "app", "policy": text(statements)}),
    ]
    if limit is not None:
        steps.append(planned("aws:iam/policy:Policy", "limit", {"name": "limit", "policy": text(limit)}))
    return plan(*steps)


ACTIONS: Final = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:NoSuchAction", "sqs:SendMessage")
KEYS: Final = ("a", "ab", "abc", "b", "a/a", "a/b", "b/ab", "c/c")
REQUESTS: Final = [
    (action, f"arn:aws:s3:::{key}", holds)
    for action in ACTIONS
    for key in KEYS
    for holds in ("", "x", "y")
    # S3 has no such request: getting a bucket, listing an object, sending one a message. Unknown actions can't be
    # judged.
    if action == "s3:NoSuchAction" or (action.endswith("Object") if "/" in key else action == "s3:ListBucket")
]

PART: Final = st.text("ab*?/", min_size=1, max_size=3)
CONDITION: Final = st.sampled_from(
    (
        None,
        {"StringEquals": {"aws:PrincipalTag/t": "x"}},
        {"StringEquals": {"aws:PrincipalTag/t": ["x", "y"]}},
        {"StringNotEquals": {"aws:PrincipalTag/t": "x"}},
    )
)


@st.composite
def statement(draw: st.DrawFn) -> Json:
    named = draw(
        st.lists(st.sampled_from((*ACTIONS, "s3:*", "s3:?etObject", "*", "s3:Put*", "s3:No*")), min_size=1, max_size=2)
    )
    resources = draw(
        st.lists(PART.map(lambda part: "*" if part == "*" else f"arn:aws:s3:::{part}"), min_size=1, max_size=3)
    )
    made: Json = {
        "Effect": draw(st.sampled_from(("Allow", "Allow", "Deny"))),
        draw(st.sampled_from(("Action", "Action", "NotAction"))): named,
        draw(st.sampled_from(("Resource", "Resource", "NotResource"))): resources,
    }
    condition = draw(CONDITION)
    return made | ({"Condition": condition} if condition else {})


STATEMENTS: Final = st.lists(statement(), min_size=1, max_size=4)


def fits(pattern: str, value: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(expression, value, re.DOTALL) is not None


def applies(one: Json, action: str, resource: str, tag: str) -> bool:
    for element, value in (("Action", action.lower()), ("Resource", resource)):
        patterns = [
            item.lower() if element == "Action" else item for item in one.get(element, one.get(f"Not{element}"))
        ]
        if any(fits(pattern, value) for pattern in patterns) != (element in one):
            return False
    for operator, keys in one.get("Condition", {}).items():
        [values] = keys.values()
        values = values if isinstance(values, list) else [values]
        if (bool(tag) and tag in values) if operator == "StringEquals" else tag not in values:
            continue
        return False
    return True


def allowed(statements: Json, limit: Json, request: tuple[str, str, str]) -> bool:
    every = [*statements, *(limit or [])]
    if any(one["Effect"] == "Deny" and applies(one, *request) for one in every):
        return False
    return all(
        any(one["Effect"] == "Allow" and applies(one, *request) for one in of)
        for of in (statements, limit)
        if of is not None
    )


@st.composite
def change(draw: st.DrawFn) -> tuple[Json, Json, Json, Json]:
    """Draw a policy and a boundary, and both after a change; the change is often small, so that both outcomes occur."""
    before, limit = draw(STATEMENTS), draw(st.none() | STATEMENTS)
    after, bound = copy.deepcopy(before), copy.deepcopy(limit)
    for _ in range(draw(st.integers(0, 2))):
        target = draw(st.sampled_from([after, bound] if bound else [after]))
        step = draw(st.sampled_from(("add", "drop", "condition", "replace")))
        at = draw(st.integers(0, len(target) - 1))
        if step == "add":
            target.append(draw(statement()))
        elif step == "drop" and len(target) > 1:
            del target[at]
        elif step == "condition":
            target[at].pop("Condition", None)
        else:
            target[at] = draw(statement())
    return before, limit, after, bound


@given(change())
def test_an_empty_difference_proves_that_no_access_is_new(drawn: tuple[Json, Json, Json, Json]) -> None:
    before, limit, after, bound = drawn
    new = [one for one in REQUESTS if allowed(after, bound, one) and not allowed(before, limit, one)]
    if new:
        assert difference(stack(before, limit), stack(after, bound)), new[0]


@given(STATEMENTS, st.none() | STATEMENTS)
def test_a_plan_adds_nothing_to_itself(statements: Json, limit: Json) -> None:
    same = stack(statements, limit)
    assert difference(same, copy.deepcopy(same)) == []


@given(STATEMENTS, st.randoms())
def test_removing_an_allow_adds_no_access(statements: Json, random: Json) -> None:
    """Removing an Allow and changing the order of statements adds no access."""
    after = copy.deepcopy(statements)
    random.shuffle(after)
    allows = [one for one in after if one["Effect"] == "Allow"]
    if len(after) > 1 and allows:
        after.remove(allows[0])
    assert difference(stack(statements), stack(after)) == []


# --- what people read -------------------------------------------------------------------------------------------------

READ: Final = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::prod-raw/*"}
WRITE: Final = READ | {"Action": ["s3:GetObject", "s3:PutObject"]}


def said(before: Json, after: Json) -> list[str]:
    return sentences(difference(before, after))


def test_a_new_action_is_described_in_a_sentence() -> None:
    assert said(stack([READ]), stack([WRITE])) == ["This change lets `app` write to `prod-raw/*` (s3:PutObject)."]
    assert said(stack([WRITE]), stack([READ])) == []
    both = {"Resource": ["arn:aws:s3:::prod-raw/*", "arn:aws:s3:::prod-clean/*"]}
    assert said(stack([READ | both]), stack([WRITE | both])) == [
        "This change lets `app` write to `prod-raw/*`, `prod-clean/*` (s3:PutObject)."
    ]


def test_actions_count_only_on_resources_they_act_on() -> None:
    every = READ | {"Action": "s3:*"}
    [sentence] = said(stack([READ]), stack([every]))
    assert sentence.startswith(
        "This change lets `app` list, read about, read, write to, tag, change permissions of and use unknown "
        "actions on `prod-raw/*` (list: s3:ListMultipartUploadParts; read: "
    )
    assert "s3:CreateBucket" not in sentence  # acts on no object
    listing = READ | {"Action": ["s3:GetObject", "s3:ListBucket", "s3:ListAllMyBuckets"]}
    assert said(stack([READ]), stack([listing])) == []
    on_bucket = {"Effect": "Allow", "Action": "s3:*Bucket", "Resource": "arn:aws:s3:::prod-raw"}
    [sentence] = said(stack([READ]), stack([READ, on_bucket]))
    assert "(read: " not in sentence
    assert "contents: s3:ListBucket; write: s3:CreateBucket" in sentence


def test_roles_and_resources_with_the_same_access_share_a_sentence() -> None:
    def roles(action: str) -> Json:
        allow = READ | {"Action": action, "Resource": ["arn:aws:s3:::prod-raw/*", "arn:aws:s3:::prod-clean/*"]}
        policies = [
            planned("aws:iam/rolePolicy:RolePolicy", name, {"role": name, "name": name, "policy": text([allow])})
            for name in ("app", "api", "job")
        ]
        return plan(*map(role, ("app", "api", "job")), *policies)

    assert said(roles("s3:GetObject"), roles("s3:PutObject")) == [
        "This change lets `api`, `app` and `job` write to `prod-raw/*`, `prod-clean/*` (s3:PutObject)."
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([READ | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}], [READ]),
        ([READ], [READ | {"Resource": "arn:aws:s3:::prod-*"}]),
        ([READ, READ | {"Effect": "Deny", "Resource": "arn:aws:s3:::prod-raw/private/*"}], [READ]),
        ([READ], [READ | {"Action": "s3:GetObject*"}]),
        ([READ], [READ, {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
        ([READ], [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::other/*"}]),
    ],
)
def test_widening_adds_access_and_narrowing_does_not(before: Json, after: Json) -> None:
    assert said(stack(before), stack(after))
    assert said(stack(after), stack(before)) == []


def test_a_boundary_limits_the_difference() -> None:
    wide, narrow = [WRITE], [READ]
    assert said(stack(narrow, narrow), stack(wide, narrow)) == []
    assert said(stack(wide, narrow), stack(wide, wide)) == [
        "This change lets `app` write to `prod-raw/*` (s3:PutObject)."
    ]
    assert said(stack(wide, narrow), stack(wide))


def test_replacing_patterns_by_a_covered_one_adds_no_access() -> None:
    both = READ | {"Resource": ["arn:aws:s3:::prod-raw/a*", "arn:aws:s3:::prod-raw/?b*"]}
    assert said(stack([both]), stack([READ | {"Resource": "arn:aws:s3:::prod-raw/ab*"}])) == []


def bucket(statements: Json) -> Json:
    return plan(
        planned("aws:s3/bucketPolicy:BucketPolicy", "raw", {"bucket": "prod-raw", "policy": text(statements)}),
        role("app"),
    )


def test_resource_policies_count() -> None:
    tls = {
        **{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::prod-raw/*"},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    public = {**READ, "Principal": "*"}
    assert said(bucket([tls]), bucket([tls, public])) == [
        "This change lets `everybody (by the resource policy of prod-raw)` read `prod-raw/*` (s3:GetObject)."
    ]
    assert "is no longer refused" in said(bucket([tls]), bucket([{**tls, "Action": "s3:GetObject"}]))[0]
    assert said(bucket([tls, public]), bucket([tls])) == []


def test_a_new_trusted_principal_is_new_access() -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "sts:AssumeRole"}
    after = plan(role("app", assumeRolePolicy=text([trust])))
    [sentence] = said(plan(role("app")), after)
    assert "444455556666" in sentence
    assert "sts:AssumeRole" in sentence


def test_an_unknown_policy_counts_as_new_access() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    policy = planned("aws:iam/rolePolicy:RolePolicy", "app", {"role": "app", "policy": unknown})
    assert said(stack([READ]), plan(role("app"), policy))
    attached = planned(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "x", {"role": "app", "policyArn": f"{BOUNDARY}-of-others"}
    )
    assert said(plan(role("app")), plan(role("app"), attached))
    assert said(plan(role("app"), attached), plan(role("app"), attached)) == []


def test_attached_aws_managed_policies_count() -> None:
    attached = planned(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "x",
        {"role": "app", "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"},
    )
    assert any("on everything (list: " in sentence for sentence in said(plan(role("app")), plan(role("app"), attached)))


def test_the_page_begins_with_who_reads_each_secret() -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
    read = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue"}
    made = [
        planned("aws:secretsmanager/secret:Secret", name, {"name": name}) for name in ("prod/a", "prod/b", "dev/alone")
    ]
    wide = planned(
        "aws:iam/rolePolicy:RolePolicy",
        "all",
        {"role": "all", "name": "all", "policy": text([read | {"Resource": f"{arn}prod/*"}])},
    )
    one = stack([read | {"Resource": [f"{arn}prod/a-??????", f"{arn}others/c-??????"]}])["steps"]
    sections = page(plan(*one, role("all"), wide, *made)).split("\n## ")
    assert sections[1] == (
        "Who reads each secret\n\n| secret | read by |\n| --- | --- |\n"
        "| `dev/alone` | nobody |\n| `prod/a` | `app`<br>`all` |\n| `prod/b` | `all` |\n"
    )
    assert sections[2] == (
        "Who reads secrets made elsewhere\n\n| secret | read by |\n| --- | --- |\n| `others/c` | `app` |\n"
    )
    assert sections[3] == (
        "Who can assume each role\n\n| role | who |\n| --- | --- |\n| `app`<br>`all` | `ec2.amazonaws.com` |\n"
    )


def test_the_table_shows_access_within_the_boundary_only() -> None:
    text = page(stack([WRITE], [READ]))
    assert "| `app` | s3 | contents | `prod-raw/*` |" in text
    assert "s3:PutObject" not in text
    assert "| s3 | write" not in text


@pytest.mark.parametrize("what", [[], {}, {"steps": 1}, {"steps": [1]}, {"steps": [{"newState": {"type": 1}}]}])
def test_input_that_is_not_a_plan_is_refused(what: Json) -> None:
    with pytest.raises(NotAPlan):
        accesses(what)


def test_the_access_command_reports_differences_and_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after, broken = tmp_path / "before.json", tmp_path / "after.json", tmp_path / "broken.json"
    before.write_text(json.dumps(stack([READ])))
    after.write_text(json.dumps(stack([WRITE])))
    broken.write_text("{")
    diff = [sys.executable, "-m", "policies.least_privilege.access", "diff", str(before)]
    same = subprocess.run([*diff, str(before)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (same.returncode, same.stdout) == (0, "No new access.\n")
    assert main(["diff", str(before), str(after), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"holder": "app", "level": "Write", "actions": ["s3:PutObject"], "resource": "arn:aws:s3:::prod-raw/*"}
    ]
    for bad in (str(broken), str(tmp_path / "none.json")):
        assert main(["report", bad]) == 2
        assert capsys.readouterr().err.startswith("error: ")
    assert main(["report", str(before)]) == 0
    assert "| `app` | s3 |" in capsys.readouterr().out
