"""`preflight` on what no plan shows: other ways in, rules of the zone, contexts of the CI, accounts for visitors."""

from __future__ import annotations

import json
from typing import Any

import boto3

from tests.operations.cloud import REGION, fault_of
from tests.operations.conftest import Bench
from tests.operations.test_preflight_state import state_resource

PORTAL = "portal.rocketclub.online"
WAYS = ("distributions", "listeners", "security-groups", "targets")
PROJECT_ID = "3b8d2a47-51c6-4b7f-8d0e-2f9c6a1e4d58"
MAIN = 'pipeline.git.branch == "main"'


def verdicts(bench: Bench) -> dict[str, tuple[str, str]]:
    """Key of each check -> its outcome and text."""
    checks = json.loads(bench.run("preflight", "--json").out)["checks"]
    return {item["key"]: (item["outcome"], item["text"]) for item in checks}


class Account:
    """A load balancer with everything that belongs to it, and additions by hand."""

    def __init__(self) -> None:
        self.network: Any = boto3.client("ec2", REGION)
        self.balancers: Any = boto3.client("elbv2", REGION)
        self.vpc = self.network.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.network.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=REGION + zone)[
                "Subnet"
            ]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        self.security_group = self.make_security_group("edge")
        self.opening = self.open(443)
        self.balancer = self.make_balancer("edge")
        self.target_group = self.make_target_group("portal")
        self.listener = self.listen(443)
        self.rule = self.add_rule(1)

    def make_security_group(self, name: str) -> str:
        made = self.network.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return str(made["GroupId"])

    def open(self, port: int) -> str:
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        made = self.network.authorize_security_group_ingress(GroupId=self.security_group, IpPermissions=[permission])
        return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def make_balancer(self, name: str) -> str:
        made = self.balancers.create_load_balancer(
            Name=name, Subnets=self.subnets, SecurityGroups=[self.security_group]
        )
        return str(made["LoadBalancers"][0]["LoadBalancerArn"])

    def make_target_group(self, name: str) -> str:
        made = self.balancers.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip", HealthCheckProtocol="HTTP"
        )
        arn = str(made["TargetGroups"][0]["TargetGroupArn"])
        self.balancers.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.7", "Port": 80}])
        return arn

    def listen(self, port: int, balancer: str = "") -> str:
        action = {"Type": "forward", "TargetGroupArn": self.target_group}
        made = self.balancers.create_listener(
            LoadBalancerArn=balancer or self.balancer, Protocol="HTTP", Port=port, DefaultActions=[action]
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def add_rule(self, priority: int) -> str:
        made = self.balancers.create_rule(
            ListenerArn=self.listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": [f"/{priority}"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.target_group}],
        )
        return str(made["Rules"][0]["RuleArn"])

    def state(self) -> list[dict[str, str]]:
        return [
            state_resource(type_, "it", id_)
            for type_, id_ in {
                "aws:ec2/securityGroup:SecurityGroup": self.security_group,
                "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": self.opening,
                "aws:lb/loadBalancer:LoadBalancer": self.balancer,
                "aws:lb/targetGroup:TargetGroup": self.target_group,
                "aws:lb/listener:Listener": self.listener,
                "aws:lb/listenerRule:ListenerRule": self.rule,
            }.items()
        ]


def distribute(*aliases: str, origin: str = "elsewhere.example.org") -> str:
    """Create a distribution by hand."""
    client: Any = boto3.client("cloudfront", REGION)
    settings = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    config = {
        "CallerReference": " ".join((*aliases, origin)),
        "Comment": "",
        "Enabled": True,
        "Aliases": {"Quantity": len(aliases), "Items": list(aliases)},
        "Origins": {"Quantity": 1, "Items": [{"Id": "o", "DomainName": origin, "CustomOriginConfig": settings}]},
        "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only"},
    }
    return str(client.create_distribution(DistributionConfig=config)["Distribution"]["Id"])


def test_other_ways_in_are_reported(bench: Bench) -> None:
    account = Account()
    own = distribute(PORTAL)
    state = [*account.state(), state_resource("aws:cloudfront/distribution:Distribution", "portal", own)]
    bench.set_state(*state)
    found = verdicts(bench)
    assert [found[f"ways-in/{way}"] for way in WAYS] == [("passed", "none but the stack's own")] * 4

    foreign = [distribute("*.rocketclub.online"), distribute(origin="origin.rocketclub.online")]
    distribute("blog.rocketclub.online")
    account.listen(8080)
    account.add_rule(7)
    opening = account.open(22)
    second = account.make_balancer("second")
    account.listen(80, second)
    account.make_target_group("copy")
    found = verdicts(bench)
    said = {
        "distributions": [f"{foreign[0]} leads to {PORTAL}", f"{foreign[1]} leads to origin.rocketclub.online"],
        "listeners": ["a listener on HTTP:8080", "rule 7 of the listener on port 443"],
        "security-groups": [f"rule {opening} of {account.security_group}"],
        "targets": ["second leads to portal", "target group copy has the same targets"],
    }
    for way, texts in said.items():
        outcome, text = found[f"ways-in/{way}"]
        assert (outcome, [one for one in texts if one not in text]) == ("failed", []), text
        assert "blog" not in text
        assert text.endswith("delete it, or add it to the program")


def test_a_foreign_security_group_on_the_load_balancer_is_reported(bench: Bench) -> None:
    account = Account()
    bench.set_state(*account.state())
    other = account.make_security_group("other")
    account.balancers.set_security_groups(
        LoadBalancerArn=account.balancer, SecurityGroups=[account.security_group, other]
    )
    assert verdicts(bench)["ways-in/security-groups"] == (
        "failed",
        f"security group {other}: not in the stack's state; delete it, or add it to the program",
    )


def test_a_check_that_cannot_look_does_not_pass(bench: Bench) -> None:
    found = verdicts(bench)
    for way in WAYS:
        outcome, text = found[f"ways-in/{way}"]
        assert (outcome, text.startswith("not checked, because the state,")) == ("open", True)
    bench.set_state()
    found = verdicts(bench)
    assert found["ways-in/distributions"] == ("passed", "none but the stack's own")
    assert [found[f"ways-in/{way}"] for way in WAYS[1:]] == [
        ("open", "doesn't exist yet; the first apply creates it")
    ] * 3
    bench.cloud.fault = fault_of("/2020-05-31/distribution", "AccessDenied")
    outcome, text = verdicts(bench)["ways-in/distributions"]
    assert (outcome, "not checked, because these credentials aren't allowed to call ListDistributions" in text) == (
        "open",
        True,
    )


def test_self_registration_is_left_to_a_person(bench: Bench) -> None:
    outcome, text = verdicts(bench)["kinde/sign-up"]
    assert outcome == "open"
    assert text.startswith("not checked, because Kinde has no API for it: in Settings, Environment, Policies")


def rule(expression: str, **more: object) -> dict[str, Any]:
    return {"action": "redirect", "expression": expression, **more}


def test_rules_of_the_zone_that_affect_the_hosts_are_reported(bench: Bench) -> None:
    bench.patch.setenv("CLOUDFLARE_API_TOKEN", "CanaryCloudflareToken")
    bench.kinde.zone = {
        "http_request_transform": [rule('http.host eq "blog.rocketclub.online"')],
        "http_request_origin": [rule("true", enabled=False)],
        "routes": [{"pattern": "blog.rocketclub.online/*", "script": "it"}, {"pattern": f"{PORTAL}/*"}],
        "pagerules": [{"targets": [{"constraint": {"value": "blog.rocketclub.online/*"}}]}],
        f"_acme-challenge.{PORTAL}": [{"type": "CNAME", "content": f"{PORTAL}.0123456789abcdef.dcv.cloudflare.com"}],
    }
    found = verdicts(bench)
    keys = ("cloudflare/rules", "cloudflare/workers", "cloudflare/page-rules", f"validation/{PORTAL}")
    assert [found[key][0] for key in keys] == ["passed"] * 4

    bench.kinde.zone = {
        "http_request_dynamic_redirect": [rule(f'http.host eq "{PORTAL}"', description="to somewhere")],
        "http_response_headers_transform": [rule("true")],
        "routes": [{"pattern": "*.rocketclub.online/*", "script": "it"}],
        "pagerules": [{"targets": [{"constraint": {"value": f"https://{PORTAL}/*"}}]}],
        f"_acme-challenge.{PORTAL}": [{"type": "CNAME", "content": "acme.example.org"}],
    }
    found = verdicts(bench)
    assert [found[key][0] for key in keys] == ["failed"] * 4
    assert "`to somewhere` (http_request_dynamic_redirect)" in found[keys[0]][1]
    assert "`*.rocketclub.online/*`" in found[keys[1]][1]
    assert "`https://portal.rocketclub.online/*`" in found[keys[2]][1]
    assert "anyone who controls acme.example.org can get a certificate" in found[keys[3]][1]

    del bench.kinde.zone["http_request_dynamic_redirect"]
    outcome, text = verdicts(bench)["cloudflare/rules"]
    assert (outcome, "make sure that none of these applies to the stack's hosts: `true`" in text) == ("open", True)


def test_rules_that_the_token_may_not_read_are_left_open(bench: Bench) -> None:
    bench.patch.setenv("CLOUDFLARE_API_TOKEN", "CanaryCloudflareToken")
    bench.kinde.unreadable = {"http_request_snippets", "routes", "pagerules", f"_acme-challenge.{PORTAL}"}
    found = verdicts(bench)
    for key in ("cloudflare/rules", "cloudflare/workers", "cloudflare/page-rules", f"validation/{PORTAL}"):
        outcome, text = found[key]
        assert (outcome, text.startswith("not checked, because the token isn't allowed to read them")) == (
            "open",
            True,
        ), key


def restriction(type_: str, pattern: str) -> dict[str, str]:
    return {"restriction_type": type_, "match_pattern": pattern}


def test_contexts_of_the_ci_without_restrictions_are_reported(bench: Bench) -> None:
    outcome, text = verdicts(bench)["circleci/contexts"]
    assert (outcome, text.startswith("not checked, because CIRCLE_TOKEN isn't set")) == ("open", True)

    bench.patch.setenv("CIRCLE_TOKEN", "CanaryTokenOfCircleci")
    own, main = restriction("project", PROJECT_ID), restriction("expression", MAIN)
    people = restriction("group", "those-who-deploy")
    bench.kinde.contexts = {"platform-deploy": [own, main, people], "platform-preview": [own]}
    found = verdicts(bench)
    names = ("circleci/contexts/platform-deploy", "circleci/contexts/platform-preview")
    assert [found[name][0] for name in names] == ["passed", "passed"]

    bench.kinde.contexts = {"platform-deploy": [own], "platform-preview": []}
    found = verdicts(bench)
    assert found[names[0]] == (
        "failed",
        f"restrict it to `{MAIN}` and to no other expression (Organization Settings, Contexts)",
    )
    assert found[names[1]][0] == "failed"

    any_branch, other = restriction("expression", "true"), restriction("project", "0" * 8)
    bench.kinde.contexts = {"platform-deploy": [own, other, main, any_branch]}
    found = verdicts(bench)
    assert "to project" in found[names[0]][1]
    assert "no other expression" in found[names[0]][1]
    assert found[names[1]][1].startswith("doesn't exist; create it")

    bench.kinde.unreadable = {"contexts"}
    assert verdicts(bench)["circleci/contexts"] == ("open", "not checked, because CircleCI answers 403")
