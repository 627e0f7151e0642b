"""Puts the same questions to the simulator and to moto: python beside_moto.py URL KEY SECRET …

moto is told what the simulator says of one metric and one alarm; then both must answer alike.
"""

import datetime
import logging
import sys

import boto3
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
URL, KEY, SECRET = sys.argv[1:4]
NOW = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
MINUTE = datetime.timedelta(minutes=1)

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
MOTO = "http://{}:{}".format(*server.get_host_and_port())


def client(service, url, key, secret):
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
    )


def ours(service):
    return client(service, URL, KEY, SECRET)


def moto(service):
    return client(service, MOTO, "x", "y")


def same_shape(a, b, path, optional=()):
    """Both have the same members of the same types; `optional` may be on one side only."""
    if path.split(".")[-1] == "ResponseMetadata":
        return
    number = (int, float)
    alike = type(a) is type(b) or isinstance(a, number) and isinstance(b, number)
    assert alike, f"{path}: {a!r} is not like {b!r}"
    if isinstance(a, dict):
        differing = (set(a) ^ set(b)) - set(optional)
        assert not differing, f"{path}: only one side has {differing}"
        for key in set(a) & set(b):
            same_shape(a[key], b[key], f"{path}.{key}", optional)
    if isinstance(a, list) and a and b:
        same_shape(a[0], b[0], f"{path}[0]", optional)


a, b = ours("cloudwatch"), moto("cloudwatch")
metric = a.list_metrics(Namespace="AWS/RDS", MetricName="ReadLatency")["Metrics"][0]
start, end = NOW - 40 * MINUTE, NOW - 10 * MINUTE
period = {"StartTime": start, "EndTime": end}
stats = ["SampleCount", "Sum", "Minimum", "Maximum"]
told = a.get_metric_statistics(**metric, **period, Period=60, Statistics=stats)["Datapoints"]
assert len(told) == 30, len(told)
for point in told:
    values = {name: point[name] for name in stats}
    datum = {
        "MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"], "Timestamp": point["Timestamp"],
        "StatisticValues": values, "Unit": point["Unit"],
    }
    b.put_metric_data(Namespace=metric["Namespace"], MetricData=[datum])

listed = {"Namespace": metric["Namespace"], "MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"]}
assert a.list_metrics(**listed)["Metrics"] == b.list_metrics(**listed)["Metrics"]
same_shape(a.list_metrics(**listed), b.list_metrics(**listed), "ListMetrics")

asked = [
    {"Id": f"q_{stat.lower()}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}
    for stat in ["Average", "Sum", "Minimum", "Maximum"]
]
asked = {"MetricDataQueries": asked, "ScanBy": "TimestampAscending", **period}
said, there = a.get_metric_data(**asked), b.get_metric_data(**asked)
# The model has messages about the whole answer; moto has none to give.
same_shape(said, there, "GetMetricData", optional=("Messages",))
for one, other in zip(said["MetricDataResults"], there["MetricDataResults"]):
    assert one["Id"] == other["Id"] and one["Timestamps"] == other["Timestamps"], (one, other)
    # moto adds the values of a period up in another order.
    assert all(abs(x - y) <= 1e-9 * abs(y) for x, y in zip(one["Values"], other["Values"])), (one, other)

asked = {**metric, **period, "Period": 300, "Statistics": ["Average", "Sum"]}
same_shape(a.get_metric_statistics(**asked), b.get_metric_statistics(**asked), "GetMetricStatistics")

alarm = a.describe_alarms(AlarmNames=["checkout-web-01-cpu-high"])["MetricAlarms"][0]
settable = [
    "AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "InsufficientDataActions",
    "MetricName", "Namespace", "Statistic", "Dimensions", "Period", "EvaluationPeriods", "DatapointsToAlarm",
    "Threshold", "ComparisonOperator", "TreatMissingData",
]
b.put_metric_alarm(**{name: alarm[name] for name in settable})
b.set_alarm_state(
    AlarmName=alarm["AlarmName"], StateValue=alarm["StateValue"], StateReason=alarm["StateReason"],
    StateReasonData=alarm["StateReasonData"],
)
there = b.describe_alarms(AlarmNames=[alarm["AlarmName"]])
# moto sends empty lists of metrics and kinds that the service leaves out, and knows no time of transition.
same_shape(
    a.describe_alarms(AlarmNames=[alarm["AlarmName"]]), there, "DescribeAlarms",
    optional=("Metrics", "CompositeAlarms", "EvaluateLowSampleCountPercentile", "LogAlarms", "StateTransitionedTimestamp"),
)
for name in settable:
    assert alarm[name] == there["MetricAlarms"][0][name], name

same_shape(ours("sts").get_caller_identity(), moto("sts").get_caller_identity(), "GetCallerIdentity")
role = {"RoleArn": sys.argv[6], "RoleSessionName": "test"}
same_shape(
    ours("sts").assume_role(**role), moto("sts").assume_role(**role), "AssumeRole", optional=("PackedPolicySize",)
)

queue = moto("sqs").create_queue(QueueName="a-queue", tags={"service": "checkout"})
assert queue["QueueUrl"]
kinds = {"ResourceTypeFilters": ["sqs"]}
same_shape(
    ours("resourcegroupstaggingapi").get_resources(**kinds),
    moto("resourcegroupstaggingapi").get_resources(**kinds),
    "GetResources",
    # At the end the service sends an empty token and moto none.
    optional=("PaginationToken",),
)
server.stop()
