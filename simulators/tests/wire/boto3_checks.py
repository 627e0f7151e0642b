"""Checks of the AWS simulator with boto3: python boto3_checks.py CHECK PROTOCOL URL KEY SECRET LIMITED SECRET ROLE.

PROTOCOL is `json` or `smithy-rpc-v2-cbor`; boto3 prefers the first and has the second as well.
"""

import datetime
import sys
from collections import Counter

import boto3
import botocore.auth
import botocore.model
from botocore.config import Config
from botocore.exceptions import ClientError

CHECK, PROTOCOL, URL, KEY, SECRET, LIMITED, LIMITED_SECRET, ROLE = sys.argv[1:]
PROTOCOLS = [PROTOCOL, "json", "query", "ec2"]
botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = PROTOCOLS
NOW = datetime.datetime.now(datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)


def client(service, region="us-east-1", key=KEY, secret=SECRET, token=None, attempts=8):
    retries = {"total_max_attempts": attempts, "mode": "standard"}
    return boto3.client(
        service, endpoint_url=URL, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret,
        aws_session_token=token, config=Config(retries=retries),
    )


def refused(code, call, text=""):
    try:
        call()
    except ClientError as error:
        said = error.response["Error"]
        assert said["Code"] == code, said
        assert text in said["Message"], said
        return error.response
    raise AssertionError(f"expected {code}")


def dimension(metric, name):
    return next((d["Value"] for d in metric["Dimensions"] if d["Name"] == name), None)


def metrics():
    cloudwatch = client("cloudwatch")
    assert cloudwatch.meta.service_model.resolved_protocol == PROTOCOL
    pages = list(cloudwatch.get_paginator("list_metrics").paginate())
    sizes = [len(page["Metrics"]) for page in pages]
    assert len(sizes) >= 3 and all(size == 500 for size in sizes[:-1]), sizes
    everything = [metric for page in pages for metric in page["Metrics"]]
    names = Counter(
        (m["Namespace"], m["MetricName"], tuple((d["Name"], d["Value"]) for d in m["Dimensions"])) for m in everything
    )
    assert max(names.values()) == 1, "no metric is listed twice"
    cpu = [m for m in everything if (m["Namespace"], m["MetricName"]) == ("AWS/EC2", "CPUUtilization")]
    recent = cloudwatch.list_metrics(Namespace="AWS/EC2", MetricName="CPUUtilization", RecentlyActive="PT3H")
    # Two instances were removed hours ago: they are listed, and not when only active ones are asked for.
    assert (len(cpu), len(recent["Metrics"])) == (52, 50), (len(cpu), len(recent["Metrics"]))
    one = dimension(cpu[0], "InstanceId")
    of_one = cloudwatch.list_metrics(Dimensions=[{"Name": "InstanceId", "Value": one}])["Metrics"]
    assert len(of_one) == 12 and all(dimension(m, "InstanceId") == one for m in of_one), len(of_one)
    pools = cloudwatch.list_metrics(Dimensions=[{"Name": "TargetGroup"}])["Metrics"]
    assert len(pools) == 4 and all(dimension(m, "LoadBalancer") for m in pools), pools
    owners = cloudwatch.list_metrics(Namespace="AWS/SQS", IncludeLinkedAccounts=True)
    assert owners["OwningAccounts"] == ["123456789012"] * len(owners["Metrics"])
    assert client("cloudwatch", "ap-south-1").list_metrics()["Metrics"] == []
    token = pages[0]["NextToken"]
    refused("InvalidParameterValue", lambda: cloudwatch.list_metrics(Namespace="AWS/RDS", NextToken=token))


def queries(metric, *stats, period=60):
    stat = lambda name: {"Metric": metric, "Period": period, "Stat": name}
    return [{"Id": "q_" + name.lower().replace(".", "_"), "MetricStat": stat(name)} for name in stats]


def data():
    cloudwatch = client("cloudwatch")
    listed = cloudwatch.list_metrics(Namespace="AWS/RDS", MetricName="CPUUtilization")["Metrics"]
    start, end = NOW - 120 * MINUTE, NOW
    asked = queries(listed[0], "Average", "Sum", "SampleCount", "Minimum", "Maximum", "p90")
    whole = cloudwatch.get_metric_data(MetricDataQueries=asked, StartTime=start, EndTime=end)
    results = {r["Id"]: r for r in whole["MetricDataResults"]}
    assert all(r["StatusCode"] == "Complete" and r["Label"] == "CPUUtilization" for r in results.values())
    average = results["q_average"]
    assert 117 <= len(average["Timestamps"]) <= 120, len(average["Timestamps"])
    assert average["Timestamps"] == sorted(average["Timestamps"], reverse=True), "newest first"
    assert all(0 < value < 100 for value in average["Values"])
    assert NOW - average["Timestamps"][0] < 3 * MINUTE, average["Timestamps"][0]

    # Paged by points: Ids come again, and together they are the whole. The newest point may be revised meanwhile.
    old = {"StartTime": start - 60 * MINUTE, "EndTime": end - 60 * MINUTE}
    pages = list(
        cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=asked, ScanBy="TimestampAscending", MaxDatapoints=100, **old
        )
    )
    unpaged = cloudwatch.get_metric_data(MetricDataQueries=asked, ScanBy="TimestampAscending", **old)
    assert len(pages) == 8, len(pages)
    joined, parts = {}, Counter()
    for page in pages:
        assert sum(len(r["Values"]) for r in page["MetricDataResults"]) <= 100
        for result in page["MetricDataResults"]:
            joined.setdefault(result["Id"], []).extend(zip(result["Timestamps"], result["Values"]))
            parts[result["Id"]] += 1
    assert max(parts.values()) > 1, "an Id comes again on a later page"
    for result in unpaged["MetricDataResults"]:
        assert joined[result["Id"]] == list(zip(result["Timestamps"], result["Values"])), result["Id"]

    # The older operation says the same and adds the unit.
    old_way = cloudwatch.get_metric_statistics(
        Namespace="AWS/RDS", MetricName="CPUUtilization", Dimensions=listed[0]["Dimensions"], Period=60,
        Statistics=["Average"], **old,
    )
    points = sorted((p["Timestamp"], p["Average"]) for p in old_way["Datapoints"])
    assert points == joined["q_average"] and old_way["Datapoints"][0]["Unit"] == "Percent"

    # What there is no such thing as has no points and no error; so has the wrong unit.
    ghost = {**listed[0], "MetricName": "Ghosts"}
    nothing = cloudwatch.get_metric_data(MetricDataQueries=queries(ghost, "Sum"), StartTime=start, EndTime=end)
    assert nothing["MetricDataResults"][0]["Values"] == []
    assert nothing["MetricDataResults"][0]["StatusCode"] == "Complete"
    wrong_unit = queries(listed[0], "Average")
    wrong_unit[0]["MetricStat"]["Unit"] = "Bytes"
    nothing = cloudwatch.get_metric_data(MetricDataQueries=wrong_unit, StartTime=start, EndTime=end)
    assert nothing["MetricDataResults"][0]["Values"] == []
    foreign = [{**asked[0], "AccountId": "999999999999"}]
    forbidden = cloudwatch.get_metric_data(MetricDataQueries=foreign, StartTime=start, EndTime=end)
    assert forbidden["MetricDataResults"][0]["StatusCode"] == "Forbidden"

    many = [{**asked[0], "Id": f"q{n}"} for n in range(501)]
    call = lambda queries, **more: cloudwatch.get_metric_data(
        **{"MetricDataQueries": queries, "StartTime": start, "EndTime": end, **more}
    )
    assert len(call(many[:500], StartTime=end - 5 * MINUTE)["MetricDataResults"]) == 500
    refused("ValidationError", lambda: call(many), "greater than 500")
    refused("ValidationError", lambda: call([asked[0], asked[0]]), "not unique")
    refused("ValidationError", lambda: call(queries(listed[0], "Average", period=90)), "multiple of 60")
    refused("ValidationError", lambda: call(asked, StartTime=end), "StartTime must be less")
    token = pages[0]["NextToken"]
    refused("InvalidNextToken", lambda: call(asked, NextToken=token))


def alarms():
    cloudwatch = client("cloudwatch")
    paginator = cloudwatch.get_paginator("describe_alarms")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 100}))
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    assert len(found) > 150 and not any(page["CompositeAlarms"] for page in pages), len(found)
    assert len({alarm["AlarmArn"] for alarm in found}) == len(found)
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 50, "fifty when nothing is said"
    composite = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm", "LogAlarm"])
    assert [alarm["AlarmName"] for alarm in composite["CompositeAlarms"]] == ["checkout-degraded"]
    assert composite["MetricAlarms"] == [] and "ALARM(" in composite["CompositeAlarms"][0]["AlarmRule"]
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName="checkout-degraded")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in children] == ["checkout-alb-5xx", "checkout-alb-slow"], children
    firing = cloudwatch.describe_alarms(StateValue="ALARM", MaxRecords=100)["MetricAlarms"]
    checks = [alarm for alarm in firing if alarm["AlarmName"].endswith("-status-check")]
    assert len(checks) >= 10, [alarm["AlarmName"] for alarm in firing]
    check = checks[0]
    assert check["Statistic"] == "Maximum" and check["Threshold"] == 1.0 and check["Namespace"] == "AWS/EC2"
    assert check["StateReason"].startswith("Threshold Crossed: ")
    assert check["StateTransitionedTimestamp"] <= check["StateUpdatedTimestamp"] <= NOW + MINUTE
    named = cloudwatch.describe_alarms(AlarmNames=[check["AlarmName"], "no-such-alarm"])["MetricAlarms"]
    assert [alarm["AlarmArn"] for alarm in named] == [check["AlarmArn"]]

    history = cloudwatch.describe_alarm_history(
        AlarmName=check["AlarmName"], HistoryItemType="StateUpdate", StartDate=NOW - 60 * MINUTE
    )["AlarmHistoryItems"]
    assert history[0]["HistorySummary"] == "Alarm updated from OK to ALARM", history
    assert history[0]["Timestamp"] == check["StateTransitionedTimestamp"]
    ended = cloudwatch.describe_alarm_history(AlarmName=check["AlarmName"], MaxRecords=1, ScanBy="TimestampAscending")
    assert ended["AlarmHistoryItems"][0]["HistoryItemType"] == "ConfigurationUpdate" and ended["NextToken"]
    fleet = cloudwatch.describe_alarms(AlarmNames=["fleet-checks"])["MetricAlarms"][0]
    assert "SELECT MAX(StatusCheckFailed)" in fleet["Metrics"][0]["Expression"] and "MetricName" not in fleet
    contributors = cloudwatch.describe_alarm_contributors(AlarmName="fleet-checks")["AlarmContributors"]
    assert len(contributors) == len(checks)
    assert contributors[0]["ContributorAttributes"]["InstanceId"].startswith("i-")
    refused(
        "ResourceNotFoundException",
        lambda: cloudwatch.describe_alarm_contributors(AlarmName="no-such-alarm"),
    )
    tags = cloudwatch.list_tags_for_resource(ResourceARN=check["AlarmArn"])["Tags"]
    assert {"Key": "severity", "Value": "critical"} in tags


def tags():
    tagging = client("resourcegroupstaggingapi")
    pages = list(tagging.get_paginator("get_resources").paginate(ResourcesPerPage=40))
    assert all(len(page["ResourceTagMappingList"]) == 40 for page in pages[:-1]) and len(pages) > 2
    found = [resource for page in pages for resource in page["ResourceTagMappingList"]]
    assert len({resource["ResourceARN"] for resource in found}) == len(found)
    assert all({"Key": "env", "Value": "production"} in resource["Tags"] for resource in found)
    instances = [r for r in found if ":instance/" in r["ResourceARN"]]
    assert len(instances) == 50, "those that are gone are not there"
    typed = tagging.get_resources(ResourceTypeFilters=["ec2:instance"], ResourcesPerPage=100)
    assert sorted(r["ResourceARN"] for r in typed["ResourceTagMappingList"]) == sorted(
        r["ResourceARN"] for r in instances
    )
    assert typed["PaginationToken"] == ""
    filters = [{"Key": "service", "Values": ["checkout", "search"]}, {"Key": "tier", "Values": ["edge"]}]
    edge = tagging.get_resources(TagFilters=filters)["ResourceTagMappingList"]
    assert edge and all(":instance/" not in r["ResourceARN"] for r in edge)
    refused("InvalidParameterException", lambda: tagging.get_resources(ResourcesPerPage=101))


def instances():
    ec2 = client("ec2")
    whole = ec2.describe_instances()
    assert "NextToken" not in whole
    found = [one for reservation in whole["Reservations"] for one in reservation["Instances"]]
    pages = list(ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 20}))
    sizes = [sum(len(r["Instances"]) for r in page["Reservations"]) for page in pages]
    assert len(sizes) > 2 and all(size == 20 for size in sizes[:-1]), sizes
    paged = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
    assert paged == found and len({one["InstanceId"] for one in found}) == len(found)
    running = [one for one in found if one["State"] == {"Code": 16, "Name": "running"}]
    assert len(running) == 50, "as many as have tags"
    zones = Counter(one["Placement"]["AvailabilityZone"] for one in running)
    assert set(zones) == {"us-east-1a", "us-east-1b", "us-east-1c"}, zones
    one = running[0]
    assert one["InstanceType"] in ("m5.large", "m5.xlarge", "c5.xlarge") and one["LaunchTime"] < NOW
    assert {"Key": "env", "Value": "production"} in one["Tags"]
    by_id = ec2.describe_instances(InstanceIds=[one["InstanceId"]])["Reservations"]
    assert [r["Instances"] for r in by_id] == [[one]] and by_id[0]["OwnerId"] == "123456789012"
    filters = [{"Name": "availability-zone", "Values": ["us-east-1a"]}, {"Name": "instance-state-name", "Values": ["running"]}]
    assert len(ec2.describe_instances(Filters=filters)["Reservations"]) == zones["us-east-1a"]
    assert client("ec2", "ap-south-1").describe_instances()["Reservations"] == []
    refused("InvalidParameterValue", lambda: ec2.describe_instances(MaxResults=4))
    refused("InvalidPaginationToken", lambda: ec2.describe_instances(MaxResults=5, NextToken="x"))
    refused("InvalidInstanceID.NotFound", lambda: ec2.describe_instances(InstanceIds=["i-0"]), "does not exist")
    limited = client("ec2", key=LIMITED, secret=LIMITED_SECRET)
    response = refused("UnauthorizedOperation", limited.describe_instances, "to perform: ec2:DescribeInstances")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    response = refused("AuthFailure", client("ec2", secret="wrong").describe_instances)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 401
    # All at once is what may be asked least often.
    impatient, codes = client("ec2", "ap-south-1", attempts=1), Counter()
    for _ in range(200):
        try:
            impatient.describe_instances()
            codes["fine"] += 1
        except ClientError as error:
            codes[error.response["Error"]["Code"]] += 1
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert codes["fine"] >= 45 and codes["RequestLimitExceeded"] >= 10, codes


def sessions():
    sts = client("sts")
    me = sts.get_caller_identity()
    assert (me["Account"], me["Arn"]) == ("123456789012", "arn:aws:iam::123456789012:user/isobar-reader")
    session = sts.assume_role(RoleArn=ROLE, RoleSessionName="test", DurationSeconds=900)
    given = session["Credentials"]
    assert datetime.timedelta(minutes=14) < given["Expiration"] - NOW < datetime.timedelta(minutes=16)
    keys = {"key": given["AccessKeyId"], "secret": given["SecretAccessKey"]}
    assumed = client("sts", token=given["SessionToken"], **keys).get_caller_identity()
    assert assumed["Arn"].endswith(":assumed-role/isobar-reader/test"), assumed
    cloudwatch = client("cloudwatch", token=given["SessionToken"], **keys)
    assert cloudwatch.list_metrics(Namespace="AWS/SQS")["Metrics"]
    refused("InvalidClientTokenId", lambda: client("cloudwatch", token="another", **keys).list_metrics())
    refused("AccessDenied", lambda: sts.assume_role(RoleArn=ROLE + "-other", RoleSessionName="test"))


def refusals():
    wrong = client("cloudwatch", secret="wrong")
    response = refused("SignatureDoesNotMatch", wrong.list_metrics, "does not match the signature you provided")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    refused("InvalidClientTokenId", client("cloudwatch", key="AKIANOBODY").list_metrics, "token included")
    limited = client("cloudwatch", key=LIMITED, secret=LIMITED_SECRET)
    assert limited.list_metrics(Namespace="AWS/SQS")["Metrics"]
    action = "is not authorized to perform: cloudwatch:DescribeAlarmHistory"
    refused("AccessDenied", limited.describe_alarm_history, action)
    refused("AccessDeniedException", client("resourcegroupstaggingapi", key=LIMITED, secret=LIMITED_SECRET).get_resources)

    impatient = client("cloudwatch", attempts=1)
    codes = Counter()
    for _ in range(12):
        try:
            impatient.describe_alarm_history(MaxRecords=1)
            codes["fine"] += 1
        except ClientError as error:
            codes[error.response["Error"]["Code"]] += 1
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert codes["fine"] >= 3 and codes["Throttling"] >= 3, codes
    # The other region has a quota of its own.
    client("cloudwatch", "eu-west-1", attempts=1).describe_alarm_history(MaxRecords=1)
    # By range and period this asks for more points than a second may bring; how many there are does not matter.
    ghost = {"Namespace": "AWS/EC2", "MetricName": "Ghosts", "Dimensions": []}
    asked = [{"Id": f"q{n}", "MetricStat": {"Metric": ghost, "Period": 60, "Stat": "Sum"}} for n in range(500)]
    wide = {"MetricDataQueries": asked, "StartTime": NOW - 1440 * MINUTE, "EndTime": NOW}
    refused("Throttling", lambda: impatient.get_metric_data(**wide), "Rate exceeded")

    real = botocore.auth.get_current_datetime
    for minutes, text in [(-10, "Signature expired: "), (10, "Signature not yet current: ")]:
        shift = datetime.timedelta(minutes=minutes)
        botocore.auth.get_current_datetime = lambda *a, **k: real(*a, **k) + shift
        refused("SignatureDoesNotMatch", impatient.list_metrics, text)
    botocore.auth.get_current_datetime = real


globals()[CHECK]()
